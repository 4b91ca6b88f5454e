"""`run` with real servers: how it is ended, what is left of it, and what it runs on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import wait_until
from tests.support.checkout import Checkout
from tests.support.run import RUN_SECONDS, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.place import Place


@pytest.fixture
def checkout(embedded_place: Place) -> Checkout:
    """Return a project whose tests write to Redis."""
    return Checkout(embedded_place, "embedded", ("redis",))


NOTES = """\
import signal
import time
from pathlib import Path

ROOT = Path(__file__).parent


def note(number, frame):
    with (ROOT / "signals").open("a") as file:
        file.write(f"{int(number)}\\n")
    if number == signal.SIGINT:
        signal.default_int_handler(number, frame)


for number in (signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, note)


def pytest_keyboard_interrupt():
    deadline = time.monotonic() + 60
    while f"{int(signal.SIGUSR1)}\\n" not in (ROOT / "signals").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
"""
"""A conftest.py that notes which signals pytest gets, and lets it end after SIGUSR1."""


def command(*args: str) -> list[str]:
    """Return the command line."""
    return [sys.executable, "-m", "test_framework", "run", "--no-coverage", *args]


@contextmanager
def held(checkout: Checkout, *args: str) -> Iterator[Run]:
    """Run two tiers, the first of which stays in mid-test."""
    checkout.write("tests/smoke/test_after.py", "def test_after(): pass\n")
    checkout.hold()
    run = Run(command("--categories", "integration,smoke", *args), checkout.root, checkout.place, env=checkout.env())
    run.wait_held(1)
    yield run
    (checkout.root / "hold").unlink(missing_ok=True)


def last(output: str) -> str:
    """Return the verdict."""
    return output.rstrip().rpartition("\n")[2].strip()


class TestEnded:
    """By somebody, or when its time is up."""

    @pytest.mark.parametrize(
        ("number", "told"),
        [
            (signal.SIGINT, "RED: integration: run incomplete; not run: smoke"),
            (signal.SIGTERM, "RED: integration: pytest was killed by SIGTERM; no report; not run: smoke"),
        ],
    )
    def test_a_signal(self, checkout: Checkout, number: signal.Signals, told: str) -> None:
        """It goes on to pytest, what comes after is not run, and nothing is left."""
        with held(checkout) as run:
            run.kill(number)
        assert run.end() == 128 + number
        assert last(run.output) == told
        assert f"smoke not run ended by {number.name}" in " ".join(run.output.split())
        checkout.place.is_empty(containers=False)

    @pytest.mark.needs("terminals")
    def test_ctrl_c(self, checkout: Checkout) -> None:
        """The terminal sends it to both; pytest ends in order and writes its report, since it arrives once."""
        checkout.write("conftest.py", NOTES)
        noted = checkout.root / "signals"
        checkout.hold()
        terminal, inner = pty.openpty()
        with closing(os.fdopen(terminal, "r+b", buffering=0)) as keys:
            process = subprocess.Popen(
                ["setsid", "--ctty", *command("--category", "integration")],
                stdin=inner,
                stdout=inner,
                stderr=inner,
                cwd=checkout.root,
                env=checkout.env(),
            )
            checkout.place.started.append(process)
            os.close(inner)
            wait_until(lambda: any(checkout.root.glob("here-*")), "in mid-test", RUN_SECONDS)
            ours = psutil.Process(process.pid)
            # We hear of it only when pytest has: two that come together could not be told from one.
            ours.suspend()
            keys.write(b"\x03")
            wait_until(noted.exists, "pytest has got it", RUN_SECONDS)
            # What was passed on is there before what follows: of signals that wait, the least number is taken first.
            ours.send_signal(signal.SIGUSR1)
            ours.resume()
            shown = _read_to_the_end(terminal)
            assert process.wait(RUN_SECONDS) == 130, shown
        assert noted.read_text().split() == [str(int(number)) for number in (signal.SIGINT, signal.SIGUSR1)]
        assert last(shown) == "RED: integration: run incomplete"
        assert shown.count("!!! KeyboardInterrupt !!!") == 1
        checkout.place.is_empty(containers=False)

    def test_a_budget(self, checkout: Checkout) -> None:
        """A tier that is ended for the time it takes leaves no server either, also with workers."""
        checkout.write(
            "pyproject.toml",
            "[tool.test_framework]\ntiers.integration.services = ['redis']\n"
            "layers.short.tiers = ['integration']\nlayers.short.budget_seconds = 15\nmodes.short.layers = ['short']\n",
        )
        checkout.hold()
        args = ("--execution-mode", "short", "--", "-p", "xdist", "-n", "1")
        run = Run(command(*args), checkout.root, checkout.place, env=checkout.env())
        assert run.end(2 * RUN_SECONDS) == 124
        assert last(run.output).startswith("RED: integration: layer short took longer than its 15 s (layers.short.bud")
        checkout.place.is_empty(containers=False)


def test_what_it_ran_on(checkout: Checkout) -> None:
    """The line of a tier names the server and its provider."""
    result = checkout.command("run", "--no-coverage", "--category", "integration")
    assert result.returncode == 0, result.stdout
    assert last(result.stdout) == "green: 4 tests passed in 1 tier"
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("integration "))
    assert "4 passed; redis " in line
    assert line.endswith(" on embedded")


def test_remote_services(checkout: Checkout) -> None:
    """The server behind an explicit URL is used, and without one nothing is started: the tests say what to set."""
    given = ("run", "--no-coverage", "--category", "integration", "--remote-services")
    result = checkout.command(*given)
    said = "RED: no test ran: integration: 4 skips not allowed: not-configured; nothing ran"
    assert (result.returncode, last(result.stdout)) == (5, said)
    serve = "import os, subprocess, sys; sys.exit(subprocess.call(sys.argv[1:], env=os.environ | {%r: os.environ[%r]}))"
    inner = [sys.executable, "-c", serve % ("TEST_FRAMEWORK_REDIS_URL", "REDIS_URL")]
    own = [sys.executable, "-m", "test_framework"]
    whole = [*own, "exec", "--service", "redis", "--", *inner, *own, *given]
    run = Run(whole, checkout.root, checkout.place, env=checkout.env())
    assert run.end(3 * RUN_SECONDS) == 0, run.output
    (line,) = (line for line in run.output.splitlines() if line.startswith("integration "))
    assert line.endswith(" on explicit")


def _read_to_the_end(terminal: int) -> str:
    found = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            return found.decode()
        if not part:
            return found.decode()
        found += part
