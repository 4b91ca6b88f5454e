"""A run as Markdown: the verdict first, the same facts as on the page, and nothing that is markup by accident."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from test_framework.report.markdown import append, summary
from test_framework.report.record import Failure, Record
from test_framework.report.stored import Report
from tests.support.browser import HOSTILE
from tests.support.reports import KEPT, RED, green, long, red

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def text(reports: Sequence[Report]) -> str:
    """Return the summary, without what only keeps characters from being markup."""
    return "\n".join(summary(reports)).replace("\\", "").replace("&#64;", "@")


def test_the_verdict_comes_first() -> None:
    """With what is red, or how much is green."""
    assert text([green(), red()]).startswith(
        "## ❌ Red: integration: 3 of 26 tests failed; 2 skips not allowed: socket-missing\n"
    )
    assert text([green()]).startswith("## ✅ Green: 5 tests passed in 1 tier\n")


def test_what_ran_on_what_and_why_not_more() -> None:
    """Each tier is a row; each provider that was tried in vain is a line, and each remedy is there once."""
    told = text([green(), red()])
    assert "| unit | green | 5 passed | 100 ms |  |" in told
    on = "clickhouse unavailable: 0 tests<br>postgres 18.4 (asked for 17) on embedded: 24 tests"
    assert f"| integration | red | 20 passed, 2 failed, 1 with an error, 2 skipped, 1 xfailed | 10 s | {on} |" in told
    assert "- postgres not on docker: socket-missing: why: socket-missing" in told
    assert "- clickhouse not on docker: image-missing: why" in told
    assert "not-configured" not in told
    assert told.count("\n- Start Docker. (socket-missing: 2 tests skipped)") == 1
    assert "\n- Mend image-missing. (image-missing: clickhouse on docker)" in told


def test_failures_that_are_alike_are_told_together() -> None:
    """With the databases that were kept."""
    told = text([red()])
    assert "### 3 failures" in told
    assert "- 2 tests: AssertionError: lost\n  - <code>tests/integration/test_orders.py::test_order[20 " in told
    assert told.count(f"<br>kept: {KEPT.replace('&', '&amp;')}</code>") == 0
    assert told.count(f"<br>kept: {KEPT}") == 2


def test_nothing_is_markup_by_accident() -> None:
    """A test, a message or a tier may hold HTML, tables, links, mentions and line breaks."""
    record = Record("a|b")
    nasty = f"x|y `z` *w* [a](b) @everyone\n# no heading {HOSTILE}"
    test = record.test(f"t.py::test[{nasty}]")
    test.outcome, test.failure = "failed", Failure(nasty, "t.py", 1, "")
    told = "\n".join(summary([Report.of(record, {**RED, "why": nasty})]))
    assert "<script" not in told
    assert not re.search(r"(?<!\\)[`*\[\]]", told)
    assert "@everyone" not in told
    assert re.search(r"^# no heading", told, re.M) is None
    (row,) = (line for line in told.splitlines() if line.startswith("| a"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 6


def test_a_long_run_has_a_short_summary() -> None:
    """GitHub takes a megabyte of each step."""
    report = long(3000)
    for number, test in enumerate(report.record.tests.values()):
        test.outcome, test.failure = "failed", Failure(f"{number} " + "x" * 5000, "t.py", 1, "")
    told = text([report])
    assert "### 3,000 failures" in told
    assert "- and 2970 more, for other reasons" in told
    assert len(told.encode()) < 100_000


def test_the_summary_is_added_to_what_is_there(tmp_path: Path) -> None:
    """Other steps write to the same file."""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    append(str(path), [green()])
    assert path.read_text().startswith("before\n## ✅ Green")
