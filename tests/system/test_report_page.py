"""The page of a run in a real browser, at the width of a phone and of a desk, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from test_framework.report.merge import merge
from test_framework.report.page import page
from test_framework.report.stored import Report
from tests.support.browser import DESKTOP, HOSTILE, PHONE, assert_whole
from tests.support.reports import GREEN, KEPT, green, long, red, shard

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.browser import Browser

SECTIONS = ["failures", "services", "skips", "slowest", "timeline", "tests"]
SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
FOCUSED = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two tiers, one of which is red."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page(f"platform {HOSTILE}", [green(), red()]), encoding="utf-8")
    return path


def written(tmp_path: Path, *reports: Report) -> Path:
    """Write the page of these."""
    path = tmp_path / "index.html"
    path.write_text(page("platform", reports), encoding="utf-8")
    return path


def texts(browser: Browser, selector: str) -> list[str]:
    """Return the words of each element, with single spaces."""
    found: list[str] = browser.ask(f"[...document.querySelectorAll({selector!r})].map(e => e.innerText)")
    return [" ".join(text.split()) for text in found]


def test_it_is_whole_by_itself(browser: Browser, made: Path) -> None:
    """It asks for nothing but itself, and its console is silent."""
    assert_whole(browser, made)


def test_a_name_is_text(browser: Browser, made: Path) -> None:
    """A project, a test or a message that looks like HTML is shown as it is written, in the list of all tests too."""
    browser.open(made)
    assert browser.ask("document.title") == f"Tests of platform {HOSTILE}"
    assert browser.ask("document.querySelectorAll('script').length") == 2
    assert any(HOSTILE in text for text in texts(browser, "#failures ~ details"))
    assert any(HOSTILE in text for text in texts(browser, "#list td"))


@SIZES
@SCHEMES
def test_it_fits(browser: Browser, made: Path, size: tuple[int, int], scheme: str) -> None:
    """Nothing sticks out of the window but what scrolls by itself, with everything unfolded, too."""
    browser.open(made, size, scheme)
    for _ in range(2):
        assert browser.ask("document.documentElement.scrollWidth") <= size[0]
        assert browser.sticking_out() == []
        browser.ask("document.querySelectorAll('details').forEach(e => { e.open = true; })")


@SIZES
@SCHEMES
def test_the_verdict_is_there_at_once(browser: Browser, made: Path, size: tuple[int, int], scheme: str) -> None:
    """Without scrolling: which tier is red and why, and what to do about it."""
    browser.open(made, size, scheme)
    box = browser.ask("(({top, bottom}) => [top, bottom])(document.querySelector('.verdict').getBoundingClientRect())")
    assert 0 <= box[0] < box[1] <= size[1]
    (verdict,) = texts(browser, ".verdict")
    assert verdict.startswith(
        "✗ Red integration: 3 of 26 tests failed; 2 skips not allowed: socket-missing What to do Start Docker."
    )
    assert "Mend image-missing. image-missing: clickhouse on docker" in verdict


@SCHEMES
def test_it_can_be_read(browser: Browser, made: Path, scheme: str) -> None:
    """The page is as light or as dark as asked for, and every text stands out from what is behind it."""
    browser.open(made, scheme=scheme)
    browser.ask("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    lightness, unreadable = browser.colours()
    assert (lightness > 0.5) is (scheme == "light")
    assert unreadable == {}
    assert browser.faint(".track path", ".track") == {}


def test_what_failed_is_the_tallest(browser: Browser, made: Path) -> None:
    """On the timeline, for those too who do not tell red from green."""
    browser.open(made)
    heights = browser.ask("""Object.fromEntries([...document.querySelectorAll(".track.worker path")].map(
        e => [e.getAttribute("class"), e.getBBox().height]))""")
    assert heights["failed"] > heights["passed"] > heights["skipped"] > 0


def test_red_comes_first(browser: Browser, made: Path) -> None:
    """Among the tiers, and so in every section."""
    browser.open(made)
    assert texts(browser, ".tier h2") == ["integration", "unit"]
    assert texts(browser, "section[aria-labelledby=timeline] h3") == ["integration", "unit"]


def test_it_can_be_printed(browser: Browser, made: Path) -> None:
    """On white, with everything unfolded and nothing that scrolls; without what only a screen can do."""
    browser.open(made, scheme="dark")
    browser.ask("dispatchEvent(new Event('beforeprint'))")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.call("Emulation.setEmulatedMedia", media="print", features=dark)
    try:
        assert browser.colours()[0] > 0.5
        assert browser.ask("document.querySelectorAll('details:not([open])').length") == 0
        hidden = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 1).length"
        assert browser.ask(hidden) == 0
        assert browser.ask("getComputedStyle(document.querySelector('form')).display") == "none"
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


@SIZES
def test_the_keyboard_reaches_every_section(browser: Browser, made: Path, size: tuple[int, int]) -> None:
    """By a link for each, and by Tab alone to what can be unfolded, scrolled, walked through or filled in."""
    browser.open(made, size)
    browser.press("Tab")
    assert browser.ask(FOCUSED) == "To the failures"
    for section in SECTIONS:
        browser.open(made, size)
        browser.ask(f"document.querySelector('nav a[href=\"#{section}\"]').focus()")
        browser.press("Enter")
        assert browser.ask("document.activeElement.id") == section
        top = browser.ask(f"document.getElementById({section!r}).getBoundingClientRect().top")
        assert 0 <= top < size[1]
    browser.open(made, size)
    within = "document.activeElement.closest('section[aria-labelledby]')?.getAttribute('aria-labelledby')"
    seen: list[str] = []
    for _ in range(80):
        browser.press("Tab")
        if (section := browser.ask(within)) not in {*seen[-1:], None}:
            seen.append(section)
    # What has nothing to unfold has nothing to stop at.
    assert seen[: len(SECTIONS) - 1] == [s for s in SECTIONS if s != "services"]


def test_a_lane_is_walked_through(browser: Browser, made: Path) -> None:
    """The arrows, Home and End tell each test of a worker, and each provider of a service."""
    browser.open(made)
    labels = browser.ask("[...document.querySelectorAll('.lane')].map(e => e.getAttribute('aria-label'))")
    assert [label.partition(":")[0] for label in labels] == ["clickhouse", "postgres", "gw0", "gw1", "tests"]
    assert "socket-missing after 10 ms; embedded: ready after 10 ms" in labels[1]
    browser.ask("document.querySelectorAll('.lane')[2].focus()")
    told = "document.querySelector('.timeline').querySelector('.readout').textContent"
    name = "tests/integration/test_orders.py::test_order"
    assert browser.ask(told) == f"passed, 300 ms at 1 s: {name}[0 {HOSTILE}] (postgres 18.4 on embedded)"
    browser.press("ArrowRight")
    assert browser.ask(told).startswith(f"passed, 320 ms at 1.7 s: {name}[2 ")
    browser.press("End")
    assert browser.ask(told).startswith(f"skipped, 540 ms at 9.4 s: {name}[24 ")
    browser.press("ArrowRight")
    assert browser.ask(told).startswith(f"skipped, 540 ms at 9.4 s: {name}[24 ")
    browser.press("Home")
    browser.press("ArrowLeft")
    assert browser.ask(told).startswith(f"passed, 300 ms at 1 s: {name}[0 ")
    assert browser.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_bar_is_where_its_test_was(browser: Browser, tmp_path: Path) -> None:
    """Of a run of ten seconds, a test that failed from 2 to 4 and one that passed from 5 to 9."""
    report = green(tests=2)
    report.record.seconds = 10
    for test, (outcome, start, end) in zip(
        report.record.tests.values(), (("failed", 2, 4), ("passed", 5, 9)), strict=True
    ):
        test.outcome, test.start, test.seconds = outcome, start, end - start
    browser.open(written(tmp_path, report))
    bars: dict[str, Any] = browser.ask("""(() => {
        const track = document.querySelector(".track").getBoundingClientRect();
        return Object.fromEntries([...document.querySelectorAll(".track path")].map(path => {
            const { left, right } = path.getBoundingClientRect();
            return [path.className.baseVal, [left, right].map(x => 10 * (x - track.left) / track.width)];
        }));
    })()""")
    assert bars == {"failed": pytest.approx([2, 4], abs=0.1), "passed": pytest.approx([5, 9], abs=0.1)}


def test_all_tests_can_be_searched(browser: Browser, made: Path) -> None:
    """By words and by outcome; the list tells what each ran on."""
    browser.open(made)
    assert texts(browser, "#found") == ["31 of 31 tests"]
    browser.ask("document.getElementById('words').focus()")
    browser.type("order[2")
    assert texts(browser, "#found") == ["7 of 31 tests"]
    options = browser.ask("[...document.getElementById('outcome').options].map(o => o.value)")
    assert options == ["", "error", "failed", "passed", "skipped", "xfailed"]
    browser.ask(
        "(o => { o.value = 'failed'; o.dispatchEvent(new Event('change')); })(document.getElementById('outcome'))"
    )
    rows = browser.ask("[...document.getElementById('list').rows].map(r => [...r.cells].map(c => c.textContent))")
    name = "tests/integration/test_orders.py::test_order"
    assert rows == [
        ["failed", f"{name}[20 {HOSTILE}]", "500 ms", "postgres 18.4 on embedded"],
        ["failed", f"{name}[22 {HOSTILE}]", "520 ms", "postgres 18.4 on embedded"],
    ]


def test_every_section_says_what_was(browser: Browser, made: Path) -> None:
    """Failures with the database that was kept, services with every attempt, skips with what to do, what was slow."""
    browser.open(made)
    browser.ask("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    (alike, error) = texts(browser, "section[aria-labelledby=failures] > details")
    assert alike.startswith("2 tests integration AssertionError: lost")
    assert alike.count(f"Kept for you to look at: {KEPT}") == 2
    assert "tests/integration/test_orders.py:60; postgres 18.4 on embedded; after 500 ms; on gw0" in alike
    assert f"OSError: {HOSTILE}" in error
    cards = texts(browser, "section[aria-labelledby=services] .card")
    assert cards[0].startswith("clickhouse unavailable, 0 tests docker image-missing 10 ms why: image-missing")
    assert cards[1].startswith("postgres 18.4 (asked for 17) on embedded, 24 tests explicit not-configured")
    assert cards[1].endswith("embedded ✓ used 10 ms")
    (skipped,) = texts(browser, "section[aria-labelledby=skips] > details")
    assert skipped.startswith("2 socket-missing integration no socket at /x Start Docker. tests/integration/")
    slowest = texts(browser, "section[aria-labelledby=slowest] tbody tr:first-child")
    assert slowest[0].startswith("530 ms tests/integration/test_orders.py::test_order[23 ")
    assert slowest[1].startswith("1.5 s catalogue session, tests/conftest.py integration 2 1.2 s tests/test_orders")


def test_a_green_run_says_so(browser: Browser, tmp_path: Path) -> None:
    """In one line; with what a lenient gate let pass beside it."""
    browser.open(written(tmp_path, green()), PHONE)
    assert texts(browser, ".verdict") == ["✓ Green 5 tests passed in 1 tier"]
    let_pass = Report.of(green().record, {**GREEN, "why": "3 skips not allowed: not-configured"})
    browser.open(written(tmp_path, let_pass), PHONE)
    (verdict,) = texts(browser, ".verdict")
    why = "unit: 3 skips not allowed: not-configured; the gate is lenient"
    assert verdict == f"✓ Green, but 5 tests passed in 1 tier {why}"


def test_shards_are_told_of(browser: Browser, tmp_path: Path) -> None:
    """Each with what it ran on, and its own lane."""
    merged = merge([(tmp_path, shard(1, 2)), (tmp_path, shard(2, 2, provider="embedded"))])
    browser.open(written(tmp_path, Report.of(merged.record, GREEN)), PHONE)
    browser.ask("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert texts(browser, ".tier tbody tr") == [
        "1 passed 4 0 1 2 s postgres on docker",
        "2 passed 4 0 1 3 s postgres on embedded",
    ]
    assert texts(browser, ".who") == ["1", "2"]
    assert browser.ask("document.documentElement.scrollWidth") <= PHONE[0]


def test_without_a_report_it_says_how_to_make_one(browser: Browser, tmp_path: Path) -> None:
    """There is nothing to show."""
    browser.open(written(tmp_path), PHONE)
    assert texts(browser, "code") == ["pytest --tier NAME"]
    assert browser.said == []


def test_a_report_without_times_has_no_timeline(browser: Browser, tmp_path: Path) -> None:
    """As those of an earlier version."""
    report = green()
    report.record.started = None
    for test in report.record.tests.values():
        test.start = None
    browser.open(written(tmp_path, report))
    assert "Its report does not say when its tests ran." in texts(browser, "section[aria-labelledby=timeline] p")
    assert browser.said == []


def test_a_long_run_stays_small(browser: Browser, tmp_path: Path) -> None:
    """The page of ten thousand tests has no more elements than can be shown, and all tests are found in it."""
    path = written(tmp_path, long())
    assert path.stat().st_size < 2_000_000
    browser.open(path)
    assert browser.ask("document.querySelectorAll(':not(wbr)').length") < 2500
    assert texts(browser, "#found") == ["10,000 of 10,000 tests; the first 200 are shown"]
    browser.ask("document.querySelectorAll('.lane')[1].focus()")
    browser.press("End")
    told = "document.querySelector('.readout').textContent"
    assert browser.ask(told).startswith("passed, 20 ms at 25 s: tests/unit/api/test_module_")
