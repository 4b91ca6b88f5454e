"""Drift: each factor has a suite that keeps it and one that does not; the baseline is read and written whole."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.config import BadSetting, HealthSettings, Settings
from test_framework.health import HealthError, SuiteSnapshot, TierFigures, compare, read_baseline, write_baseline
from test_framework.health.regressions import slower_than

if TYPE_CHECKING:
    from pathlib import Path

    from test_framework.health import Check

BASE = SuiteSnapshot(
    files=100,
    discovery_seconds=2.0,
    directories={"tests/unit": (80, 4), "tests/e2e": (20, 0)},
    broken=dict.fromkeys((f"tests/unit/test_{n}.py" for n in "abcd"), "missing-module gone"),
    unparseable=("tests/unit/test_a.py",),
    findings={"no-assertion": 5},
    tiers={"unit": TierFigures(1000, skipped=20, failed=10, timeouts=2, average_seconds=0.5)},
)


def unit(**changed: float) -> SuiteSnapshot:
    """Return the suite with other figures of its tier."""
    return replace(BASE, tiers={"unit": replace(BASE.tiers["unit"], **changed)})  # type: ignore[arg-type]


def drifted(
    root: Path, now: SuiteSnapshot, *, strict: bool = False, before: SuiteSnapshot = BASE, **limits: Any
) -> set[str]:
    """Return the names of the checks that are not ok."""
    return {c.name for c in checks(root, now, strict=strict, before=before, **limits) if not c.ok}


def checks(
    root: Path, now: SuiteSnapshot, *, strict: bool = False, before: SuiteSnapshot = BASE, **limits: Any
) -> tuple[Check, ...]:
    """Compare, with these limits in place of the defaults."""
    return compare(before, now, Settings(root, health=HealthSettings(**limits)), strict=strict)


def test_a_suite_that_has_not_changed_has_not_drifted(tmp_path: Path) -> None:
    """Not even with every limit at its narrowest."""
    narrow: dict[str, Any] = {f.name: 0 for f in fields(HealthSettings) if str(f.type) in {"int", "float"}}
    narrow |= {name: 1 for name in narrow if name.endswith(("_factor", "_runs"))}
    assert drifted(tmp_path, BASE, strict=True, **narrow) == set()


GROWN = replace(BASE, directories={**BASE.directories, "tests/unit": (80, 5)})
FALLEN = replace(BASE, directories={**BASE.directories, "tests/unit": (80, 9)})
NEWLY_BROKEN = replace(BASE, broken={**BASE.broken, "tests/e2e/test_x.py": "missing-name a.b"})
NEWLY_UNPARSEABLE = replace(BASE, unparseable=("tests/e2e/test_x.py",))


@pytest.mark.parametrize(
    ("now", "limits", "wanted"),
    [
        (replace(BASE, files=150), {}, ""),
        (replace(BASE, files=151), {}, "files"),
        (replace(BASE, files=151), {"files_factor": 2.0}, ""),
        (replace(BASE, files=67), {}, ""),
        (replace(BASE, files=66), {}, "files"),
        (replace(BASE, files=0), {"files_factor": 1000.0}, "files"),
        (replace(BASE, discovery_seconds=4.0), {}, ""),
        (replace(BASE, discovery_seconds=4.1), {}, "discovery-time"),
        (replace(BASE, discovery_seconds=4.1), {"discovery_factor": 3.0}, ""),
        (replace(BASE, discovery_seconds=4.1), {"discovery_noise_seconds": 2.1}, ""),
        (NEWLY_BROKEN, {}, "broken-imports"),
        (NEWLY_BROKEN, {"max_new_broken": 1}, ""),
        (replace(BASE, broken={}), {}, ""),
        (NEWLY_UNPARSEABLE, {}, "unparseable"),
        (NEWLY_UNPARSEABLE, {"max_new_unparseable": 1}, ""),
        (replace(BASE, unparseable=()), {}, ""),
        (GROWN, {}, ""),
        (GROWN, {"success_drop": 0.01}, "success-rate"),
        (FALLEN, {}, "success-rate"),
        (FALLEN, {"success_drop": 0.0625}, ""),
        (replace(BASE, directories={"tests/unit": (80, 0)}), {"success_drop": 0.0}, ""),
        (replace(BASE, directories={**BASE.directories, "tests/new": (2, 1)}), {}, "success-rate"),
        (replace(BASE, findings={"no-assertion": 6}), {}, "findings"),
        (replace(BASE, findings={"no-assertion": 6}), {"max_new_findings": 1}, ""),
        (replace(BASE, findings={"no-assertion": 5, "empty-body": 1}), {}, "findings"),
        (replace(BASE, findings={}), {}, ""),
        (unit(skipped=70), {}, ""),
        (unit(skipped=71), {}, "skips"),
        (unit(skipped=71), {"skip_rise": 0.051}, ""),
        (unit(failed=11), {}, "failures"),
        (unit(failed=11), {"failure_rise": 0.001}, ""),
        (unit(failed=9), {}, ""),
        (unit(timeouts=3), {}, "timeouts"),
        (unit(timeouts=3), {"timeout_rise": 0.001}, ""),
        (unit(average_seconds=1.0), {}, ""),
        (unit(average_seconds=1.001), {}, "duration"),
        (unit(average_seconds=1.001), {"duration_factor": 2.1}, ""),
        (unit(average_seconds=1.001), {"duration_noise_seconds": 0.6}, ""),
    ],
)
def test_each_limit_has_two_sides(tmp_path: Path, now: SuiteSnapshot, limits: dict[str, Any], wanted: str) -> None:
    """What is just allowed is ok; what is just more is named, and nothing else is."""
    assert drifted(tmp_path, now, **limits) == ({wanted} if wanted else set())


def test_a_share_counts_and_not_a_number(tmp_path: Path) -> None:
    """Twice the tests may have twice the skips and failures."""
    assert drifted(tmp_path, unit(tests=2000, skipped=40, failed=20, timeouts=4)) == set()


def test_the_first_tests_of_a_suite_are_no_growth_by_a_factor(tmp_path: Path) -> None:
    """From nothing to something there is none."""
    assert "files" not in drifted(tmp_path, BASE, before=replace(BASE, files=0))


def test_what_is_newly_broken_is_named(tmp_path: Path) -> None:
    """With its cause, and without what was broken before."""
    found = next(c for c in checks(tmp_path, NEWLY_BROKEN) if c.name == "broken-imports")
    assert found.items == ("tests/e2e/test_x.py: missing-name a.b",)
    assert (found.before, found.now) == (4, 5)


def test_the_noise_floor_is_for_quick_suites(tmp_path: Path) -> None:
    """From 0.1 s to 1 s is ten times as long, and nothing."""
    quick = replace(BASE, discovery_seconds=0.1)
    assert drifted(tmp_path, replace(BASE, discovery_seconds=1.1), before=quick) == set()
    assert drifted(tmp_path, replace(BASE, discovery_seconds=1.2), before=quick) == {"discovery-time"}
    assert not slower_than(quick, HealthSettings(), 1.1)
    assert slower_than(quick, HealthSettings(), 1.2)


def test_a_report_that_is_gone_is_red_where_the_gate_is_strict(tmp_path: Path) -> None:
    """A tier that was measured and is not any more cannot be said to be well."""
    gone = replace(BASE, tiers={})
    assert drifted(tmp_path, gone, strict=True) == {"report"}
    assert drifted(tmp_path, gone) == set()
    assert "no report" in next(c for c in checks(tmp_path, gone) if c.name == "report").message


def test_a_new_tier_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    """It is told, and ok."""
    assert drifted(tmp_path, BASE, strict=True, before=replace(BASE, tiers={})) == set()


def test_timeouts_that_are_not_known_are_not_compared(tmp_path: Path) -> None:
    """Without the JUnit file nobody can say how many there were."""
    unknown = replace(BASE, tiers={"unit": replace(BASE.tiers["unit"], timeouts=None)})
    assert "timeouts" not in {c.name for c in checks(tmp_path, unknown)}
    assert "timeouts" in {c.name for c in checks(tmp_path, BASE)}


@pytest.mark.parametrize("key", ["files_factor", "discovery_factor", "duration_factor"])
def test_a_factor_below_one_is_refused(tmp_path: Path, key: str) -> None:
    """With it, a suite that has not changed would have drifted."""
    limits: dict[str, Any] = {key: 0.9}
    with pytest.raises(BadSetting, match=rf"{key} = 0\.9 in the default must be a number, 1 or more"):
        checks(tmp_path, BASE, **limits)


def test_a_baseline_comes_back_as_it_was(tmp_path: Path) -> None:
    """And it is the same text whatever the order in which things were found, with no path of the machine."""
    path = tmp_path / "tests/health.json"
    write_baseline(path, BASE)
    text = path.read_text()
    assert read_baseline(path) == BASE
    turned = replace(
        BASE,
        directories=dict(sorted(BASE.directories.items())),
        broken=dict(sorted(BASE.broken.items(), reverse=True)),
    )
    write_baseline(path, turned)
    assert path.read_text() == text
    assert str(tmp_path) not in text
    assert list(path.parent.iterdir()) == [path]


def written(path: Path, change: dict[str, object]) -> str:
    """Write a baseline with some of it changed; return the text."""
    write_baseline(path, BASE)
    text = json.dumps(json.loads(path.read_text()) | change)
    path.write_text(text)
    return text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 7}, "not a baseline of version 1"),
        ({"files": "many"}, "'many' is not a whole number"),
        ({"files": -1}, "-1 is not a whole number"),
        ({"discovery_seconds": float("nan")}, "nan is not a number of seconds"),
        ({"discovery_seconds": 10**400}, "0 is not a number of seconds"),
        ({"files": 10**400}, "0 is not a whole number"),
        ({"findings": {"no-assertion": 10**400}}, "0 is not a whole number"),
        ({"directories": [1]}, "of the wrong kind"),
        ({"directories": {"tests": {"files": 3}}}, "it has no 'broken'"),
        ({"tiers": {"unit": {}}}, "it has no 'timeouts'"),
        ({"unparseable": 3}, "of the wrong kind"),
    ],
)
def test_a_baseline_that_is_none_is_one_clear_error(tmp_path: Path, change: dict[str, object], told: str) -> None:
    """The file is named with what is wrong and a way out; nobody writes over it."""
    path = tmp_path / "health.json"
    text = written(path, change)
    for use in (lambda: read_baseline(path), lambda: write_baseline(path, BASE)):
        with pytest.raises(HealthError) as caught:
            use()
        message = str(caught.value)
        assert told in message
        assert str(path) in message
        assert "Restore it" in message
        assert "\n" not in message
    assert path.read_text() == text


@pytest.mark.parametrize("text", ["", "{", "<<<<<<< HEAD\n{}", "[]", pytest.param("[" * 100_000, id="nested"), "\x00"])
def test_a_baseline_that_is_no_json_is_left_alone(tmp_path: Path, text: str) -> None:
    """As after a merge that went wrong, or where the path leads to another file."""
    path = tmp_path / "health.json"
    path.write_text(text)
    with pytest.raises(HealthError, match="Restore it"):
        write_baseline(path, BASE)
    assert path.read_text() == text


def test_without_a_baseline_it_says_how_to_write_one(tmp_path: Path) -> None:
    """The first thing that anybody will see."""
    with pytest.raises(HealthError, match=r"there is no baseline at .*Write one: python -m test_framework health save"):
        read_baseline(tmp_path / "health.json")


def test_a_baseline_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    """A file stands where a folder should be."""
    (tmp_path / "tests").write_text("")
    with pytest.raises(HealthError, match="cannot be written"):
        write_baseline(tmp_path / "tests/health.json", BASE)
