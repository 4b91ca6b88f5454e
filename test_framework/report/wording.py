"""What the page and the Markdown summary say of a run: the same facts, in the same order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from test_framework.reasons import CATALOGUE, Code
from test_framework.report.record import EXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from test_framework.report.record import Record, TestEntry
    from test_framework.report.stored import Report
    from test_framework.resolution import Skip

_SECOND = 0.9995  # from here on it is rounded to a thousand milliseconds
_MINUTE = 60
NOTHING_TO_DO = (Code.NOT_CONFIGURED, Code.PROVIDER_DISABLED)
"""Codes of providers that somebody has decided not to use."""


@dataclass(frozen=True, slots=True)
class SkipGroup:
    """Tests that were skipped for the same reason."""

    code: str
    message: str
    remedy: str
    nodeids: tuple[str, ...]


def skip_groups(skips: Iterable[Skip]) -> list[SkipGroup]:
    """Put together what was skipped for the same reason, the most frequent first."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for skip in skips:
        found.setdefault((skip.code, skip.message, skip.remedy), []).append(skip.nodeid)
    return sorted((SkipGroup(*key, tuple(ids)) for key, ids in found.items()), key=lambda g: -len(g.nodeids))


def failed_tests(record: Record) -> list[TestEntry]:
    """Return the tests that failed or had an error, in their order."""
    return [t for t in record.tests.values() if t.outcome in {"failed", "error"}]


def failures_by_message(record: Record) -> list[tuple[str, list[TestEntry]]]:
    """Put together the tests that failed with the same words, in the order of the first of each."""
    found: dict[str, list[TestEntry]] = {}
    for test in failed_tests(record):
        found.setdefault(test.failure.message if test.failure else "", []).append(test)
    return list(found.items())


def slowest(reports: Sequence[Report], most: int) -> list[tuple[Report, TestEntry]]:
    """Return the tests that took longest, over all reports."""
    ran = [(r, t) for r in reports for t in r.record.tests.values() if t.outcome and t.outcome != "skipped"]
    return sorted(ran, key=lambda at: -at[1].seconds)[:most]


def unavailable_attempts(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the attempts that say why a service did not run on more; nobody asks why nothing was configured."""
    return [a for a in told["attempts"] if a["code"] not in (None, Code.NOT_CONFIGURED)]


def remedies(reports: Sequence[Report]) -> list[tuple[str, str]]:
    """Return what to do with why, each once: for what was unavailable, then for tests that skip themselves.

    Tests that skip themselves share one line, which is left out if the gate allows them. If tests failed, and not the
    gate, another provider would not have helped: nothing is said of those of a service that they had.
    """
    found: dict[str, str] = {}
    themselves: list[SkipGroup] = []
    for report in reports:
        for group in skip_groups(report.record.skips.values()):
            if group.code == Code.SKIPPED_BY_TEST:
                themselves += [group] if group.code in (report.why or "") else []
            else:
                found.setdefault(group.remedy, f"{group.code}: {plural(len(group.nodeids), 'test')} skipped")
        tests_failed = report.red and not report.red_gate
        for name, told in report.record.services.items():
            for attempt in () if tests_failed and told["provider"] else unavailable_attempts(told):
                if attempt["remedy"] and attempt["code"] not in NOTHING_TO_DO:
                    found.setdefault(attempt["remedy"], f"{attempt['code']}: {name} on {attempt['provider']}")
    return [*found.items(), *_remedy_of_self_skips(themselves)]


def _remedy_of_self_skips(groups: Sequence[SkipGroup]) -> Iterator[tuple[str, str]]:
    """Yield the remedy of tests that skip themselves, which names where each does, with the first place alone."""
    if not groups:
        return
    before, _, after = CATALOGUE[Code.SKIPPED_BY_TEST].remedy.partition("{where}")
    places = dict.fromkeys(group.remedy.removeprefix(before).removesuffix(after) for group in groups)
    first, others = next(iter(places)), plural(len(places) - 1, "other place")
    remedy = f"{before}{first} and {others}{after}" if len(places) > 1 else groups[0].remedy
    yield remedy, f"{Code.SKIPPED_BY_TEST}: {plural(sum(len(g.nodeids) for g in groups), 'test')} skipped"


def leaks_by_resource(record: Record) -> dict[str, list[str]]:
    """Return the tests during which something was changed that several have, by what it was."""
    found: dict[str, list[str]] = {}
    for test in record.tests.values():
        for what in test.left:
            found.setdefault(what, []).append(test.nodeid)
    return found


def services_used(record: Record) -> Iterator[tuple[str, str, int]]:
    """Yield each service, what it ran on in words, and how many tests had it there, the most first.

    It is there more than once where tests had it from several providers, as those of different shards may.
    """
    had = [(n, s["provider"], s["version"]) for test in record.tests.values() for n, s in test.services.items()]
    used = Counter(had)
    for name, told in sorted(record.services.items()):
        one = name, told["provider"], told["version"]
        places = [place for place, _ in used.most_common() if place[0] == name] or [one]
        for place in places:
            _, provider, version = place
            note = f" ({told['note']})" if told.get("note") and place == one else ""
            shown = f"{version}{note} " if version else ""
            yield name, f"{shown}on {provider}" if provider else "unavailable", used[place]


def outcome_line(report: Report) -> str:
    """Return one line on a run: what came of its tests, or why there is nothing to tell."""
    counts = report.record.counts
    said = ", ".join(f"{counts[key]:,} {key if key != 'errors' else 'with an error'}" for key in counts if counts[key])
    stopped = "; run incomplete" if report.record.interrupted else ""
    return (said or "no test") + stopped


def headline(reports: Sequence[Report]) -> str:
    """Return the verdict in a line: what is red, else how much is green."""
    red = [r for r in reports if r.red]
    if red:
        return "; ".join(f"{r.name}: {_describe_failure(r)}" for r in red)
    counts: Counter[str] = Counter()
    for report in reports:
        counts.update(report.record.counts)
    more = "".join(f", {counts[key]:,} {key}" for key in EXPECTED if counts[key])
    return f"{plural(counts['passed'], 'test')} passed{more} in {plural(len(reports), 'tier')}"


def verdict_line(report: Report) -> str:
    """Return the verdict on one tier in a line: red with what is wrong, or green with what ran on what."""
    counts = report.record.counts
    on = [provider for t in report.record.tests.values() for s in t.services.values() if (provider := s["provider"])]
    where = f" on {' and '.join(p for p, _ in Counter(on).most_common())}" if on else ""
    passed = [f"{counts['passed']:,} passed{where}"] if counts["passed"] else []
    # Those that were expected to fail ran as well, and only where none passed is there nobody else to say on what.
    passed += [f"{counts[key]:,} {key}{'' if passed else where}" for key in EXPECTED if key in counts]
    skipped = [f"{counts['skipped']:,} skipped"] if counts["skipped"] else []
    if report.red:
        return f"red: {_describe_failure(report)}{''.join(f'; {text}' for text in passed)}"
    if skipped and not report.record.ran:
        why = report.why.removesuffix("; nothing ran") if report.why else ""
        return f"nothing ran: {'; '.join([*skipped, *([why] if why else [])])}"
    if report.why:
        return f"green (lenient gate, red in CI): {'; '.join([report.why, *passed])}"
    if report.record.is_part and not report.record.tests:
        return "green: none of the tests is of this shard"
    return f"green: {', '.join([*passed, *skipped])}"


def _describe_failure(report: Report) -> str:
    record, counts = report.record, report.record.counts
    broken = counts["failed"] + counts["errors"]
    # What could not be collected is a file, whose tests nobody knows.
    unread = sum(not t.collected for t in record.tests.values() if t.outcome == "error")
    failed = broken - unread
    said = [f"{failed:,} of {plural(len(record.tests) - unread, 'test')} failed"] if failed else []
    said += [f"{plural(unread, 'file')} could not be collected"] if unread else []
    said += ["run incomplete"] if record.interrupted else []
    said += [report.why] if report.red_gate and report.why else []
    return "; ".join(said) or "no test ran"


def columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Align all columns but the last."""
    table = list(rows)
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]) - 1)] if table else []
    for row in table:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()


def plural(many: int, thing: str) -> str:
    """Return a number of things."""
    return f"{many:,} {thing}{'' if many == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < _SECOND:
        return f"{seconds * 1000:.3g} ms"
    if seconds < _MINUTE:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
