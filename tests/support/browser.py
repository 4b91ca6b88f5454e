"""A page in a real browser: headless Chromium, driven by its DevTools protocol."""

from __future__ import annotations

import base64
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

from test_framework.plugin.lease import ReasonedSkip
from test_framework.reasons import Code
from test_framework.resolution import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

__all__ = ["DESKTOP", "HOSTILE", "PHONE", "Browser", "assert_whole", "browser", "opened", "program"]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
START_SECONDS = 30
ANSWER_SECONDS = 20
PHONE, DESKTOP = (390, 844), (1280, 900)
WIDEST_PHONE = 600
HOSTILE = "<script>document.title='taken'</script>"

LEAST_CONTRAST = 4.5
"""Of text, by WCAG 2.2, success criterion 1.4.3."""

LEAST_CONTRAST_OF_SHAPES = 3.0
"""Of what is drawn and says something, by success criterion 1.4.11."""


class Browser:
    """One tab of a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ids = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        # Without it, a window that nobody looks at is never focused.
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

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

    def open(
        self, path: Path, size: tuple[int, int] = DESKTOP, scheme: str = "light", seconds: float = ANSWER_SECONDS
    ) -> None:
        """Show a file in a window of this size, to somebody who prefers light or dark; raises `TimeoutError`."""
        self.events.clear()
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=size[0] < WIDEST_PHONE,
        )
        self.call("Page.navigate", url=path.as_uri())
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self.events.append(json.loads(self.socket.recv(timeout=seconds)))

    def press(self, key: str) -> None:
        """Press a key."""
        code = {"Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def type(self, text: str) -> None:
        """Write where the focus is."""
        self.call("Input.insertText", text=text)

    @property
    def asked(self) -> list[str]:
        """What the page has asked for since it was opened."""
        asked = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith("data:")]

    @property
    def said(self) -> list[dict[str, Any]]:
        """What stands in its console, and what its scripts have raised."""
        said = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [e for e in self.events if e["method"] in said]

    def sticking_out(self) -> list[str]:
        """Return what is wider than the window, but for what scrolls by itself."""
        out = """[...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll") && !e.closest("svg")
            && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 99))"""
        found: list[str] = self.ask(out)
        return found

    def colours(self) -> tuple[float, dict[str, float]]:
        """Return how light the page is, from 0 to 1, and the texts that do not stand out from what is behind them."""
        page_colour, *pairs = self.ask("""(() => {
            const behind = e => { for (; e; e = e.parentElement) {
                const colour = getComputedStyle(e).backgroundColor;
                if (!colour.startsWith("rgba(0, 0, 0, 0")) return colour;
            } };
            const told = [...document.querySelectorAll("main *")].filter(e => [...e.childNodes].some(
                n => n.nodeType === 3 && n.textContent.trim()));
            return [behind(document.body), ...new Set(told.map(e => getComputedStyle(e).color + "|" + behind(e)))];
        })()""")
        assert len(pairs) > 3
        contrasts = {pair: _contrast(*pair.split("|")) for pair in pairs}
        return _luminance(page_colour), {pair: found for pair, found in contrasts.items() if found < LEAST_CONTRAST}

    def faint(self, shapes: str, behind: str) -> dict[str, float]:
        """Return what is drawn, by its class, that does not stand out from the element that it lies in."""
        drawn: dict[str, list[str]] = (
            self.ask(f"""Object.fromEntries([...document.querySelectorAll({shapes!r})].map(e => {{
            const around = getComputedStyle(e.closest({behind!r}));
            return [e.getAttribute("class"), [getComputedStyle(e).fill, around.backgroundColor]];
        }}))""")
        )
        assert drawn
        contrasts = {name: _contrast(*colours) for name, colours in drawn.items()}
        return {name: found for name, found in contrasts.items() if found < LEAST_CONTRAST_OF_SHAPES}

    def picture(self, path: Path) -> None:
        """Write what is to be seen of the whole page as a PNG."""
        told = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(told["data"]))


def program() -> str | None:
    """Return the browser's program, if there is one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of this module's own."""
    if program() is None:
        install = "Debian: apt-get install chromium"
        missing = Reason.of(Code.BINARY_MISSING, binary="Chromium", looked="on the PATH", install=install)
        raise ReasonedSkip(missing)
    with opened() as browser:
        yield browser


@contextmanager
def opened() -> Iterator[Browser]:
    """Run the browser."""
    from websockets.sync.client import connect

    found = program()
    assert found is not None, "there is no browser"
    # Its sockets need a short path, and what it leaves in the temporary folder goes too.
    with (
        TemporaryDirectory(prefix="tf-", ignore_cleanup_errors=True) as folder,
        _started(found, folder) as process,
        connect(_tab(Path(folder), process), max_size=None) as socket,
    ):
        yield Browser(socket)


@contextmanager
def _started(browser: str, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the browser, with all that it writes in one folder."""
    process = subprocess.Popen(
        [
            *(browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
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


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def assert_whole(browser: Browser, page: Path) -> None:
    """A page asks for nothing but itself, and its console is silent."""
    browser.open(page)
    assert browser.asked == [page.as_uri()]
    assert browser.said == []
