"""The benchmark: ours beside what people would use otherwise, measured by turns in one run.

    python -m tests.performance [PART ...] [--quick] [--rounds N] [--tests N] [--out DIR] [--docs]

It writes performance.md, performance.json and performance.svg. What cannot run here is named with the reason.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.performance.bench import Bench, Options
from tests.performance.findings import Absent, Findings
from tests.performance.machine import described
from tests.performance.measuring import CaseFailed, say
from tests.performance.plot import draw
from tests.performance.tables import between_markers, markdown
from tests.support.arguments import at_least

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
PARTS = {
    "databases": "databases:measure",
    "redis": "databases:keyspaces",
    "first_test": "first_test:measure",
    "probe": "probe:measure",
    "overhead": "overhead:measure",
    "workers": "workers:measure",
    "handing_out": "handing_out:measure",
    "growth": "growth:measure",
    "page": "page:measure",
    "users_at_once": "users_at_once:measure",
}
"""Each part, and what measures it: a module of `parts`, and a function that is given a bench and the options."""


def main() -> int:
    """Measure, and write what was found; exit 1 when a case that could run went wrong."""
    parser = _arguments()
    given = parser.parse_args()
    if unknown := [name for name in given.parts if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    # So that what was started is ended also then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    page = PAGE.read_text(encoding="utf-8") if given.docs else ""
    if given.render:
        data = json.loads(given.render.read_text(encoding="utf-8"))
    else:
        options = Options(given.quick, given.rounds, given.tests, _numbers(given.tables), _numbers(given.workers))
        with Bench() as bench:
            data = {"machine": described(bench), "parts": {}}
        for name in given.parts or PARTS:
            say(f"--- {name}")
            data["parts"][name] = _measured(name, options).to_json()
            # After each part: what was found is not lost with what comes later.
            _write(given.out, data)
    found = _write(given.out, data)
    print("\n".join(markdown(data["machine"], found)))
    if given.docs:
        PAGE.write_text(between_markers(page, markdown(data["machine"], found)), encoding="utf-8")
    return int(any(absent.failed for part in found for absent in part.absent))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.performance", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all of them, or some: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="one round of few tests: shows that it works")
    parser.add_argument("--rounds", type=at_least(1), help="rounds that count; each part has its own default")
    parser.add_argument("--tests", type=at_least(1), help="tests of a run; each part has its own default")
    parser.add_argument("--tables", type=at_least(3), nargs="+", help="sizes of the schema, 3 at least (5 40 300)")
    parser.add_argument("--workers", type=at_least(0), nargs="+", help="numbers of workers, 0 for none (0 2 4)")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "performance", help="folder of what is written")
    parser.add_argument("--render", type=Path, metavar="JSON", help="measure nothing: read what an earlier run wrote")
    parser.add_argument("--docs", action="store_true", help=f"write the tables into {PAGE.relative_to(ROOT)} too")
    return parser


def _numbers(given: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if given is None else tuple(given)


def _measured(name: str, options: Options) -> Findings:
    module, _, function = PARTS[name].partition(":")
    try:
        with Bench() as bench:
            found: Findings = getattr(import_module(f"tests.performance.parts.{module}"), function)(bench, options)
            return found
    except CaseFailed as error:
        return Findings(name, (), (), (Absent("all of it", str(error), failed=True),))


def _write(folder: Path, data: Mapping[str, Any]) -> list[Findings]:
    """Write the three files; return the findings."""
    found = [Findings.from_json(name, part) for name, part in data["parts"].items()]
    folder.mkdir(parents=True, exist_ok=True)
    lines = markdown(data["machine"], found)
    (folder / "performance.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (folder / "performance.md").write_text("\n".join(["# Performance", "", *lines]) + "\n", encoding="utf-8")
    try:
        draw(found, folder / "performance.svg")
    except ImportError as error:
        say(f"no plot: {error}; nox -s performance installs it")
    return found


if __name__ == "__main__":
    sys.exit(main())
