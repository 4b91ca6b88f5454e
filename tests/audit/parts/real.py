"""The audit beside `pytest --collect-only`, file by file, on real projects: as published, and damaged at random.

The truth is whether pytest could import a file by itself. It is asked about all files in one process; where the audit
says something else, it is asked about the file again, alone. What it said is kept, by what it was asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

from tests.audit.command import audited
from tests.audit.comparison import Outcome, Summary
from tests.audit.damage import Batch, applied, plan
from tests.audit.findings import Proof
from tests.audit.projects import prepared
from tests.audit.truth import Kept, Pytest
from tests.performance.findings import Absent, Table
from tests.performance.measuring import CaseFailed, Samples, say

if TYPE_CHECKING:
    from tests.audit.options import Options
    from tests.audit.projects import Place, RealProject
    from tests.audit.truth import Truth

__all__ = ["measure"]

_PYTEST_SECONDS = 900.0
_DISPUTED = 60
"""At most so many files of a batch are asked about alone: when there are more, they have one reason."""


_Run = tuple[list[Outcome], list[Absent]]


def measure(options: Options) -> Proof:
    """Ask both about each project and each batch of mutations, as many projects at once as there are cores."""
    share = options.mutations // len(options.projects)
    stopped = Event()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            runs = list(pool.map(partial(_project, options, share, stopped), options.projects))
        except BaseException:
            # The pool waits for its threads: they end with the batch that they are at, and repair their trees.
            stopped.set()
            raise
    outcomes = [one for run, _ in runs for one in run]
    absent = [one for _, run in runs for one in run]
    summary = Summary(outcomes)
    samples: Samples = {}
    for one in outcomes:
        samples.setdefault(one.project, []).append(one.seconds)
    table = Table("one audit of a project, several at once", "s", samples)
    figures = summary.figures(share * len(options.projects))
    return Proof("real", (table,), tuple(figures), tuple(absent), tuple(summary.counts(options.show)))


def _project(options: Options, mutations: int, stopped: Event, project: RealProject) -> _Run:
    outcomes: list[Outcome] = []
    absent: list[Absent] = []
    late = 0
    try:
        place = prepared(project, options.cache)
        sound = _outcome(options, place, Batch(0, ()), None)
    except (CaseFailed, OSError, subprocess.SubprocessError) as error:
        return [], [Absent(project.requirement, str(error), failed=True)]
    outcomes.append(sound)
    for batch in plan(place, sound.files, mutations, options.seed)[1:] if mutations else ():
        if stopped.is_set():
            break
        if options.late and _kept(options, place, batch).read() is None:
            late += len(batch.mutations)
            continue
        try:
            outcomes.append(_outcome(options, place, batch, sound))
        except CaseFailed as error:
            absent.append(Absent(f"{project.requirement}, batch {batch.number}", str(error), failed=True))
    if late:
        absent.append(Absent(f"{project.requirement}: {late} mutations", "the time was over, and pytest not asked yet"))
    return outcomes, absent


def _outcome(options: Options, place: Place, batch: Batch, sound: Outcome | None) -> Outcome:
    """Damage the tree, ask both, and repair the tree.

    Args:
        options: Hold where things are kept.
        place: The project.
        batch: The damage.
        sound: What was found without damage; None when that is to be found now.

    Raises:
        CaseFailed: The audit or pytest did not do what was asked.
    """
    with applied(place, batch):
        told, seconds = audited(place.root, str(place.python), place.project.tests, place.python.parents[1])
        said = {one["path"]: _short(one["causes"]) for one in told["broken"]}
        truth = _truth(options, place, batch, said, sound)
    everything = set(batch.sample) or truth.files | (sound.files if sound else set())
    outcome = Outcome(
        project=place.project.requirement,
        batch=batch.number,
        mutations=[[m.kind, m.path or m.package, *m.words] for m in batch.mutations],
        files=everything,
        audited=told["files"],
        # Without the folder of this machine: what is written may be published.
        truth={
            path: error.replace(f"{options.cache}{os.sep}", "")
            for path, error in truth.broken.items()
            if path in everything
        },
        # Of a whole project, also what is no test file to pytest.
        said={path: causes for path, causes in said.items() if path in everything or not batch.sample},
        other=Counter(one["rule"] for one in told["quality"]),
        seconds=seconds,
    )
    say(
        f"{place.project.name} batch {batch.number}: {len(batch.mutations)} mutations, {len(outcome.truth)} broken, "
        f"{len({*outcome.said} - {*outcome.truth})} false, {len({*outcome.truth} - {*outcome.said})} missed"
    )
    return outcome


def _truth(options: Options, place: Place, batch: Batch, said: dict[str, list[str]], sound: Outcome | None) -> Truth:
    """Return what pytest says: of files of which the audit says something else, when it is asked about each alone."""
    kept = _kept(options, place, batch)
    truth = None if options.again else kept.read()
    pytest = Pytest(place.root, str(place.python), options.cache / "bytecode")
    if truth is None:
        known = frozenset(batch.sample or (sound.files if sound else ()))
        paths = place.project.tests
        truth = pytest.collected(paths, seconds=_PYTEST_SECONDS, known=known, sample=batch.sample)
        kept.write(truth)
    disputed = {*said} ^ {*truth.broken}
    if batch.sample:
        disputed &= set(batch.sample)
    if sound:
        # What it wrongly says of the sound tree, it says again.
        disputed -= {path for path in {*said} - {*truth.broken} if sound.said.get(path) == said[path]}
    for path in sorted(disputed)[:_DISPUTED]:
        if path not in truth.alone:
            truth.alone[path] = pytest.alone(path, place.project.tests)
            kept.write(truth)
        error = truth.alone[path]
        truth.broken.pop(path, None)
        if error is not None:
            truth.broken[path] = error
    return truth


def _kept(options: Options, place: Place, batch: Batch) -> Kept:
    """Return where pytest's answer is kept: it is that for the same damage, the same Python and the same packages."""
    damage = [repr(mutation) for mutation in batch.mutations]
    question = (place.project.requirement, repr(place.project.tests), sys.version, *batch.sample, *damage)
    return Kept(options.cache / f"venv-{place.project.name}" / "truth", question)


def _short(causes: list[dict[str, Any]]) -> list[str]:
    return [f"{c['kind']} {c['target']} at {c['via'] or 'itself'}:{c['line']}" for c in causes[:5]]
