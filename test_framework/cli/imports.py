"""`imports`: rewrites names that have moved, keeps the registry of public names, and shows who keeps the rules."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.audit import RewriteBatch, RewriteResult
    from test_framework.config import Settings

__all__ = ["add_arguments", "run"]

_INTERRUPTED = 130
_EXTRA = "test-framework[audit]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their options."""
    commands = parser.add_subparsers(dest="imports", required=True, metavar="WHAT")
    fix = commands.add_parser("fix", help="rewrite names that have moved: show the diff, or write with --apply")
    fix.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files and folders; the whole project when none"
    )
    fix.add_argument("--apply", action="store_true", help="write; without it, only the diff is shown")
    fix.add_argument("--batch", type=_count, default=50, metavar="N", help="files that are written before each audit")
    fix.add_argument(
        "--undo", type=Path, metavar="FILE", help="the patch that takes all back; in the reports by default"
    )
    fix.add_argument("--allow-dirty", action="store_true", help="also write files with changes that git does not have")
    told = "a move beside those of the settings; may be given several times"
    fix.add_argument("--move", action="append", default=[], metavar="OLD=NEW", help=told)
    registry = commands.add_parser("registry", help="write where each public name is to be imported from")
    told = "the registry, .toml or .json; imports.toml in the project's root by default"
    registry.add_argument("--file", type=Path, metavar="FILE", help=told)
    registry.add_argument("--check", action="store_true", help="write nothing; exit 1 when it is not as the source is")
    commands.add_parser("check", help="show how far each folder keeps the rules of import, and what breaks them")
    for command in commands.choices.values():
        where = "the project's folder, or one below it"
        command.add_argument("--root", type=Path, default=argparse.SUPPRESS, help=where)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Do it; returns 0 when nothing is left to do, else 1."""
    return {"fix": _fix, "registry": _registry, "check": _check}[given.imports](given, settings)


# -- fix -----------------------------------------------------------------------------------------


def _fix(given: argparse.Namespace, settings: Settings) -> int:
    from test_framework.audit import Moves
    from test_framework.cli.progress import Progress

    source = "--move" if given.move else "[tool.test_framework.audit]"
    moves = Moves.of({**settings.audit.moved, **_moves(given.move)}, source)
    if not moves.pairs:
        raise BadSetting(
            'No name has moved: set "old.name" = "new.name" in [tool.test_framework.audit.moved], or --move.'
        )
    if find_spec("libcst") is None:
        raise BadSetting(f"imports fix needs libcst, which is not installed: pip install '{_EXTRA}'.")
    from test_framework.audit import RewriteOptions, apply_rewrites, find_rewrites

    progress = Progress()
    try:
        found = find_rewrites(settings, given.paths, moves, lambda done: progress("looked at", done))
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return _INTERRUPTED
    finally:
        progress.end()
    if not given.apply:
        sys.stdout.flush()
        for change in found.changes:
            sys.stdout.buffer.write(change.diff())
        sys.stdout.buffer.flush()
        _left(found)
        print(f"{len(found.changes)} of {found.files} files would change; --apply writes them", file=sys.stderr)
        return 1 if found.changes or found.left else 0
    undo = _free((given.undo or settings.reports_folder / "imports-undo.patch").absolute())
    done = apply_rewrites(settings, found, RewriteOptions(undo, given.batch, given.allow_dirty), _told)
    return _applied(done, undo)


def _moves(given: list[str]) -> Mapping[str, str]:
    moves = {}
    for text in given:
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise BadSetting.value("--move", text, "the command line", "OLD=NEW")
        moves[old.strip()] = new.strip()
    return moves


def _free(path: Path) -> Path:
    """Return a file that is not there yet: the patch of an earlier run may still be wanted."""
    numbered = path
    number = 1
    while numbered.exists():
        number += 1
        numbered = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return numbered


def _told(batch: RewriteBatch) -> None:
    if batch.applied:
        print(f"rewrote {len(batch.paths)} files", flush=True)
        return
    print(f"took back {len(batch.paths)} files: {', '.join(batch.paths)}")
    for why in batch.broke:
        print(f"  {why}")


def _left(found: RewriteResult) -> None:
    for left in found.left:
        place = f"{left.path}:{left.line}" if left.line else left.path
        print(f"left: {place}: {left.reason}", file=sys.stderr)


def _applied(done: RewriteResult, undo: Path) -> int:
    _left(done)
    written = sum(len(b.paths) for b in done.batches if b.applied)
    back = sum(len(b.paths) for b in done.batches if not b.applied)
    told = f"{written} of {done.files} files rewritten, {back} taken back, {len(done.left)} places left"
    print(f"{'interrupted: ' if done.interrupted else ''}{told}")
    if written:
        print(f"to undo: git apply {undo}")
    if done.interrupted:
        return _INTERRUPTED
    return 1 if back or done.left else 0


# -- registry ------------------------------------------------------------------------------------


def _registry(given: argparse.Namespace, settings: Settings) -> int:
    from test_framework.audit import compare_registries, format_registry, load_registry, make_registry
    from test_framework.suite.writing import replace_file

    path = given.file.absolute() if given.file else settings.root / "imports.toml"
    if given.check:
        kept = load_registry(path)
        lines = compare_registries(kept, make_registry(settings.root, settings))
        print("\n".join([*lines, f"{len(lines)} differences; {len(kept)} names in {path.name}"]))
        return 1 if lines else 0
    registry = make_registry(settings.root, settings)
    text = format_registry(registry, path)
    try:
        replace_file(str(path), text.encode())
    except OSError as error:
        raise BadSetting(f"--file {path} cannot be written: {error.strerror}.") from error
    print(f"{len(registry)} names in {path}")
    return 0


# -- check ---------------------------------------------------------------------------------------


def _check(given: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001  # as the others
    from test_framework.audit import audit

    if not (settings.audit.moved or settings.audit.critical):
        print("no rules of import are set")
        return 0
    found = audit(settings.root, [], settings)
    width = max((len(c.path) for c in found.compliance), default=0)
    for folder in found.compliance:
        rate = 1 - folder.breaking / folder.files
        print(f"{folder.path.ljust(width)}  {folder.files:5} files  {rate:>6.1%}")
    for finding in found.imports:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.message}")
    print(f"{len(found.imports)} breaches, {settings.audit.max_imports} allowed")
    return 1 if len(found.imports) > settings.audit.max_imports else 0
