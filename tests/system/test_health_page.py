"""The page of the suite's health in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.health.history import HealthRun
from test_framework.health.page import page
from test_framework.health.reports import TierFigures
from test_framework.health.snapshot import SuiteSnapshot
from tests.support.browser import DESKTOP, HOSTILE, assert_whole

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.browser import Browser

PHONE = (360, 740)

RUNS = [
    HealthRun(
        at=f"2026-11-{day:02}T08:00:00+00:00",
        files=4000 + day,
        broken=66 if day == 8 else 3,
        unparseable=2,
        findings=972 - day,
        discovery_seconds=0.4,
        tiers={
            "unit": TierFigures(4200, 12, day % 3, 0, 0.021),
            f"e2e {HOSTILE}": TierFigures(48, 0, 0, None, 2.5),
        },
        drifted=("broken-imports", f"findings {HOSTILE}") if day in {8, 20} else (),
    )
    for day in range(1, 21)
]
BASELINE = SuiteSnapshot(4000, 0.4, broken=dict.fromkeys("abc", "missing-module x"), tiers=RUNS[0].tiers)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a history of twenty checks."""
    path = tmp_path_factory.mktemp("page") / "health.html"
    path.write_text(page(f"platform {HOSTILE}", RUNS, BASELINE, lost=1), encoding="utf-8")
    return path


def test_it_is_whole_by_itself(browser: Browser, made: Path) -> None:
    """It asks for nothing but itself, and its console is silent."""
    assert_whole(browser, made)


def test_a_name_is_text(browser: Browser, made: Path) -> None:
    """A project, a tier or a rule that looks like HTML is shown as it is written."""
    browser.open(made)
    assert browser.ask("document.title") == f"Health of the tests of platform {HOSTILE}"
    assert browser.ask("document.querySelector('h1').textContent").endswith(HOSTILE)
    assert browser.ask("document.querySelectorAll('script').length") == 1


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits(browser: Browser, made: Path, size: tuple[int, int], scheme: str) -> None:
    """Nothing sticks out of the window but what scrolls by itself, and no words of a card overlap."""
    browser.open(made, size, scheme)
    assert browser.ask("document.documentElement.scrollWidth") <= size[0]
    assert browser.sticking_out() == []
    overlaps = """[...document.querySelectorAll(".card")].flatMap(card => {
        const boxes = [...card.querySelectorAll("h3, h4, .value, .against, .plot, .span > span")]
            .map(e => [e, e.getBoundingClientRect()]);
        return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([b, q]) => p.left < q.right - 1
            && q.left < p.right - 1 && p.top < q.bottom - 1 && q.top < p.bottom - 1)
            .map(([b]) => a.outerHTML.slice(0, 60) + b.outerHTML.slice(0, 60)));
    })"""
    assert browser.ask(overlaps) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(browser: Browser, made: Path, scheme: str) -> None:
    """The page is as light or as dark as asked for, and every text stands out from what is behind it."""
    browser.open(made, scheme=scheme)
    lightness, unreadable = browser.colours()
    assert (lightness > 0.5) is (scheme == "light")
    assert unreadable == {}


def test_the_line_is_where_the_numbers_are(browser: Browser, made: Path) -> None:
    """The drawing of `cannot be imported`: twenty points, the eighth is the highest, and two are marked."""
    browser.open(made)
    points = browser.ask("document.querySelectorAll('.card')[1].querySelector('polyline').getAttribute('points')")
    heights = [100 - float(pair.split(",")[1]) for pair in points.split()]
    assert [round(h * 80 / 100) for h in heights] == [run.broken for run in RUNS]
    assert browser.ask("document.querySelectorAll('.card')[1].querySelectorAll('.drift').length") == 2
    top, line = browser.ask("""(() => {
        const plot = document.querySelectorAll(".card")[1].querySelector(".plot").getBoundingClientRect();
        const line = document.querySelectorAll(".card")[1].querySelector("polyline").getBoundingClientRect();
        return [plot.top + plot.height * (1 - 66 / 80), line.top];
    })()""")
    assert line == pytest.approx(top, abs=3)


def test_the_keyboard_goes_from_run_to_run(browser: Browser, made: Path) -> None:
    """Tab leads to the link to the tables, then from chart to chart; the arrows tell each run of it."""
    browser.open(made)
    browser.press("Tab")
    assert browser.ask("document.activeElement.textContent") == "To the tables"
    browser.press("Tab")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert browser.ask(focused).startswith("Test files: 20 runs, from 4,001 to 4,020, last 4,020.")
    told = "document.activeElement.querySelector('.readout').textContent"
    assert browser.ask(told) == "2026-11-20 08:00: 4,020"
    browser.press("ArrowLeft")
    assert browser.ask(told) == "2026-11-19 08:00: 4,019"
    browser.press("Home")
    browser.press("ArrowLeft")
    assert browser.ask(told) == "2026-11-01 08:00: 4,001"
    browser.press("End")
    assert browser.ask(told) == "2026-11-20 08:00: 4,020"
    browser.press("Tab")
    browser.press("ArrowRight")
    assert browser.ask(told) == "2026-11-20 08:00: 3 · drifted"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert browser.ask(outline) == "solid"


def test_the_link_leads_to_the_tables(browser: Browser, made: Path) -> None:
    """Who wants no charts is there at once."""
    browser.open(made)
    browser.press("Tab")
    browser.press("Enter")
    assert browser.ask("document.querySelector('#tables').getBoundingClientRect().top") < DESKTOP[1]


def test_the_tables_say_what_the_charts_show(browser: Browser, made: Path) -> None:
    """Each run is a row, the last one first, with every figure."""
    browser.open(made)
    rows = browser.ask(
        "[...document.querySelectorAll('table')].map(t => [...t.tBodies[0].rows].map(r => [...r.cells].map("
        "c => c.textContent)))"
    )
    assert len(rows) == 3
    suite, e2e, unit = rows
    drifted = f"broken-imports, findings {HOSTILE}"
    assert suite[0] == ["2026-11-20 08:00", "4,020", "3", "2", "952", "0.4 s", drifted]
    assert [row[2] for row in reversed(suite)] == [str(run.broken) for run in RUNS]
    assert unit[0] == ["2026-11-20 08:00", "4,200", "12", "2", "0", "0.021 s"]
    assert e2e[0][-2:] == ["-", "2.5 s"]


def test_without_a_check_it_says_how_to_make_one(browser: Browser, tmp_path: Path) -> None:
    """There is nothing to draw."""
    path = tmp_path / "health.html"
    path.write_text(page("platform", [], None), encoding="utf-8")
    browser.open(path, PHONE)
    assert browser.ask("document.querySelector('code').textContent") == "python -m test_framework health check"
    assert browser.ask("document.querySelectorAll('.chart').length") == 0


def test_one_check_is_a_dot(browser: Browser, tmp_path: Path) -> None:
    """Of five figures of the suite, and of four and three of two tiers; there is no line, and no baseline."""
    path = tmp_path / "health.html"
    path.write_text(page("platform", RUNS[:1], None), encoding="utf-8")
    browser.open(path, PHONE)
    assert browser.ask("document.querySelectorAll('.chart').length") == 12
    assert browser.ask("document.querySelectorAll('.dot').length") == 12
    assert browser.ask("document.querySelectorAll('polyline, .baseline').length") == 0
    assert browser.ask("document.documentElement.scrollWidth") <= PHONE[0]
