"""The summary at the end of a run: the verdict, what ran on what, which providers were not used, and what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from test_framework.reasons import CATALOGUE
from test_framework.report.screen import Block
from test_framework.report.wording import (
    NOTHING_TO_DO,
    failures_by_message,
    leaks_by_resource,
    plural,
    remedies,
    services_used,
    unavailable_attempts,
    verdict_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from test_framework.report.record import Record
    from test_framework.report.stored import Report
    from test_framework.resolution import Skip


def blocks(report: Report, files: Sequence[str], problems: Sequence[str] = (), shard: str = "") -> Iterator[Block]:
    """Yield what there is to read, the most important first.

    Args:
        report: The run.
        files: What was written of it; the first has what a screen leaves out.
        problems: What went wrong when they were written.
        shard: Which part of the tests it was; empty for all of them.
    """
    record = report.record
    more = f"more, in {files[0]}" if files else "more"
    yield Block("", [verdict_line(report)], markup={colour(report): True, "bold": True})
    yield Block("", [shard] if shard else [], rows=None)
    yield Block("failed:", list(_causes(record)), more, rows=4, markup={"red": True})
    yield Block("", list(_services(record)), more)
    yield Block("providers not used:", [str(o) for o in _obstacles(record)], more, markup={"bold": True})
    yield Block("what to do:", [remedy for remedy, _ in remedies([report])], more, markup={"bold": True})
    changed = [f"{what} (while {_several(nodeids)} ran)" for what, nodeids in leaks_by_resource(record).items()]
    yield Block("left behind:", changed, more, markup={"yellow": True})
    kept = [f"{url} ({test.nodeid})" for test in record.tests.values() for url in test.kept]
    yield Block("kept for you to look at:", kept, more, rows=None, markup={"bold": True})
    yield Block("", problems, rows=None, markup={"yellow": True})
    yield Block("", [f"report: {file}" for file in files], rows=None)


def colour(report: Report) -> str:
    """Return the colour of the verdict; yellow is for what only a lenient gate lets pass, or where nothing ran."""
    return "red" if report.red else "yellow" if report.why or not report.record.ran else "green"


def _causes(record: Record) -> Iterator[str]:
    """Yield each reason for which tests failed; what their own assertions say is in pytest's summary."""
    for message, tests in failures_by_message(record):
        if message.partition(":")[0] in CATALOGUE:
            yield f"{message} ({plural(len(tests), 'test')})"


def _services(record: Record) -> Iterator[str]:
    for name, what, tests in services_used(record):
        had = tests or record.services[name]["provider"]
        yield f"{name} {what}: {plural(tests, 'test')}" if had else f"{name}: {what}"


def _several(nodeids: Sequence[str]) -> str:
    return f"{nodeids[0]} and {len(nodeids) - 1} more" if len(nodeids) > 1 else nodeids[0]


@dataclass(slots=True)
class Obstacle:
    """One provider with one code: its services, its messages, and how many tests were skipped."""

    provider: str
    code: str
    messages: dict[str, None] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)
    skipped: int = 0

    def add(self, service: str, message: str) -> None:
        """Add what the provider said of a service."""
        self.messages[message] = None
        if service not in self.services:
            self.services.append(service)

    def __str__(self) -> str:
        skipped = [f"{plural(self.skipped, 'test')} skipped"] if self.skipped else []
        of = "; ".join([", ".join(self.services), *skipped])
        who = f"{self.provider} ({of})" if self.provider else skipped[0]
        others = f" (and {len(self.messages) - 1} more like it)" if len(self.messages) > 1 else ""
        return f"{who}: {self.code}: {next(iter(self.messages))}{others}"


def _obstacles(record: Record) -> list[Obstacle]:
    """Return why there was not more, over all services and tests: what most tests were skipped for comes first."""
    found: dict[tuple[str, ...], Obstacle] = {}
    for name, told in sorted(record.services.items()):
        attempts = unavailable_attempts(told)
        if not told["provider"]:
            # What somebody has switched off is no news where something else was tried in vain.
            attempts = [a for a in attempts if a["code"] not in NOTHING_TO_DO] or attempts
        for attempt in attempts:
            provider, code, message = (attempt[key] or "" for key in ("provider", "code", "message"))
            found.setdefault((provider, code), Obstacle(provider, code)).add(name, message)
    for skip in record.skips.values():
        provider = _provider(skip, record)
        key = (provider, skip.code) if provider else ("", skip.code, skip.message)
        one = found.setdefault(key, Obstacle("", skip.code, {skip.message: None}))
        one.skipped += 1
    used = Counter(name for test in record.tests.values() for name in test.services)
    return sorted(found.values(), key=lambda o: (-o.skipped, -sum(used[name] for name in o.services)))


def _provider(skip: Skip, record: Record) -> str:
    """Return the provider that a test was skipped for, where it says of a service just what the skip says."""
    for name, told in record.services.items():
        for attempt in unavailable_attempts(told):
            said = attempt["message"]
            if attempt["code"] == skip.code and (skip.message == said or skip.message.startswith(f"{name}: {said}")):
                return str(attempt["provider"])
    return ""
