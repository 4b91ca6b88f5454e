"""`init`: a noxfile, tasks, settings and first tests for a project that is there already."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from test_framework.config import BadSetting

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from test_framework.adopt.plan import Change, Plan
    from test_framework.config import Settings

_INTERRUPTED = 130
_ANSWERS = {
    "y": "write this file",
    "n": "leave it",
    "a": "write this and all that follow",
    "q": "leave this and all that follow",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--yes", action="store_true", help="write all files without asking")
    how.add_argument("--dry-run", action="store_true", help="show the changes as a patch, and write nothing")


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001  # as the others
    """Do it; returns 0 when all is as it was agreed to be, 1 when a file could not be, or waits for a person."""
    from test_framework.adopt.plan import SETTINGS, make_plan
    from test_framework.adopt.project import find_project

    plan = make_plan(find_project(args.root))
    _tell(f"project: {plan.root}")
    for told in plan.by_hand:
        _tell(f"by hand: {told}")
    for path in plan.left_out:
        _tell(f"{path} is left out: it relies on {SETTINGS}")
    status = _offer(args, plan)
    if SETTINGS in plan.untouched and not status:
        _tell(f"first add to {SETTINGS} what is shown above, then run init again")
        return 1
    return status


def _offer(args: argparse.Namespace, plan: Plan) -> int:
    """Show what is planned, and write it where a person agrees; returns the exit status."""
    from test_framework.report.wording import plural

    if not plan.changes:
        _tell("nothing was written: the rest is by hand, as shown above" if plan.untouched else "nothing to do")
        return 0
    _tell_of_git(plan)
    if args.dry_run or args.yes or not sys.stdin.isatty():
        _show(plan.changes)
    if args.dry_run:
        _tell(f"{plural(len(plan.changes), 'file')} would be written; nothing was")
        return 0
    if not args.yes and not sys.stdin.isatty():
        raise BadSetting("nothing was written: nobody can be asked here. --yes writes all, --dry-run only shows it.")
    try:
        return _write(plan, plan.changes if args.yes else _agreed(plan.changes))
    except KeyboardInterrupt:
        _tell("\ninterrupted: what is not told as written is as it was; init can be run again")
        return _INTERRUPTED


def _tell(line: str) -> None:
    """Say something that is no part of the patch."""
    print(line, file=sys.stderr, flush=True)


def _show(changes: Iterable[Change]) -> None:
    """Print a patch: in bytes, since a file may be in another encoding than the terminal."""
    sys.stdout.flush()
    sys.stdout.buffer.write(b"".join(change.diff() for change in changes))
    sys.stdout.buffer.flush()


def _tell_of_git(plan: Plan) -> None:
    from test_framework.suite.writing import uncommitted

    there = {f"{plan.root}/{change.path}": change.path for change in plan.changes if change.before is not None}
    for path, why in uncommitted(plan.root, list(there)).items():
        _tell(f"git could not give back {there[path]} as it is: {why}")


def _agreed(changes: list[Change]) -> list[Change]:
    """Show each file, and return those that a person wants."""
    from test_framework.adopt.plan import SETTINGS, relies

    agreed: list[Change] = []
    answer = ""
    for change in changes:
        settings_left = changes[0].path == SETTINGS and changes[0] not in agreed
        if settings_left and relies(change.path):
            _tell(f"{change.path} is left out: it relies on {SETTINGS}")
            continue
        if answer != "a":
            _show([change])
            answer = _ask(change)
        if answer == "q":
            break
        if answer in ("y", "a"):
            agreed.append(change)
    return agreed


def _ask(change: Change) -> str:
    """Return the answer of a person; at the end of the input it is to leave all."""
    question = f"{'Create' if change.before is None else 'Change'} {change.path} [{','.join(_ANSWERS)},?]? "
    while True:
        print(question, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        answer = line.strip().lower()[:1] if line else "q"
        if answer in _ANSWERS:
            return answer
        for letter, meaning in _ANSWERS.items():
            _tell(f"{letter} - {meaning}")


def _write(plan: Plan, changes: list[Change]) -> int:
    from test_framework.adopt.writing import NotWritten, written

    if not changes:
        _tell("nothing was written")
        return 0
    try:
        for path in written(plan.root, changes):
            _tell(f"wrote {path}")
    except NotWritten as error:
        _tell(f"test-framework: {error} init can be run again.")
        return 1
    offers = {"noxfile.py": ("nox", ", or nox -s integration"), "tasks.py": ("invoke", "; invoke smoke; invoke doctor")}
    lacking = {*plan.untouched, *(change.path for change in plan.changes if change not in changes)}
    there = [offer for path, offer in offers.items() if path not in lacking and (plan.root / path).is_file()]
    missing = [name for name, _ in there if find_spec(name) is None]
    if missing:
        _tell(f"next: python -m pip install {' '.join(missing)}")
    _tell(f"then: pytest --tier integration{''.join(commands for _, commands in there)}")
    return 0
