"""Who makes a secret known, and each place where it is hidden; the matrix is in tests/system/test_secrets.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.config import BadSetting, Settings, load
from test_framework.contracts import Command, ContainerSpec, Launch
from test_framework.e2e.auth import Tokens
from test_framework.redaction import hide_known, hide_secrets
from test_framework.report.record import Record
from test_framework.resolution import Code, Endpoint, Reason, Refused
from test_framework.stack.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Project

TEST = "tests/unit/test_it.py"


def made_known(tmp_path: Path, secret: str) -> dict[str, Callable[[], object]]:
    """Return who makes a secret known, by what it is of."""
    tokens = {"access_token": secret, "refresh_token": "x", "expires_in": 1}
    table = f"""
    [tool.test_framework.services.bus]
    image = "bus:1"
    port = 1
    url_format = "bus://{{host}}:{{port}}"
    container_environment = {{ BUS_PASS = "{"another one" if "url_env" in secret else secret}" }}
    [tool.test_framework.services.postgres]
    url_env = ["OURS"]
    """
    (tmp_path / "pyproject.toml").write_text(table if secret.startswith("table") else "")

    def stack() -> None:
        variables = Variables("project", {"XDG_STATE_HOME": str(tmp_path)}, tmp_path / "compose.yaml")
        variables.write({"REDIS_PASSWORD": secret})
        variables.read()

    return {
        "launch": lambda: Launch(secret),
        "endpoint": lambda: Endpoint("x", "docker", f"redis://:{secret}@h/0", None),
        "part": lambda: Endpoint("x", "docker", "redis://h/0", None).at(f"redis://u:{secret}@h/0", prefix="p:"),
        "tokens": lambda: Tokens.of(tokens),
        "stack": stack,
        "staging": lambda: load(tmp_path, {"STAGING_TOKEN": secret}),
        "variable": lambda: load(tmp_path, {"TEST_FRAMEWORK_REDIS_URL": f"redis://:{secret}@h"}),
        "table": lambda: load(tmp_path, {}),
        "table, url_env": lambda: load(tmp_path, {"OURS": f"postgresql://h/db?password={secret}"}),
    }


@pytest.mark.parametrize(
    "who", ["launch", "endpoint", "part", "tokens", "stack", "staging", "variable", "table", "table, url_env"]
)
def test_whoever_has_a_secret_makes_it_known(tmp_path: Path, who: str) -> None:
    """From then on this process shows it nowhere."""
    secret = f"{who.replace(', ', '-')}-{os.urandom(8).hex()}"
    known = made_known(tmp_path, secret)
    assert hide_known([secret]) == [secret]
    known[who]()
    assert hide_known({secret: (secret,)}) == {"***": ["***"]}


def test_objects_do_not_show_theirs() -> None:
    """Not by `repr` either, which pytest prints of every value in a traceback."""
    shown = [
        Launch("hunter22-a", {"postgres": "hunter22-a"}, {"AWS_SECRET": "hunter22-a"}),
        ContainerSpec(1, "redis://:hunter22-a@h", {"A": "hunter22-a"}, arguments={"password": "hunter22-a"}),
        Command(("x",), "redis://:hunter22-a@h", "requirepass hunter22-a", {"A": "hunter22-a"}),
        Endpoint("x", "docker", "redis://:hunter22-a@h", None),
        load_with("redis://:hunter22-a@h"),
    ]
    for thing in shown:
        assert "hunter22-a" not in repr(thing), type(thing)


def load_with(url: str) -> Settings:
    """Return settings with a URL."""
    return load(Path("/"), {"TEST_FRAMEWORK_REDIS_URL": url})


def test_reasons_and_errors_do_not_show_theirs() -> None:
    """In message, remedy and log, whoever wrote them."""
    Launch("hunter22-of-a-reason")
    fields = {"text": "hunter22-of-a-reason", "where": "hunter22-of-a-reason.py:1"}
    reason = Reason.of(Code.SKIPPED_BY_TEST, **fields)
    assert "hunter22" not in json.dumps(reason.to_json())
    assert "hunter22" not in Refused(reason, "FATAL: hunter22-of-a-reason").log
    assert "hunter22" not in str(BadSetting("hunter22-of-a-reason is not it"))


def test_an_error_of_the_settings_shows_no_secret(tmp_path: Path) -> None:
    """What is wrong may be a secret that stands where it does not belong."""
    secret = f"staging-{os.urandom(8).hex()}"
    with pytest.raises(BadSetting) as caught:
        load(tmp_path, {"STAGING_TOKEN": secret, "TEST_FRAMEWORK_GATE": secret})
    assert secret not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_report_does_not_show_an_id(tmp_path: Path) -> None:
    """Of whatever kind; its numbers stay numbers."""
    Launch("9988776655")
    record = Record("unit", started=9988776655.0)
    record.test("tests/test_it.py::test_it[9988776655]").outcome = "passed"
    record.write(tmp_path / "unit.json", {})
    report = json.loads((tmp_path / "unit.json").read_text())
    assert report["tests"][0]["nodeid"] == "tests/test_it.py::test_it[***]"
    assert report["started"] == 9988776655.0


def test_commands_hide_what_they_print() -> None:
    """Also what argparse says, and a traceback of a fault of ours."""
    program = """
import sys
from test_framework.cli import main
from test_framework.redaction import KNOWN
KNOWN.add("hunter22-of-a-command")
try:
    main(["hunter22-of-a-command"])
except SystemExit:
    pass
print("hunter22-of-a-command")
raise OSError("hunter22-of-a-command")
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "***\n"
    assert "invalid choice: '***'" in ran.stderr
    assert "OSError: ***" in ran.stderr
    assert "hunter22" not in ran.stderr.replace('"hunter22-of-a-command"', "")


SHOWS = """
import logging, os, warnings
import pytest

SECRET = os.environ["STAGING_TOKEN"]

def test_locals():
    secret = SECRET
    assert 0
def test_xfail(): pytest.xfail("xfail " + SECRET)
def test_skip(): pytest.skip("skip " + SECRET)
def test_warning(): warnings.warn("warning " + SECRET)
def test_prints(): print("printed " + SECRET)
def test_logs(): logging.getLogger("it").error("logged " + SECRET)
def test_property(record_property): record_property("property", SECRET)
@pytest.mark.parametrize("text", ["p" + SECRET])
def test_value(text): pass
@pytest.mark.parametrize("number", [1], ids=["i" + SECRET])
def test_ids(number): pass
@pytest.mark.parametrize("number", [1], ids=lambda number: "f" + SECRET)
def test_ids_of(number): pass
@pytest.mark.parametrize("number", [pytest.param(1, id="o" + SECRET)])
def test_id(number): pass
"""
LISTENS = """
import json, os
from pathlib import Path

def pytest_runtest_logreport(report):
    # As plugins do that write reports by themselves.
    with open("heard", "a") as file:
        told = [report.nodeid, report.longreprtext, report.sections, report.user_properties]
        print(told, getattr(report, "wasxfail", ""), file=file)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["here", "in a worker"])
def test_pytest_shows_none(project: Project, workers: tuple[str, ...]) -> None:
    """On the screen, to other plugins, in its log file and in its cache."""
    secret = f"token-{os.urandom(8).hex()}"
    project.env.setenv("STAGING_TOKEN", secret)
    project.write(TEST, SHOWS)
    project.write("conftest.py", LISTENS)
    options = ("-l", "-rA", "-v", "--log-file=it.log", *workers)
    result = project.pytester.runpytest_subprocess(TEST, *options, timeout=100)
    said = "\n".join([*result.outlines, *result.errlines])
    heard = (project.path / "heard").read_text()
    assert secret not in said
    for place in ("secret     = '***'", "xfail ***", "skip ***", "warning ***", "printed ***", "test_value[p***]"):
        assert place in said
    for place in ("test_ids[i***]", "test_ids_of[f***]", "test_id[o***]"):
        assert place in said
    assert secret not in heard
    for place in ("secret     = '***'", "xfail ***", "printed ***", "('property', '***')"):
        assert place in heard
    for path in project.path.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    assert workers or "logged ***" in (project.path / "it.log").read_text()


def test_a_file_that_cannot_be_collected_shows_none(project: Project) -> None:
    """To other plugins either."""
    secret = f"token-{os.urandom(8).hex()}"
    project.env.setenv("STAGING_TOKEN", secret)
    project.write(TEST, "import os\nprint(os.environ['STAGING_TOKEN'])\nraise OSError(os.environ['STAGING_TOKEN'])\n")
    project.write(
        "conftest.py",
        "def pytest_collectreport(report):\n"
        "    if report.failed: open('heard', 'w').write(repr([report.longreprtext, report.sections]))\n",
    )
    result = project.spawn(TEST)
    heard = (project.path / "heard").read_text()
    assert "OSError: ***" in heard
    assert secret not in heard
    assert secret not in "\n".join(result.outlines)


def test_what_looks_like_a_secret_stays_on_the_screen(project: Project) -> None:
    """It may be what the test is about; files that outlive the run are stricter."""
    project.write(TEST, "def test_it():\n    assert 'password=looks-like-one' == ''\n")
    result = project.spawn("--tier", "unit")
    assert "password=looks-like-one" in "\n".join(result.outlines)
    assert "looks-like-one" not in (project.path / "reports/unit.json").read_text()
    assert hide_secrets("password=looks-like-one") == "password=***"
