"""The proof of `exec`: suites from PyPI, unchanged, beside the same suites on servers that were started by hand.

    python -m tests.adoption [SUITE ...] [--cache DIR] [--out DIR] [--docs]

It writes exec.md and exec.json. What cannot run here is named with the reason.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

from tests.adoption.by_hand import CannotStart
from tests.adoption.outcomes import OUTCOMES, differences
from tests.adoption.suites import SUITES, Place
from tests.adoption.ways import BESIDE, WAYS
from tests.audit.findings import Counts, Proof
from tests.audit.tables import page, status, write
from tests.performance.findings import Absent, Figure
from tests.performance.machine import machine
from tests.performance.measuring import CaseFailed, say
from tests.performance.tables import between_markers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.adoption.suites import Suite
    from tests.adoption.ways import Ran

__all__ = ["found_in", "main"]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "exec-proof.md"


def main() -> int:
    """Run the suites, and write what was found; exit 1 when something went wrong or a test said something else."""
    parser = _arguments()
    given = parser.parse_args()
    suites = {suite.name: suite for suite in SUITES}
    if unknown := [name for name in given.suites if name not in suites]:
        parser.error(f"there is no suite {', '.join(unknown)}; there are {', '.join(suites)}")
    # So that what was started is ended also then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    text = PAGE.read_text(encoding="utf-8") if given.docs else ""
    if given.render:
        data = _together([json.loads(path.read_text(encoding="utf-8")) for path in given.render])
    else:
        data = {"machine": machine(), "parts": {}}
        for name in given.suites or suites:
            data["parts"][name] = _proved(suites[name], given.cache.resolve()).to_json()
            # After each suite: what was found is not lost with what comes later.
            write(given.out, "exec", "exec", data)
    found = write(given.out, "exec", "exec", data)
    lines = list(page(data["machine"], found))
    print("\n".join(lines))
    if given.docs:
        PAGE.write_text(between_markers(text, lines), encoding="utf-8")
    return status(found)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.adoption", description=(__doc__ or "").partition("\n")[0])
    names = ", ".join(suite.name for suite in SUITES)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"all of them, or some: {names}")
    parser.add_argument(
        "--cache", type=Path, default=Path(gettempdir(), "exec-proof"), help="folder of what is kept (%(default)s)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "exec", help="folder of what is written")
    parser.add_argument(
        "--render", type=Path, nargs="+", metavar="JSON", help="run nothing: read what earlier runs wrote, in turn"
    )
    parser.add_argument("--docs", action="store_true", help=f"write the tables into {PAGE.relative_to(ROOT)} too")
    return parser


def _proved(suite: Suite, cache: Path) -> Proof:
    """Run a suite in each way."""
    ran: dict[str, Ran] = {}
    absent = []
    try:
        place = Place(suite, cache)
    except CaseFailed as error:
        return Proof(suite.name, (), (), (Absent("all of it", str(error), failed=True),))
    for way, runs in WAYS.items():
        say(f"{suite.requirement}: {way}")
        try:
            ran[way] = runs(place)
        except CannotStart as error:
            absent.append(Absent(way, str(error)))
        except CaseFailed as error:
            absent.append(Absent(way, str(error), failed=True))
    # Suites that wait for threads and clocks have tests that say now this, now that: asked twice, they are told apart.
    again: dict[str, Ran] = {}
    for way in {name for pair in BESIDE.items() if _differ(ran, *pair) for name in pair}:
        say(f"{suite.requirement}: {way}, once more")
        try:
            again[way] = WAYS[way](place)
        except (CannotStart, CaseFailed) as error:
            absent.append(Absent(f"{way}, once more", str(error), failed=True))
    return found_in(suite, ran, again, absent)


def found_in(suite: Suite, ran: Mapping[str, Ran], again: Mapping[str, Ran], absent: list[Absent]) -> Proof:
    """Return what the runs of a suite come to: counts side by side, and each test that said something else.

    Args:
        suite: Which.
        ran: The runs, by way.
        again: Second runs of the ways that did not say the same.
        absent: What did not run.
    """
    rows: list[list[str | int]] = []
    for way, one in [*ran.items(), *((f"{way}, once more", one) for way, one in again.items())]:
        servers = ", ".join(f"{service} {version}" for service, version in one.versions.items())
        rows.append([way, servers, *one.outcomes.counts()])
    figures, differ = [], []
    for way, other in BESIDE.items():
        if way not in ran or other not in ran:
            continue
        steady = {*_differ(ran, way, other)}
        if way in again and other in again:
            steady &= {*_differ(again, way, other)}
        name = f"{suite.name} by {way}: tests that say something else than {other}"
        figures.append(Figure(name, len(steady), "", 0))
        for runs in (ran, again):
            for test, (mine, theirs) in _differ(runs, way, other).items():
                differ.append([test, way, mine, other, theirs, "each time" if test in steady else "once"])
    counts = [Counts(f"{suite.name} {suite.version}", ("on", "servers", *OUTCOMES), rows)]
    if differ:
        counts.append(Counts(f"{suite.name}: tests that differ", ("test", "on", "says", "on", "says", ""), differ))
    command = shlex.join(["exec", *suite.options(), "--", *suite.command()])
    counts.append(Counts(f"{suite.name}: the command", ("command",), [[command]]))
    return Proof(suite.name, (), tuple(figures), tuple(absent), tuple(counts))


def _differ(ran: Mapping[str, Ran], way: str, other: str) -> dict[str, tuple[str, str]]:
    """Return the tests of which two ways say something else, with what each says; none where one did not run."""
    if way not in ran or other not in ran:
        return {}
    return differences(ran[way].outcomes, ran[other].outcomes)


def _together(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what several runs on one machine wrote, as if they had been one; a later one counts."""
    return {
        "machine": told[-1]["machine"],
        "parts": {name: part for one in told for name, part in one["parts"].items()},
    }


if __name__ == "__main__":
    sys.exit(main())
