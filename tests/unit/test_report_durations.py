"""`report durations`: the file by which shards are cut, from reports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main
from tests.support.reports import green, red, shard, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

MONEY = "tests/unit/test_money.py"


def durations(project: Project, *files: Path) -> int:
    """Run the command."""
    return main(["--root", str(project.path), "report", "durations", *map(str, files)])


def kept(project: Project) -> dict[str, float]:
    """Return what the file holds."""
    found: dict[str, float] = json.loads((project.path / "tests/durations.json").read_text(encoding="utf-8"))
    return found


def test_the_last_report_of_each_tier_is_taken(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Of its tests those that came to their end: the seconds of the others say nothing of a run that goes well."""
    written(green(tests=2), project.path / "reports/unit.json")
    ended = red()
    written(ended, project.path / "reports/integration.json")
    assert durations(project) == 0
    found = kept(project)
    assert found[f"{MONEY}::test_sum[0]"] == 0.02
    passed = [t.nodeid for t in ended.record.tests.values() if t.outcome in {"passed", "xfailed"}]
    assert sorted(found) == sorted([*passed, *(f"{MONEY}::test_sum[{n}]" for n in range(2))])
    assert capsys.readouterr().out == f"tests/durations.json: {len(found)} tests, {len(found)} of them from reports\n"


def test_what_no_report_names_is_kept(project: Project) -> None:
    """As long as its file is there; what a report names is replaced."""
    project.write(MONEY, "")
    before = {f"{MONEY}::test_sum[0]": 9.0, f"{MONEY}::test_sum[7]": 7.0, "tests/unit/test_gone.py::test_it": 5.0}
    project.write("tests/durations.json", json.dumps(before))
    assert durations(project, written(green(tests=1), project.path / "one.json")) == 0
    assert kept(project) == {f"{MONEY}::test_sum[0]": 0.02, f"{MONEY}::test_sum[7]": 7.0}


def test_shards_are_as_good_as_a_whole(project: Project) -> None:
    """One by one, and merged; a file that was skipped as a whole is no test."""
    files = [written(shard(n, 2), project.path / f"parts/{n}/unit.json") for n in (1, 2)]
    assert durations(project, *files) == 0
    found = kept(project)
    assert sorted(found) == sorted(f"{MONEY}::test_sum[{n}]" for n in range(4, 12))
    out = project.path / "merged.json"
    assert main(["--root", str(project.path), "report", "merge", str(project.path / "parts"), "--out", str(out)]) == 0
    (project.path / "tests/durations.json").unlink()
    assert durations(project, out) == 0
    assert kept(project) == found


def test_a_test_is_a_line(project: Project) -> None:
    """In the order of the ids and in thousandths, so that a diff shows what has changed; nothing takes no time."""
    report = green(tests=3)
    for number, test in enumerate(report.record.tests.values()):
        test.seconds = (2.34567, 0.0001, 0.0)[number]
    durations(project, written(report, project.path / "one.json"))
    assert (project.path / "tests/durations.json").read_text(encoding="utf-8") == (
        f'{{\n"{MONEY}::test_sum[0]": 2.346,\n"{MONEY}::test_sum[1]": 0.001,\n"{MONEY}::test_sum[2]": 0.001\n}}\n'
    )


def test_the_settings_name_the_file(project: Project) -> None:
    """Such as the one that pytest-split has written, whose form is the same."""
    project.configure('durations = ".test_durations"')
    durations(project, written(green(tests=1), project.path / "one.json"))
    assert (project.path / ".test_durations").is_file()


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (None, "no test has passed in "),
        ("{", "one.json is not a report"),
        ("missing", "one.json: No such file or directory"),
    ],
)
def test_misuse_is_2(project: Project, report: str | None, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With one line, and nothing written."""
    files = [] if report is None else [project.path / "one.json"]
    if report == "{":
        project.write("one.json", report)
    assert durations(project, *files) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (project.path / "tests/durations.json").exists()


def test_a_file_that_cannot_be_written_is_named(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """With the setting that names it."""
    project.write("in-the-way", "")
    project.configure('durations = "in-the-way/durations.json"')
    assert durations(project, written(green(tests=1), project.path / "one.json")) == 2
    assert "in-the-way/durations.json" in (error := capsys.readouterr().err)
    assert error.count("\n") == 1
