"""`report html`: which reports the page is made of, where it goes, and what is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main
from tests.support.reports import KEPT, green, red, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Project


@pytest.fixture
def ran(project: Project) -> Project:
    """A project with the reports of two tiers, and a file beside them that is none of ours."""
    written(green(), project.path / "reports/unit.json")
    written(red(), project.path / "reports/integration.json")
    project.write("reports/coverage.json", "{}")
    return project


def html(project: Project, *arguments: str) -> int:
    """Run the command."""
    return main(["--root", str(project.path), "report", "html", *arguments])


def test_the_page_has_every_tier(ran: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """It lies in the report folder, and is whole by itself."""
    assert html(ran) == 0
    path = ran.path / "reports/index.html"
    assert capsys.readouterr().out == f"2 reports: {path}\n"
    text = path.read_text()
    assert f"Tests of {ran.path.name}" in text
    assert "integration: 3 of 26 tests failed" in text
    assert KEPT in text
    assert "http" not in text.replace("http-equiv", "")


def test_of_chosen_reports_elsewhere(ran: Project) -> None:
    """The files that are named, and no others."""
    assert html(ran, "reports/unit.json", "--out", "pages/unit.html") == 0
    text = (ran.path / "pages/unit.html").read_text()
    assert "✓ Green" in text
    assert "integration" not in text
    assert not (ran.path / "reports/index.html").exists()


def test_without_jinja2_it_says_what_to_install(
    ran: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, and the page of the time before stays."""
    assert html(ran) == 0
    before = (ran.path / "reports/index.html").read_text()
    capsys.readouterr()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert html(ran, "reports/unit.json") == 2
    told = "test-framework: a page needs jinja2, which is not installed: pip install 'pytest-tiers[report]'\n"
    assert capsys.readouterr() == ("", told)
    assert (ran.path / "reports/index.html").read_text() == before


def test_without_a_report_the_page_says_so(project: Project) -> None:
    """Before the first run."""
    assert html(project) == 0
    assert "No tier has a report yet" in (project.path / "reports/index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["reports/coverage.json"], "reports/coverage.json is not a report: it has no tier, outcome"),
        (["nowhere.json"], "nowhere.json: No such file or directory"),
        pytest.param(
            ["/proc/self/mem"],
            "test-framework: /proc/self/mem: Input/output error",
            marks=pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="/proc is Linux's"),
        ),
        (
            ["--out", "pyproject.toml/index.html"],
            "--out = 'pyproject.toml/index.html' in the command line must be writable",
        ),
    ],
)
def test_misuse_is_2(ran: Project, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With one line that names the file."""
    assert html(ran, *arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "folder", "source"),
    [("", "reports", "the default"), ("reports = 'out'", "out", "pyproject.toml [tool.test_framework]")],
)
def test_a_folder_that_cannot_be_written(
    project: Project, settings: str, folder: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said to be wrong is what somebody has given, and not an option that nobody gave."""
    project.configure(settings)
    project.write(folder, "a file")
    assert html(project) == 2
    path = project.path / folder / "index.html"
    told = f"test-framework: {path} in the report folder ({source}) cannot be written: "
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_regular_file_is_not_read(
    ran: Project, make: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody may ever write into a pipe, and some devices have no end."""
    make(ran.path / "odd.json")
    assert html(ran, "odd.json") == 2
    assert "odd.json is not a report: it is not a regular file" in (error := capsys.readouterr().err)
    assert error.count("\n") == 1


def test_a_report_that_is_cut_off_is_refused(ran: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A page without it would be greener than the run."""
    path = ran.path / "reports/integration.json"
    path.write_text(path.read_text()[:500])
    assert html(ran) == 2
    assert str(path) in capsys.readouterr().err
    assert not (ran.path / "reports/index.html").exists()
