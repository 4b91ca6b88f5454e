"""Proves that the shards of a tier are the tier: `nox -s shards`, or `python -m tests.support.shards smoke unit`.

Each tier is run once as a whole and once in shards, one after another. Their union has to be the whole, no test may run
twice, what came of each test and the verdict have to be those of the whole; without one shard the merge has to be red.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework.config import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Proof", "prove"]

ROOT = Path(__file__).parents[2]
TIERS = ("unit", "smoke", "e2e", "mission-critical", "infrastructure", "integration")
RUN_SECONDS = 4 * 3600
"""Bound on one run of a tier."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found; empty `faults` prove it.

    Attributes:
        tests: How many the whole has.
        parts: How many each shard ran.
        seconds: How long each of them took.
        whole: What the gate said of the whole, and what came of it; `merged` the same of the shards.
        faults: What is not as it has to be, in words.
    """

    tier: str
    tests: int
    parts: tuple[int, ...]
    seconds: tuple[float, ...]
    whole: str
    merged: str
    faults: tuple[str, ...]

    @property
    def row(self) -> str:
        """One row of the table."""
        slowest, fastest = max(self.seconds), min(self.seconds)
        cells = (self.tier, self.tests, sum(self.parts), self.whole, self.merged, f"{slowest:.1f} / {fastest:.1f}")
        return f"| {' | '.join(map(str, (*cells, '; '.join(self.faults) or 'none')))} |"


HEAD = """\
| tier | tests | in the shards | the whole | merged | seconds of the slowest / the fastest shard | faults |
|---|---|---|---|---|---|---|"""


class _Runs:
    """The runs of one tier of a project; the report of each is taken out of the project's folder of reports."""

    def __init__(self, root: Path, tier: str, work: Path, env: Mapping[str, str], options: Sequence[str]) -> None:
        self._root = root
        self._tier = tier
        self._work = work
        self._env = env
        self._options = options

    def pytest(self, name: str, *options: str) -> dict[str, Any]:
        """Run the tier; return its report, with the exit status."""
        status, output = self._run("pytest", "--tier", self._tier, *self._options, *options)
        left = load(self._root, self._env).reports_folder / f"{self._tier}.json"
        if not left.exists():
            raise RuntimeError(f"pytest ended with {status} and without {left}:\n{output}")
        report = self._work / name / left.name
        report.parent.mkdir()
        shutil.move(left, report)
        found = {**_read(report), "status": status}
        print(f"{self._tier}, {name}: {_verdict(found)}; {found['seconds']:.1f} s", file=sys.stderr, flush=True)
        return found

    def durations(self, name: str) -> None:
        """Let the next runs be cut by how long the tests of this one took."""
        self._env = {**self._env, "TEST_FRAMEWORK_DURATIONS": str(self._work / "durations.json")}
        self._run("test_framework", "report", "durations", str(self._work / name / f"{self._tier}.json"))

    def merge(self, name: str, shards: Sequence[str]) -> tuple[dict[str, Any], str]:
        """Merge their reports; return what came of it, with the exit status, and what was printed."""
        out = self._work / f"{name}.json"
        folders = [str(self._work / shard) for shard in shards]
        status, output = self._run(
            "test_framework", "report", "merge", *folders, "--tier", self._tier, "--out", str(out)
        )
        if not out.exists():
            raise RuntimeError(f"merge ended with {status} and without {out}:\n{output}")
        return {**_read(out), "status": status}, output

    def _run(self, module: str, *arguments: str) -> tuple[int, str]:
        result = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self._root,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        return result.returncode, result.stdout


def prove(
    root: Path, tier: str, count: int, *, env: Mapping[str, str] | None = None, options: Sequence[str] = ()
) -> Proof:
    """Run a tier as a whole and in shards, and compare.

    Args:
        root: The project.
        tier: Of its tiers.
        count: How many shards.
        env: The environment; this one when None.
        options: For pytest.

    Raises:
        RuntimeError: A run left no report; the message has its output.
    """
    with tempfile.TemporaryDirectory(prefix="shards-") as folder:
        runs = _Runs(root, tier, Path(folder), dict(os.environ if env is None else env), options)
        whole = runs.pytest("whole", "--shard", "off")
        runs.durations("whole")
        names = [f"{number}-of-{count}" for number in range(1, count + 1)]
        shards = [runs.pytest(name, "--shard", name.replace("-of-", "/")) for name in names]
        merged, _ = runs.merge("merged", names)
        removed, said = runs.merge("removed", names[1:])
        reds = [] if removed["status"] == 1 and f"shard 1 of {count} missing" in said else ["without a shard: not red"]
    return Proof(
        tier,
        len(_tests(whole)),
        tuple(len(_tests(shard)) for shard in shards),
        tuple(shard["seconds"] for shard in shards),
        _verdict(whole),
        _verdict(merged),
        (*_compared(whole, shards, merged), *reds),
    )


def _compared(whole: dict[str, Any], shards: Sequence[dict[str, Any]], merged: dict[str, Any]) -> list[str]:
    """Return what is not the same of the whole and its parts."""
    wanted = _tests(whole)
    times = Counter(nodeid for shard in shards for nodeid in _tests(shard))
    faults = [f"twice: {nodeid}" for nodeid, many in times.items() if many > 1]
    faults += [f"in no shard: {nodeid}" for nodeid in wanted.keys() - times.keys()]
    faults += [f"only in a shard: {nodeid}" for nodeid in times.keys() - wanted.keys()]
    got = _tests(merged)
    why = _messages(whole) | _messages(merged)
    faults += [
        f"{n}: {wanted[n]}, merged {got.get(n)}{why.get(n, '')}"
        for n in wanted
        if n in times and got.get(n) != wanted[n]
    ]
    for name, one, other in (
        ("verdict", _verdict(whole), _verdict(merged)),
        ("why", whole["gate"]["why"], merged["gate"]["why"]),
        ("services", _services(whole), _services(merged)),
        ("skips", _skips(whole), _skips(merged)),
    ):
        if one != other:
            faults.append(f"{name}: {one}, merged {other}")
    return faults


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def _tests(report: dict[str, Any]) -> dict[str, str]:
    return {test["nodeid"]: test["outcome"] for test in report["tests"] if test.get("collected", True)}


def _messages(report: dict[str, Any]) -> dict[str, str]:
    """Return what each test that failed said, to be put behind its name."""
    return {test["nodeid"]: f" ({test['failure']['message']})" for test in report["tests"] if test.get("failure")}


def _verdict(report: dict[str, Any]) -> str:
    counts = ", ".join(f"{many} {key}" for key, many in report["counts"].items() if many)
    # pytest tells failures apart by their numbers, which merge does not.
    status = "red" if report["status"] else "green"
    return f"{status}; {report['outcome']}: {counts or 'nothing'}; gate {report['gate']['verdict']}"


def _services(report: dict[str, Any]) -> dict[str, str | None]:
    return {name: told["provider"] for name, told in sorted(report["services"].items())}


def _skips(report: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((skip["nodeid"], skip["code"]) for skip in report["skips"])


def main() -> int:
    """Prove it for this repository; returns 1 when something is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tiers", nargs="*", metavar="TIER", help=f"which; {', '.join(TIERS)}")
    parser.add_argument("--shards", type=int, default=8, metavar="N", help="how many; 8")
    parser.add_argument("--workers", metavar="N", help="workers of pytest-xdist in each run")
    given = parser.parse_args()
    options = ["-n", given.workers] if given.workers else []
    print(HEAD, flush=True)
    proofs = []
    for tier in given.tiers or TIERS:
        proofs.append(prove(ROOT, tier, given.shards, options=options))
        print(proofs[-1].row, flush=True)
    return int(any(proof.faults for proof in proofs))


if __name__ == "__main__":
    sys.exit(main())
