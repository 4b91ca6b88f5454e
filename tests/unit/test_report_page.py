"""The pages without a browser: what a test, a project or a tier is called is text, and never markup."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from test_framework.health.history import HealthRun
from test_framework.health.page import page as health_page
from test_framework.health.reports import TierFigures
from test_framework.report.page import page
from test_framework.report.stored import Report
from tests.support.browser import HOSTILE
from tests.support.reports import attempt, green, red, shard

if TYPE_CHECKING:
    from collections.abc import Callable


class Elements(HTMLParser):
    """Remembers what a browser would make elements of, and the words of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of an element, none of which has an event of its own."""
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.names.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Take note of its end."""
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take note of words that are shown."""
        if self.open[-1:] not in (["script"], ["style"]):
            self.words += data


def reports(name: str) -> list[Report]:
    """Return reports in which whatever can be named has this name."""
    report, part = red(name), shard(1, 2)
    record = report.record
    for number, test in enumerate(list(record.tests.values())):
        test.nodeid, test.worker, test.kept, test.left = f"{name} {number}", name, [name], [f"role {name}"]
        if test.failure:
            test.failure = replace(test.failure, message=f"{name} {number}", file=name, text=name)
    record.services[name] = {
        "provider": None,
        "version": None,
        "attempts": [{**attempt(name, name), "message": name, "remedy": name}],
    }
    record.skips = {
        key: replace(skip, nodeid=name, code=name, message=name, remedy=name) for key, skip in record.skips.items()
    }
    record.fixtures = [replace(fixture, name=name, scope=name, where=name, test=name) for fixture in record.fixtures]
    counts = {"passed": 1, "failed": 0, "errors": 0, "skipped": 0}
    part.record.shards = [{"index": 1, "outcome": name, "counts": counts, "seconds": 1.0, "services": {name: name}}]
    return [report, Report.of(part.record, {"strict": True, "verdict": "green", "why": name})]


def lenient(name: str) -> str:
    """Return the page of a run that a lenient gate lets pass, for a reason of this name."""
    return page(name, [Report.of(green().record, {"strict": False, "verdict": "green", "why": name})])


def health(name: str) -> str:
    """Return the page of the suite's health, in which whatever can be named has this name."""
    figures = {name: TierFigures(1, 0, 0, None, 0.1)}
    run = HealthRun(f"2026-11-01{name}", 1, 0, 0, 0, 0.1, figures, (f"findings {name}",))
    return health_page(name, [run, run], None)


@pytest.mark.parametrize(
    "made",
    [lambda name: page(name, reports(name)), lenient, lambda name: page(name, []), health],
    ids=["run", "lenient", "none", "health"],
)
def test_a_name_is_text(made: Callable[[str], str]) -> None:
    """The page has the elements that it has for any other name, and the name is read as it is written."""
    found, usual = Elements(made(HOSTILE)), Elements(made("name"))
    # A long name may be broken into lines.
    assert [name for name in found.names if name != "wbr"] == [name for name in usual.names if name != "wbr"]
    assert HOSTILE in found.words
    assert "&lt;" not in found.words
