"""Kills runs by SIGKILL at random moments, and tells what each left and how long that took to go.

`python -m tests.support.rounds --provider embedded --rounds 50` prints a line for each round and a summary, and exits 1
when something was still there after the bound. `--seed` repeats the moments.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.providers.docker.probe import probe
from tests.support.checkout import SERVICES, Checkout
from tests.support.place import Place

if TYPE_CHECKING:
    from tests.support.run import Run

__all__ = ["VICTIMS", "Round", "play"]

VICTIMS = ("pytest", "supervisor", "both")
_BOUND_SECONDS = 30.0
_RUN_SECONDS = 180.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one kill.

    Attributes:
        victim: Which processes were killed.
        after: When, in seconds from the start of pytest.
        waited: How long from the end of pytest until nothing was left, in seconds, or until the bound.
        left: What was there still; empty when all is well.
    """

    victim: str
    after: float
    waited: float
    left: tuple[str, ...]


def play(checkout: Checkout, victim: str, after: float, seconds: float = _BOUND_SECONDS) -> Round:
    """Start a run, kill the victim after so long, and wait until nothing is left."""
    run = checkout.start()
    time.sleep(after)
    _kill(checkout, run, victim)
    # Without its supervisor a run ends by itself: the tests that follow fail, or start another one.
    run.end(_RUN_SECONDS)
    ended = time.monotonic()
    while (left := checkout.place.left()) and time.monotonic() - ended < seconds:
        time.sleep(_LOOK_SECONDS)
    return Round(victim, after, time.monotonic() - ended, tuple(left))


def _kill(checkout: Checkout, run: Run, victim: str) -> None:
    if victim in ("pytest", "both"):
        with suppress(ProcessLookupError):
            os.kill(run.pid, signal.SIGKILL)
    if victim in ("supervisor", "both"):
        for process in checkout.place.processes("test_framework.supervisor "):
            process.kill()


def _seconds_of_a_run(checkout: Checkout) -> float:
    """Let one run pass, until its servers have ended too."""
    begin = time.monotonic()
    checkout.start().passed(_RUN_SECONDS)
    while checkout.place.left():
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - begin


def main() -> int:
    """Play the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--provider", choices=("embedded", "docker"), default="embedded")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))  # noqa: S311  # no secret
    given = parser.parse_args()
    chance = random.Random(given.seed)  # noqa: S311  # as above
    print(f"{given.rounds} rounds on {given.provider}, seed {given.seed}")
    longest, bad = 0.0, 0
    with Place(probe(os.environ).environment() if given.provider == "docker" else None) as place:
        checkout = Checkout(place, given.provider, SERVICES)
        whole = _seconds_of_a_run(checkout)
        for number in range(1, given.rounds + 1):
            done = play(checkout, chance.choice(VICTIMS), chance.uniform(0, whole))
            longest, bad = max(longest, done.waited), bad + bool(done.left)
            print(
                f"{number:4}  {done.victim:<10}  after {done.after:.2f} s  clean after {done.waited:.2f} s", flush=True
            )
            for left in done.left:
                print(f"      left: {left}")
            if done.left:
                print(place.log())
                break
    print(f"longest wait {longest:.2f} s; {bad or 'no'} round{'s' if bad != 1 else ''} left something")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
