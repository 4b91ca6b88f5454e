"""What a person reads of a run, and of what can be run."""

from __future__ import annotations

from signal import Signals
from typing import TYPE_CHECKING

from test_framework.report.wording import columns, duration, headline, outcome_line, plural, services_used
from test_framework.runner.tier_files import TierFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from test_framework.config import Settings
    from test_framework.runner.tier_runner import RunResult, TierRun


def categories(settings: Settings) -> Iterator[str]:
    """Yield a line for each tier, of four words: its name, its test files, its services and its paths, or a dash."""
    files = TierFiles(settings)
    rows = [("CATEGORY", "FILES", "SERVICES", "PATHS")]
    for name, tier in settings.tiers.items():
        rows.append((name, str(len(files.of(name))), ",".join(tier.services) or "-", ",".join(tier.paths) or "-"))
    yield from columns(rows)


def verdict(result: RunResult, absent: Mapping[str, str]) -> Iterator[str]:
    """Yield the last lines: each tier with what became of it, coverage, and the verdict over all.

    Args:
        result: The run.
        absent: Tiers that the mode names and that are not here, each with why.
    """
    yield ""
    yield "=" * 32 + " run " + "=" * 32
    rows = [(one.layer, one.tier, _status_word(one), _time_taken(one), _describe_tier(one)) for one in result.tiers]
    rows += [("", tier, "absent", "", why) for tier, why in absent.items()]
    yield from columns(row if any(r[0] for r in rows) else row[1:] for row in rows)
    if result.coverage:
        yield result.coverage.line
    yield _verdict_line(result)


def _status_word(one: TierRun) -> str:
    if one.status is None:
        return "not run"
    if one.red:
        return "RED"
    return "green" if one.ran else "nothing ran"


def _time_taken(one: TierRun) -> str:
    return "" if one.status is None else duration(one.seconds)


def _describe_tier(one: TierRun) -> str:
    """Return what became of a tier in a line: of its tests, what they ran on, and what else is wrong."""
    if one.collected:
        told = f"{plural(one.collected.tests, 'test')} in {plural(one.collected.files, 'file')}"
        errors = one.collected.errors
        return f"{told}, {plural(errors, 'error')}" if errors else told
    said = [one.why] if one.why else []
    if one.report:
        services = ", ".join(f"{name} {what}" for name, what, _ in services_used(one.report.record))
        said += [outcome_line(one.report), *([services] if services else [])]
        said += [f"gate: {one.report.why}"] if one.report.why else []
    return "; ".join(said)


def _verdict_line(result: RunResult) -> str:
    ran = [one for one in result.tiers if one.status is not None]
    if not result.status:
        if any(one.collected for one in ran):
            return f"green: {plural(sum(one.ran for one in ran), 'test')} collected in {plural(len(ran), 'tier')}"
        told = f"green: {headline([one.report for one in ran if one.report and (one.ran or one.none_is_fine)])}"
        passed = _passed_by_gate(ran)
        return f"{told}, but {passed}" if passed else told
    said = [f"{one.tier}: {_describe_failure(one)}" for one in ran if one.red]
    if result.coverage and result.coverage.red:
        said.append("coverage is too low")
    not_run = [one.tier for one in result.tiers if one.status is None]
    said += [f"not run: {', '.join(not_run)}"] if not_run else []
    if not said and result.signal:
        said.append(f"ended by {Signals(result.signal).name}")
    return f"RED: {'; '.join(said) or ': '.join(filter(None, ('no test ran', _passed_by_gate(ran))))}"


def _passed_by_gate(ran: Iterable[TierRun]) -> str:
    """Return what a lenient gate has let pass, by tier."""
    return "; ".join(f"{one.tier}: {one.report.why}" for one in ran if one.report and one.report.why)


def _describe_failure(one: TierRun) -> str:
    if one.why or one.report is None:
        return one.why or _describe_tier(one)
    return headline([one.report]).removeprefix(f"{one.report.name}: ")
