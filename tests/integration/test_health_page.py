"""The page of the suite's health in a real browser: headless Chromium, driven by its DevTools protocol."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from test_framework.health.history import Run
from test_framework.health.page import page
from test_framework.health.reports import TierFigures
from test_framework.health.snapshot import Snapshot
from test_framework.plugin.lease import ReasonedSkip
from test_framework.reasons import Code
from test_framework.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
START_SECONDS = 30
ANSWER_SECONDS = 20
PHONE, DESKTOP = (360, 740), (1280, 900)
HOSTILE = "<script>document.title='taken'</script>"

LEAST_CONTRAST = 4.5
"""Of text, by WCAG 2.2, success criterion 1.4.3."""


class Browser:
    """One tab of a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ids = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol, and keep the events that come before its answer."""
        number = next(self.ids)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told: dict[str, Any] = json.loads(self.socket.recv(timeout=ANSWER_SECONDS))
            if told.get("id") == number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
            self.events.append(told)

    def ask(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def open(self, path: Path, size: tuple[int, int] = DESKTOP, scheme: str = "light") -> None:
        """Show a file in a window of this size, to somebody who prefers light or dark."""
        self.events.clear()
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=size == PHONE,
        )
        self.call("Page.navigate", url=path.as_uri())
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self.events.append(json.loads(self.socket.recv(timeout=ANSWER_SECONDS)))

    def press(self, key: str) -> None:
        """Press a key."""
        code = {"Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of this module's own."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        install = "Debian: apt-get install chromium"
        missing = Reason.of(Code.BINARY_MISSING, binary="Chromium", looked="on the PATH", install=install)
        raise ReasonedSkip(missing)
    # Its sockets need a short path, and what it leaves in the temporary folder goes too.
    with (
        TemporaryDirectory(prefix="tf-", ignore_cleanup_errors=True) as folder,
        _started(program, folder) as process,
        connect(_tab(Path(folder), process), max_size=None) as socket,
    ):
        yield Browser(socket)


@contextmanager
def _started(program: str, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the browser, with all that it writes in one folder."""
    process = subprocess.Popen(
        [
            *(program, "--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
            *("--no-sandbox",),  # its sandbox refuses root, and the page is ours
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"HOME": folder, "TMPDIR": folder},
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(START_SECONDS)


def _tab(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the address of the first tab, once the browser has written where it listens."""
    from urllib.request import urlopen

    deadline = time.monotonic() + START_SECONDS
    port = profile / "DevToolsActivePort"
    while time.monotonic() < deadline and process.poll() is None:
        if port.exists() and len(lines := port.read_text().splitlines()) > 1:
            with urlopen(f"http://127.0.0.1:{lines[0]}/json/list", timeout=ANSWER_SECONDS) as answer:
                tabs = [t for t in json.load(answer) if t["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError(f"Chromium does not listen; its exit status: {process.poll()}")


RUNS = [
    Run(
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
BASELINE = Snapshot(4000, 0.4, broken=dict.fromkeys("abc", "missing-module x"), tiers=RUNS[0].tiers)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a history of twenty checks."""
    path = tmp_path_factory.mktemp("page") / "health.html"
    path.write_text(page(f"platform {HOSTILE}", RUNS, BASELINE, lost=1), encoding="utf-8")
    return path


def test_it_is_whole_by_itself(browser: Browser, made: Path) -> None:
    """It asks for nothing but itself, and its console is silent."""
    browser.open(made)
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith("data:")] == [made.as_uri()]
    said = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
    assert [e for e in browser.events if e["method"] in said] == []


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
    out = """[...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll") && !e.closest("svg")
        && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 99))"""
    assert browser.ask(out) == []
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
    page_colour, *pairs = browser.ask("""(() => {
        const behind = e => { for (; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            if (!colour.startsWith("rgba(0, 0, 0, 0")) return colour;
        } };
        const told = [...document.querySelectorAll("main *")].filter(e => [...e.childNodes].some(
            n => n.nodeType === 3 && n.textContent.trim()));
        return [behind(document.body), ...new Set(told.map(e => getComputedStyle(e).color + "|" + behind(e)))];
    })()""")
    assert (_luminance(page_colour) > 0.5) is (scheme == "light")
    assert len(pairs) > 3
    assert {pair: _contrast(*pair.split("|")) for pair in pairs if _contrast(*pair.split("|")) < LEAST_CONTRAST} == {}


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


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
