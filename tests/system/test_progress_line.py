"""What a person sees while a server starts, on a real terminal; and what a log has of it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import Checkout
from tests.support.run import RUN_SECONDS

if TYPE_CHECKING:
    from tests.support.place import Place


@pytest.fixture
def checkout(embedded_place: Place) -> Checkout:
    """Return a project whose one test uses Redis."""
    checkout = Checkout(embedded_place, "embedded", ("redis",))
    checkout.write("tests/integration/test_services.py", "def test_it(redis_db): ...\n")
    return checkout


def seen(checkout: Checkout, *options: str) -> str:
    """Run pytest on a terminal, and return what it shows."""
    main, terminal = pty.openpty()
    command = [sys.executable, "-m", "pytest", "-p", "test_framework.plugin", "--color=no", *options]
    env = checkout.env() | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=checkout.root, env=env, stdout=terminal, stderr=terminal) as run:
        os.close(terminal)
        shown = b""
        try:
            while part := os.read(main, 1 << 16):
                shown += part
        except OSError:
            # Linux says so when nobody has the terminal open any more.
            pass
        run.wait(RUN_SECONDS)
    os.close(main)
    return shown.decode().replace("\r\n", "\n")


def test_a_start_has_a_line_of_its_own(checkout: Checkout) -> None:
    """Neither a dot of pytest's nor the name of a test comes on it."""
    shown = seen(checkout, "-q").splitlines()
    (at,) = (number for number, line in enumerate(shown) if "redis: starting" in line)
    assert shown[at].startswith("redis: starting"), shown
    # A busy machine has more to tell of the start.
    after = [line for line in shown[at:] if not line.startswith("redis")]
    assert after[0].startswith("."), shown


def test_a_log_has_nothing_of_a_quick_start(checkout: Checkout) -> None:
    """Only what takes ten seconds and longer is worth a line there."""
    run = checkout.run("-q")
    run.passed()
    assert "starting" not in run.output
