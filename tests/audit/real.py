"""Compares the audit with `pytest --collect-only`, file by file, on real projects: as published, and damaged.

    python -m tests.audit.real [--project NAME ...] [--mutations 500] [--seed 1] [--cache DIR] [--json FILE]

The source archives come from PyPI, and each project has an environment of its own with what its tests need. Both are
kept in the cache, and so is each batch's result: a run that was stopped goes on where it was, `--again` forgets them.
The audit is told which environment that is (`--python`), since what is installed there decides.

The truth is whether pytest could import a file by itself. It is asked about all files in one process; where the audit
says something else, the file is asked about again, alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

from tests.audit.command import Refused, audited
from tests.audit.comparison import Outcome, summary
from tests.audit.damage import Batch, applied, plan
from tests.audit.projects import PROJECTS, Place, prepared
from tests.audit.truth import Truth, alone, collected

if TYPE_CHECKING:
    from collections.abc import Iterator

DISPUTED = 60
"""At most so many files of a batch are asked about alone: when there are more, they have one reason."""


def main() -> int:
    """Run what has not been run yet and print what came of all; 1 below the aims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [project.name for project in PROJECTS]
    parser.add_argument("--project", action="append", choices=names, help="only this one; may be given again")
    parser.add_argument("--mutations", type=int, default=500, help="over all projects (500)")
    parser.add_argument("--seed", type=int, default=1, help="another number makes other mutations (1)")
    parser.add_argument("--cache", type=Path, default=Path(gettempdir(), "audit-proof"), help="a folder (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--show", type=int, default=20, help="disagreements to print (20)")
    parser.add_argument("--again", action="store_true", help="forget the results of earlier runs, keep the projects")
    parser.add_argument("--judge-again", action="store_true", help="run the audit again, keep what pytest said")
    given = parser.parse_args()
    outcomes: list[Outcome] = []
    chosen = [project for project in PROJECTS if project.name in (given.project or names)]
    for project in chosen:
        place = prepared(project, given.cache.resolve())
        results = given.cache / f"{project.name}-{given.seed}-{given.mutations // len(chosen)}.jsonl"
        if given.again:
            results.unlink(missing_ok=True)
        outcomes += _outcomes(place, results, given.mutations // len(chosen), given)
    lines, figures = summary(outcomes, given.show)
    print("\n".join(lines))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if figures["reached"] else 1


def _outcomes(place: Place, results: Path, mutations: int, given: argparse.Namespace) -> Iterator[Outcome]:
    """Yield the outcome of each batch, as it was kept or by running it."""
    kept: dict[int, Outcome] = {}
    if results.exists():
        lines = results.read_text(encoding="utf-8").splitlines()
        kept = {one.batch: one for one in (Outcome(**json.loads(line)) for line in lines)}
    sound = kept[0] if 0 in kept and not given.judge_again else _run(place, Batch(0, ()), kept.get(0), None)
    if sound is not kept.get(0):
        _keep(results, sound)
    yield sound
    for batch in plan(place, set(sound.files), mutations, given.seed)[1:]:
        outcome = kept.get(batch.number)
        if outcome is None or given.judge_again:
            try:
                outcome = _run(place, batch, outcome, sound)
            except subprocess.TimeoutExpired as late:
                print(f"{place.project.name} batch {batch.number} is left out: {late}", file=sys.stderr)
                continue
            _keep(results, outcome)
        yield outcome


def _keep(results: Path, outcome: Outcome) -> None:
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(outcome)) + "\n")


def _run(place: Place, batch: Batch, before: Outcome | None, sound: Outcome | None) -> Outcome:
    """Damage the tree, ask the audit and pytest, ask again where they differ, and repair the tree.

    Args:
        place: the project.
        batch: the damage.
        before: what an earlier run found: pytest's part of it is used again.
        sound: what was found without damage.
    """
    files = frozenset(sound.files) if sound else frozenset[str]()
    project, python = place.project, str(place.python)
    cache = place.python.parents[1] / "audit-cache"
    begin = time.monotonic()
    with applied(place, batch):
        truth = Truth(set(before.files), dict(before.truth)) if before else Truth()
        try:
            told, seconds = audited(place.root, python, project.tests, cache=cache)
        except (Refused, subprocess.TimeoutExpired) as failure:
            told, seconds = {"broken": [], "files": 0, "failure": str(failure)[-2000:]}, 0.0
        if before is None:
            truth = collected(place.root, python, batch.sample or project.tests, known=files)
            for path in (set(batch.sample) or files) - truth.files:
                truth.broken.setdefault(path, "pytest does not come to it")
        said = {one["path"]: one["causes"] for one in told["broken"]}
        everything = truth.files | files
        if batch.sample:
            everything = set(batch.sample)
            said = {path: causes for path, causes in said.items() if path in everything}
            truth.broken = {path: error for path, error in truth.broken.items() if path in everything}
        disputed = (set(said) ^ set(truth.broken)) & everything
        if sound:
            # What it wrongly says of the sound tree, it says again.
            disputed -= {path for path in set(said) - set(truth.broken) if sound.said.get(path) == _short(said[path])}
        asked = sorted(disputed)[:DISPUTED]
        with ThreadPoolExecutor(2) as pool:
            again = pool.map(lambda path: alone(place.root, python, path), asked)
        for path, error in zip(asked, again, strict=True):
            truth.broken.pop(path, None)
            if error is not None:
                truth.broken[path] = error
    print(
        f"{project.name} batch {batch.number}: {len(batch.mutations)} mutations, {len(truth.broken)} broken, "
        f"{len(set(said) - set(truth.broken))} false, {len(set(truth.broken) - set(said))} missed, "
        f"audit {seconds:.1f} s, {time.monotonic() - begin:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    return Outcome(
        project=project.requirement,
        batch=batch.number,
        mutations=[[m.kind, m.path or m.package, *m.words] for m in batch.mutations],
        files=sorted(everything) if not batch.number else [],
        sound=len(everything - set(truth.broken)),
        truth=truth.broken,
        said={path: _short(causes) for path, causes in said.items()},
        failure=told.get("failure", ""),
        audited=told["files"],
    )


def _short(causes: list[dict[str, Any]]) -> list[str]:
    return [f"{c['kind']} {c['target']} at {c['via'] or 'itself'}:{c['line']}" for c in causes[:5]]


if __name__ == "__main__":
    sys.exit(main())
