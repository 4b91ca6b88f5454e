"""JUnit's file: no password is left in it, and all else stays as pytest has written it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from test_framework.redaction import KNOWN
from test_framework.report.junit import finish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

TEST = "tests/unit/test_it.py"
FAILS = """
import pytest, sys

@pytest.mark.parametrize("n", [1, 2])
def test_fails(n):
    print("connecting to redis://:hunter22@h")
    print("password=hunter22 <&>", file=sys.stderr)
    assert "postgresql://app:hunter22@h/db" == n

@pytest.mark.skip(reason="no login at amqp://app:hunter22@h")
def test_skipped(): pass

@pytest.fixture
def broken(): raise OSError("token: hunter22\\x1b")

def test_errs(broken): pass
"""


def cases(path: Path) -> list[ET.Element]:
    """Return the tests of a JUnit file."""
    return list(ET.parse(path).getroot().iter("testcase"))  # noqa: S314  # our own


@pytest.mark.parametrize("where", ["", "elsewhere/it.xml", "$PLACE/it.xml"])
def test_what_looks_like_a_password_is_hidden(project: Project, where: str) -> None:
    """In messages, in what pytest and the test print, and in reasons; wherever the file is."""
    project.write(TEST, FAILS)
    project.env.setenv("PLACE", "named")
    given = [f"--junitxml={where}"] if where else []
    assert project.run("--tier", "unit", "-o", "junit_logging=all", *given).ret == pytest.ExitCode.TESTS_FAILED
    path = project.path / (where.replace("$PLACE", "named") or "reports/unit.xml")
    text = path.read_text()
    assert "hunter22" not in text
    for told in ("redis://:***@h", "password=*** &lt;&amp;&gt;", "postgresql://app:***@h/db", "amqp://app:***@h"):
        assert told in text
    assert [len(case) > 0 for case in cases(path)] == [True] * 4


def test_what_is_known_as_a_password_is_hidden(tmp_path: Path) -> None:
    """However it is written there: as an attribute or a text, with what XML has to escape."""
    path = tmp_path / "it.xml"
    suite = ET.Element("testsuite")
    case = ET.SubElement(suite, "testcase", name="test_it", classname="tests.unit")
    ET.SubElement(case, "failure", message='it is a"<b>&c"d').text = "hunter22, hunter22"
    path.write_bytes(ET.tostring(suite, encoding="utf-8", xml_declaration=True))
    KNOWN.add('a"<b>&c"d')
    KNOWN.add("hunter22")
    finish(path)
    (found,) = cases(path)
    (failure,) = found
    assert (failure.get("message"), failure.text) == ("it is ***", "***, ***")
    assert found.attrib == {"name": "test_it", "classname": "tests.unit"}


def test_without_pytest_s_own_plugin_there_is_no_file(project: Project) -> None:
    """Nor that of the run before, in which timeouts would be counted; the rest of the run is as ever."""
    project.configure("html = true")
    project.write(TEST, "def test_passes(): pass\n")
    project.write("reports/unit.xml", "<testsuites/>")
    result = project.run("--tier", "unit", "-p", "no:junitxml")
    assert result.ret == pytest.ExitCode.OK
    assert "report: reports/unit.json" in result.outlines
    assert not any("cannot be" in line for line in result.outlines)
    assert {path.name for path in (project.path / "reports").iterdir()} == {"unit.json", "index.html"}


def test_a_file_without_secrets_stays(tmp_path: Path) -> None:
    """To the byte, also where it has words that are near to them."""
    path = tmp_path / "it.xml"
    for text in ("<a b='c'>d</a  >", "<a  token='its'>secret: </a>", "<a>http://example.com/</a  >"):
        path.write_text(text)
        finish(path)
        assert path.read_text() == text
