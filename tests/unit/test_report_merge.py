"""Shards as one: the verdict is that of a single run, a missing part is red, and what is foreign is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.cli import main
from test_framework.config import load as settings_of
from test_framework.gate import judge
from test_framework.report.markdown import summary
from test_framework.report.merge import merge
from test_framework.report.page import page
from test_framework.report.record import CollectionCounts, Record
from test_framework.report.stored import Report, load
from test_framework.report.terminal import blocks
from test_framework.resolution import Skip
from tests.support.reports import GREEN, attempt, green, shard, written

if TYPE_CHECKING:
    from tests.conftest import Project

FILES = [Path(f"{n}/unit.json") for n in range(1, 9)]


def shards(*reports: Report) -> list[tuple[Path, Report]]:
    """Return the reports with the files that they come from."""
    return list(zip(FILES, reports, strict=False))


def test_the_union_is_the_whole() -> None:
    """Each test once, with the shard that ran it; what every shard skips is there once."""
    merged = merge(shards(*(shard(n, 3) for n in (3, 1, 2))))
    tests = merged.record.tests
    assert list(tests) == [
        *(f"tests/unit/test_money.py::test_sum[{n}]" for n in range(4, 8)),
        "tests/unit/test_windows.py",
        *(f"tests/unit/test_money.py::test_sum[{n}]" for n in range(8, 16)),
    ]
    assert [t.worker for t in tests.values()] == ["1"] * 5 + ["2"] * 4 + ["3"] * 4
    assert merged.record.counts == {"passed": 12, "failed": 0, "errors": 0, "skipped": 1}
    assert list(merged.record.skips) == ["tests/unit/test_windows.py"]
    assert [(s["index"], s["services"]) for s in merged.record.shards] == [
        (n, {"postgres": "docker"}) for n in (1, 2, 3)
    ]
    assert (merged.faults, merged.strict) == ((), False)
    assert merged.record.seconds == 4.0


@pytest.mark.parametrize(
    ("change", "strict"), [("nothing", True), ("a failure", True), ("a skip", True), ("a skip", False)]
)
def test_the_verdict_is_that_of_a_single_run(change: str, *, strict: bool) -> None:
    """The same tests in one run and in three shards are judged alike."""
    reports = [shard(n, 3) for n in (1, 2, 3)]
    for report in reports:
        del report.record.tests["tests/unit/test_windows.py"]
        report.record.skips.clear()
    nodeid = next(iter(reports[1].record.tests))
    reports[1].record.tests[nodeid].outcome = {"a failure": "failed", "a skip": "skipped"}.get(change, "passed")
    if change == "a skip":
        reports[1].record.skips[nodeid] = Skip(nodeid, "socket-missing", "x", "y")
    single = Record("unit", services=reports[0].record.services)
    for report in reports:
        single.tests |= report.record.tests
        single.skips |= report.record.skips
    merged = merge(shards(*reports)).record
    settings = settings_of(Path(), {})
    verdicts = [judge(r, settings, strict=strict, require=()) for r in (single, merged)]
    assert verdicts[0] == verdicts[1]
    assert (single.outcome, single.counts) == (merged.outcome, merged.counts)


def test_a_shard_on_less_than_is_required_is_not_missed() -> None:
    """Wherever it is among the shards, the gate is asked about it."""
    reports = [shard(1, 3), shard(2, 3, provider="embedded"), shard(3, 3)]
    for report in reports:
        report.record.require = ("docker",)
    merged = merge(shards(*reports)).record
    verdict = judge(merged, settings_of(Path(), {}), strict=True, require=merged.require)
    assert "postgres ran on embedded, and docker is required" in verdict.why


@pytest.mark.parametrize("turned", [False, True])
def test_shards_on_different_providers_say_so(*, turned: bool) -> None:
    """Each with the tests that it had, and why the lesser one had no more, wherever it is among the shards."""
    one, two = shard(1, 2, tests=1), shard(2, 2, tests=2, provider="embedded")
    least = {"provider": "embedded", "version": "16.1"}
    tried = [attempt("docker", "socket-missing"), attempt("embedded")]
    two.record.services["postgres"] = {**least, "attempts": tried, "note": "asked for 17"}
    for report, on in ((one, {"provider": "docker", "version": "17.2"}), (two, least)):
        for test in report.record.tests.values():
            test.services = {"postgres": dict(on)} if test.collected else {}
    if turned:
        one.record.shard, two.record.shard = two.record.shard, one.record.shard
    whole = Report.of(merge(shards(one, two)).record, GREEN)
    text = "\n".join(line for block in blocks(whole, []) for line in block.items)
    assert "postgres 16.1 (asked for 17) on embedded: 2 tests\npostgres 17.2 on docker: 1 test\n" in text
    assert "docker (postgres): socket-missing: why" in text
    told = "16.1 (asked for 17) on embedded: 2 tests<br>postgres 17.2 on docker: 1 test |"
    assert told in "\n".join(summary([whole])).replace("\\", "")
    shown = page("it", [whole])
    card = shown.partition('<ul class="services">')[2].partition("</ul>")[0]
    assert card.count("<li>") == 1
    assert re.findall(r"on (\w+) .*?(\d) test", card) == [("embedded", "2"), ("docker", "1")]
    assert "not on docker: socket-missing" in card
    assert "<p>16.1 (asked for 17) on embedded, 2 tests<br>17.2 on docker, 1 test</p>" in shown


@pytest.mark.parametrize(
    ("there", "count", "faults"),
    [
        ([1, 2, 3], 3, ()),
        ([1, 3], 3, ("shard 2 of 3 missing",)),
        ([2], 4, ("shards 1, 3, 4 of 4 missing",)),
        ([2, 900], 999_999_999, ("shards 1, 3-899, 901-999999999 of 999999999 missing",)),
    ],
)
def test_a_missing_shard_is_a_fault(there: list[int], count: int, faults: tuple[str, ...]) -> None:
    """The run did not finish, and it says which shard."""
    merged = merge(shards(*(shard(n, count) for n in there)))
    assert merged.faults == faults
    assert merged.record.interrupted is bool(faults)


@pytest.mark.parametrize("strict", [(), (0,), (2,), (0, 1, 2)])
def test_one_strict_shard_makes_the_whole_strict(strict: tuple[int, ...]) -> None:
    """Whichever it is: what one machine had to refuse is not let pass where another was lenient."""
    reports = [replace(shard(n, 3), strict=n - 1 in strict) for n in (1, 2, 3)]
    assert merge(shards(*reports)).strict is bool(strict)


def test_shards_that_ran_others_in_place_of_their_own_are_a_fault() -> None:
    """As many tests as were collected are not the tests that were collected."""
    reports = [shard(n, 2) for n in (1, 2)]
    ids = [nodeid for report in reports for nodeid, test in report.record.tests.items() if test.collected]
    for report in reports:
        report.record.collection = CollectionCounts.of(ids, len(ids) // 2)
    assert merge(shards(*reports)).faults == ()
    tests = reports[1].record.tests
    (first, *_) = (nodeid for nodeid, test in tests.items() if test.collected)
    tests[f"{first}, renamed"] = tests.pop(first)
    assert merge(shards(*reports)).faults == ("8 tests ran in the shards, and 8 were collected",)


def test_shards_that_overlap_are_a_fault() -> None:
    """A test that ran twice shows that they were cut from different lists."""
    one, two = shard(1, 2), shard(2, 2)
    twice = next(iter(one.record.tests.values()))
    two.record.tests[twice.nodeid] = twice
    assert merge(shards(one, two)).faults == (f"1 test ran in more than one shard, such as {twice.nodeid}",)


def test_the_worst_outcome_of_a_file_counts() -> None:
    """A file that could not be collected in one shard is an error, and no skip."""
    one, two = shard(1, 2), shard(2, 2)
    two.record.tests["tests/unit/test_windows.py"].outcome = "error"
    two.record.skips.clear()
    merged = merge(shards(one, two)).record
    assert (merged.outcome, merged.skips) == ("failed", {})


def test_without_numbers_the_count_must_be_given() -> None:
    """As for reports of a runner that splits by itself."""
    reports = shards(*(shard(n, 2) for n in (1, 2)))
    for _, report in reports:
        report.record.shard = None
    with pytest.raises(ValueError, match="--shards"):
        merge(reports)
    assert merge(reports, 2).faults == ()
    assert merge(reports, 3).faults == ("1 of 3 shards are missing",)
    with pytest.raises(ValueError, match="there are 2 reports"):
        merge(reports, 1)


@pytest.mark.parametrize(
    ("reports", "count", "told"),
    [
        ([shard(1, 2), shard(1, 2)], None, "2/unit.json and 1/unit.json are both shard 1"),
        ([shard(1, 2), shard(2, 3)], None, "2/unit.json is a shard of 3, and not of 2"),
        ([shard(1, 2), shard(2, 2)], 3, "1/unit.json is a shard of 2, and not of 3, which --shards asks for"),
        ([shard(1, 2), green()], None, "2/unit.json is not the report of a shard"),
        ([green(), shard(1, 2)], None, "1/unit.json is not the report of a shard"),
    ],
)
def test_shards_of_different_runs_are_refused(reports: list[Report], count: int | None, told: str) -> None:
    """The error names the file."""
    with pytest.raises(ValueError, match=told):
        merge(shards(*reports), count)


def test_shards_with_different_demands_are_refused() -> None:
    """They cannot be judged as one."""
    one, two = shard(1, 2), shard(2, 2)
    two.record.require = ("docker",)
    with pytest.raises(ValueError, match=r"required docker, and 1/unit\.json nothing"):
        merge(shards(one, two))


@pytest.fixture
def parts(project: Project) -> Project:
    """A project with the reports of three shards, as a CI hands them over."""
    for n in (1, 2, 3):
        written(shard(n, 3), project.path / "parts" / f"shard-{n}" / "unit.json")
    return project


def merged(project: Project, *arguments: str) -> int:
    """Run the command."""
    return main(["--root", str(project.path), "report", "merge", *arguments, "--out", "merged/unit.json"])


def test_the_command_merges(parts: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Its file is a report, which is the same whether the folders or the one above them are named."""
    folders = sorted(map(str, (parts.path / "parts").iterdir()))
    assert merged(parts, *folders) == 0
    first = (parts.path / "merged/unit.json").read_text()
    assert merged(parts, "parts") == 0
    assert (parts.path / "merged/unit.json").read_text() == first
    report = load(parts.path / "merged/unit.json")
    assert report.record.counts["passed"] == 12
    assert len(report.record.shards) == 3
    assert "green: 12 tests passed in 1 tier" in capsys.readouterr().out


def test_a_merge_can_be_done_again(parts: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where it writes into the folder that it reads; what it has left there is no shard, by itself either."""
    command = ["--root", str(parts.path), "report", "merge", "parts", "--out", "parts/unit.json"]
    assert [main(command), main(command)] == [0, 0]
    assert len(load(parts.path / "parts/unit.json").record.shards) == 3
    for n in (1, 2, 3):
        (parts.path / f"parts/shard-{n}/unit.json").unlink()
    assert main(command) == 2
    assert "no report of a shard of unit in parts." in capsys.readouterr().err


def test_a_shard_may_be_where_the_whole_goes(parts: Project) -> None:
    """It is read, and then replaced."""
    written(shard(2, 3), parts.path / "reports/unit.json")
    folders = ["reports", "parts/shard-1", "parts/shard-3"]
    assert main(["--root", str(parts.path), "report", "merge", *folders, "--out", "reports/unit.json"]) == 0


def test_in_ci_the_gate_of_the_whole_is_strict(parts: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """What lenient shards let pass is red there."""
    parts.env.setenv("CI", "true")
    assert merged(parts, "parts") == 1
    assert "RED: unit: 1 skip not allowed: skipped-by-test" in capsys.readouterr().out


@pytest.mark.parametrize("gate", ["lenient", "strict"])
def test_a_missing_shard_is_red(parts: Project, gate: str, capsys: pytest.CaptureFixture[str]) -> None:
    """However lenient the gate is; a folder without a report is that of a shard that died."""
    parts.env.setenv("TEST_FRAMEWORK_GATE", gate)
    (parts.path / "parts/shard-2/unit.json").unlink()
    assert merged(parts, "parts") == 1
    assert "shard 2 of 3 missing" in capsys.readouterr().out
    told: dict[str, Any] = json.loads((parts.path / "merged/unit.json").read_text())
    assert (told["outcome"], told["gate"]["verdict"]) == ("interrupted", "red")
    assert told["gate"]["why"].startswith("shard 2 of 3 missing")


def test_what_is_no_text_is_printed_all_the_same(parts: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """As the name of a file that is no UTF-8 is in Python."""
    for n in (1, 2):
        report = shard(n, 3)
        report.record.test("tests/unit/test_\udcff.py::test_it").outcome = "passed"
        written(report, parts.path / f"parts/shard-{n}/unit.json")
    assert merged(parts, "parts") == 1
    told = r"1 test ran in more than one shard, such as tests/unit/test_\udcff.py::test_it"
    assert told in capsys.readouterr().out


def test_a_summary_of_the_whole(parts: Project) -> None:
    """GitHub gets it when it asks."""
    parts.env.setenv("GITHUB_STEP_SUMMARY", str(parts.path / "summary.md"))
    merged(parts, "parts")
    assert "## ✅ Green: 12 tests passed" in (parts.path / "summary.md").read_text()


def test_several_tiers_need_a_name(parts: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """One of them is merged at a time."""
    written(shard(1, 1, tier="smoke"), parts.path / "parts/shard-1/smoke.json")
    assert merged(parts, "parts") == 2
    assert "reports of unit, smoke: name one with --tier" in capsys.readouterr().err
    assert merged(parts, "parts", "--tier", "unit") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "DIR = 'nowhere' in the command line must be a folder"),
        (["."], "no report of a tier in ."),
        (["parts", "--tier", "unitt"], "unknown tier 'unitt' in --tier. Did you mean 'unit'?"),
        (["parts", "--tier", "e2e"], "no report of e2e in parts"),
        (["parts", "--shards", "many"], "--shards = 'many' in the command line must be a whole number"),
        (["parts", "--shards", "0"], "--shards = '0'"),
        (["parts", "--shards", "4"], "is a shard of 3, and not of 4"),
    ],
)
def test_misuse_is_2(parts: Project, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With one line that names the value, and nothing written."""
    assert merged(parts, *arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (parts.path / "merged").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"tier": "unit"}', None])
def test_a_corrupt_or_foreign_report_is_2(parts: Project, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named; a part of the verdict would be a wrong one."""
    path = parts.path / "parts/shard-2/unit.json"
    if text is None:
        written(shard(2, 3, tier="smoke"), path)
    else:
        path.write_text(text)
    assert merged(parts, "parts") == 2
    error = capsys.readouterr().err
    assert "parts/shard-2/unit.json" in error
    assert error.count("\n") == 1
