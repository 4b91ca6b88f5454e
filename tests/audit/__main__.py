"""The proof of the audit: a generated suite, real projects sound and damaged, and its seconds beside the alternatives.

    python -m tests.audit [PART ...] [--quick] [--cache DIR] [--out DIR] [--docs]

It writes audit.md and audit.json. What cannot run here is named with the reason.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import gettempdir

from tests.audit.findings import Proof
from tests.audit.options import Options
from tests.audit.projects import PROJECTS
from tests.audit.tables import page, status, write
from tests.performance.findings import Absent
from tests.performance.machine import machine
from tests.performance.measuring import CaseFailed, say
from tests.performance.tables import between_markers
from tests.support.arguments import at_least

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "audit-proof.md"
PARTS = ("suite", "score", "real", "speed")
"""Each is a module of `parts` with a function `measure` that is given the options."""

_PACKAGES = ("pytest", "ruff", "ty")


def main() -> int:
    """Measure, and write what was found; exit 1 when something went wrong or an aim is not reached."""
    parser = _arguments()
    given = parser.parse_args()
    if unknown := [name for name in given.parts if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if given.cache.resolve().is_relative_to(ROOT):
        parser.error(f"--cache {given.cache} is in the checkout, whose own tools would look into what is kept there")
    # So that what was damaged is repaired also then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    text = PAGE.read_text(encoding="utf-8") if given.docs else ""
    if given.render:
        data = json.loads(given.render.read_text(encoding="utf-8"))
    else:
        options = _options(given)
        data = {"machine": machine(*_PACKAGES), "parts": {}}
        for name in given.parts or PARTS:
            say(f"--- {name}")
            data["parts"][name] = _measured(name, options).to_json()
            # After each part: what was found is not lost with what comes later.
            write(given.out, "audit", "The audit", data)
    found = write(given.out, "audit", "The audit", data)
    lines = list(page(data["machine"], found))
    print("\n".join(lines))
    if given.docs:
        PAGE.write_text(between_markers(text, lines), encoding="utf-8")
    return status(found)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.audit", description=(__doc__ or "").partition("\n")[0])
    names = [project.name for project in PROJECTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all of them, or some: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the suite and of the mutations, one round")
    parser.add_argument("--files", type=at_least(1), help="test files of the generated suite (4000)")
    parser.add_argument("--modules", type=at_least(1), help="its other modules (2000)")
    parser.add_argument("--megabytes", type=at_least(1), help="its size (90)")
    parser.add_argument("--seed", type=at_least(0), default=1, help="another one: other files, other mutations (1)")
    parser.add_argument("--projects", nargs="+", choices=names, default=names, help="real projects (all)")
    parser.add_argument("--mutations", type=at_least(0), help="over all projects (500)")
    parser.add_argument("--rounds", type=at_least(1), help="rounds of `speed` that count (5)")
    parser.add_argument("--minutes", type=at_least(1), help="then pytest is asked about no further mutation (no limit)")
    parser.add_argument("--again", action="store_true", help="ask pytest also what it has said in an earlier run")
    parser.add_argument("--show", type=at_least(0), default=20, help="differences written out, of each kind (20)")
    parser.add_argument(
        "--cache", type=Path, default=Path(gettempdir(), "audit-proof"), help="folder of what is kept (%(default)s)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "audit", help="folder of what is written")
    parser.add_argument("--render", type=Path, metavar="JSON", help="measure nothing: read what an earlier run wrote")
    parser.add_argument("--docs", action="store_true", help=f"write the tables into {PAGE.relative_to(ROOT)} too")
    return parser


def _options(given: argparse.Namespace) -> Options:
    part = 10 if given.quick else 1
    return Options(
        cache=given.cache.resolve(),
        files=given.files or 4000 // part,
        modules=given.modules or 2000 // part,
        megabytes=given.megabytes or 90 // part,
        seed=given.seed,
        projects=tuple(project for project in PROJECTS if project.name in given.projects),
        mutations=500 // part if given.mutations is None else given.mutations,
        rounds=given.rounds or (1 if given.quick else 5),
        show=given.show,
        again=given.again,
        deadline=time.monotonic() + 60 * given.minutes if given.minutes else float("inf"),
    )


def _measured(name: str, options: Options) -> Proof:
    try:
        found: Proof = import_module(f"tests.audit.parts.{name}").measure(options)
    except CaseFailed as error:
        return Proof(name, (), (), (Absent("all of it", str(error), failed=True),))
    return found


if __name__ == "__main__":
    sys.exit(main())
