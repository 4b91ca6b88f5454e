"""GitLab's view of a run: failed tests in JUnit's file link to the page, and the job of the guide has all of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import yaml

from test_framework.report.gitlab import link

if TYPE_CHECKING:
    from tests.conftest import Project

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "reports.md"
TEST = "tests/integration/test_it.py"
TESTS = """
import pytest

@pytest.fixture
def broken(): assert 0

def test_passes(): print("fine")
def test_fails(): print("[it said]"); assert 0
def test_errs(broken): pass
@pytest.mark.skip(reason="not today")
def test_skips(): pass
"""
ATTACHED = re.compile(r"\[\[ATTACHMENT\|([^\[\]|]+?)\]\]")
"""As GitLab's parser has it."""


@pytest.fixture
def job(project: Project) -> Project:
    """Return the project in a job of GitLab."""
    project.env.setenv("GITLAB_CI", "true")
    project.env.setenv("CI_PROJECT_DIR", str(project.path))
    project.write(TEST, TESTS)
    return project


def attached(project: Project) -> dict[str, str | None]:
    """Return the path that GitLab finds in the output of each test, in JUnit's file."""
    root = ET.parse(project.path / "reports/integration.xml").getroot()  # noqa: S314  # our own
    found = {c.attrib["name"]: ATTACHED.search(c.findtext("system-out") or "") for c in root.iter("testcase")}
    return {name: match[1] if match else None for name, match in found.items()}


def test_the_job_of_the_guide(job: Project) -> None:
    """Its run writes what its artifacts name, and each failed test links to the page among them."""
    (block,) = (b for b in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.S) if "expose_as" in b)
    told = yaml.safe_load(block)["integration"]
    artifacts = told["artifacts"]
    assert artifacts.keys() == {"when", "expose_as", "paths", "reports"}
    assert artifacts["when"] == "always"
    assert re.fullmatch(r"[\w -]{1,100}", artifacts["expose_as"], re.ASCII)
    for name, value in told["variables"].items():
        job.env.setenv(name, value)
    *_, command = told["script"]
    program, *arguments = command.split()
    assert program == "pytest"
    job.run(*arguments)
    (page,) = artifacts["paths"]
    assert (job.path / page).is_file()
    assert list(job.path.glob(artifacts["reports"]["junit"])) == [job.path / "reports/integration.xml"]
    assert attached(job) == {"test_passes": None, "test_fails": page, "test_errs": page, "test_skips": None}
    root = ET.parse(job.path / "reports/integration.xml").getroot()  # noqa: S314  # our own
    assert {case.get("file") for case in root.iter("testcase")} == {TEST}


def test_what_a_test_printed_stays(job: Project) -> None:
    """Where JUnit's file has it."""
    job.configure("html = true")
    job.run("--tier", "integration", "-o", "junit_logging=system-out")
    assert attached(job)["test_fails"] == "reports/index.html"
    root = ET.parse(job.path / "reports/integration.xml").getroot()  # noqa: S314  # our own
    (out,) = root.findall(".//testcase[@name='test_fails']/system-out")
    assert "[it said]" in (out.text or "")


@pytest.mark.parametrize(("gitlab", "html"), [("", "1"), ("true", "")])
def test_nothing_is_attached(job: Project, gitlab: str, html: str) -> None:
    """Elsewhere, or where there is no page."""
    job.env.setenv("GITLAB_CI", gitlab)
    job.configure("html = true" if html else "")
    job.run("--tier", "integration")
    assert not any(attached(job).values())


def test_a_page_outside_of_the_project_is_no_artifact(tmp_path: Path) -> None:
    """GitLab cannot link to it."""
    env = {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(tmp_path / "project")}
    assert link(tmp_path / "index.html", env) is None
    assert link(tmp_path / "project" / "index.html", env) == "index.html"


def test_a_file_that_is_no_xml_is_told(job: Project) -> None:
    """The run goes on: its verdict does not depend on it."""
    job.env.setenv("COLUMNS", "300")
    job.configure("html = true")
    job.write("conftest.py", "def pytest_sessionfinish(session):\n    session.config.option.xmlpath = 'conftest.py'\n")
    result = job.run("--tier", "integration", "-k", "passes")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["conftest.py cannot be written: it is not XML: *"])
