"""`imports`: rewrites names that have moved, keeps the registry of public names, and shows who keeps the rules."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.config import BadSetting
from test_framework.report.wording import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.audit import RewriteBatch, RewriteResult
    from test_framework.config import Settings

_INTERRUPTED = 130
_EXTRA = "pytest-tiers[audit]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their options."""
    commands = parser.add_subparsers(dest="imports", required=True, metavar="WHAT")
    fix = commands.add_parser("fix", help="rewrite imports of moved names; shows the diff unless --apply is given")
    fix.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files and folders (default: the whole project)"
    )
    fix.add_argument("--apply", action="store_true", help="write the changes instead of showing the diff")
    fix.add_argument(
        "--batch", type=_count, default=50, metavar="N", help="number of files to write before each audit (default: 50)"
    )
    fix.add_argument(
        "--undo", type=Path, metavar="FILE", help="patch that reverts everything (default: in the report folder)"
    )
    fix.add_argument("--allow-dirty", action="store_true", help="also change files that have uncommitted changes")
    message = "additional move (repeatable)"
    fix.add_argument("--move", action="append", default=[], metavar="OLD=NEW", help=message)
    registry = commands.add_parser("registry", help="write a file that says where each public name is imported from")
    message = "registry file, .toml or .json (default: imports.toml in the project's root)"
    registry.add_argument("--file", type=Path, metavar="FILE", help=message)
    registry.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is out of date")
    commands.add_parser("check", help="show how well each folder follows the import rules, and every violation")
    for command in commands.choices.values():
        where = "project folder, or a folder in it"
        command.add_argument("--root", type=Path, default=argparse.SUPPRESS, help=where)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Do it; returns 0 when nothing is left to do, else 1."""
    return {"fix": _fix, "registry": _registry, "check": _check}[args.imports](args, settings)


# -- fix -----------------------------------------------------------------------------------------


def _fix(args: argparse.Namespace, settings: Settings) -> int:
    from test_framework.audit import Moves
    from test_framework.cli.progress import Progress

    source = "--move" if args.move else "[tool.test_framework.audit]"
    moves = Moves.of({**settings.audit.moved, **_moves(args.move)}, source)
    if not moves.pairs:
        raise BadSetting(
            'No moved names are configured. Set "old.name" = "new.name" in [tool.test_framework.audit.moved], '
            "or give --move OLD=NEW."
        )
    if find_spec("libcst") is None:
        raise BadSetting(f"imports fix needs libcst, which is not installed: pip install '{_EXTRA}'.")
    from test_framework.audit import RewriteOptions, apply_rewrites, find_rewrites

    progress = Progress()
    try:
        found = find_rewrites(settings, args.paths, moves, lambda done: progress("looked at", done))
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return _INTERRUPTED
    finally:
        progress.end()
    if not args.apply:
        sys.stdout.flush()
        for change in found.changes:
            sys.stdout.buffer.write(change.diff())
        sys.stdout.buffer.flush()
        _print_skipped(found)
        print(
            f"{len(found.changes)} of {plural(found.files, 'file')} would change; --apply writes the changes",
            file=sys.stderr,
        )
        return 1 if found.changes or found.skipped else 0
    undo = _free((args.undo or settings.reports_folder / "imports-undo.patch").absolute())
    done = apply_rewrites(settings, found, RewriteOptions(undo, args.batch, args.allow_dirty), _print_batch)
    return _applied(done, undo)


def _moves(args: list[str]) -> Mapping[str, str]:
    moves = {}
    for text in args:
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


def _print_batch(batch: RewriteBatch) -> None:
    if batch.applied:
        print(f"rewrote {plural(len(batch.paths), 'file')}", flush=True)
        return
    print(f"reverted {plural(len(batch.paths), 'file')}: {', '.join(batch.paths)}")
    for why in batch.broke:
        print(f"  {why}")


def _print_skipped(found: RewriteResult) -> None:
    for skipped in found.skipped:
        place = f"{skipped.path}:{skipped.line}" if skipped.line else skipped.path
        print(f"not changed: {place}: {skipped.reason}", file=sys.stderr)


def _applied(done: RewriteResult, undo: Path) -> int:
    _print_skipped(done)
    written = sum(len(b.paths) for b in done.batches if b.applied)
    back = sum(len(b.paths) for b in done.batches if not b.applied)
    left = plural(len(done.skipped), "place")
    message = f"{written} of {plural(done.files, 'file')} rewritten, {back} reverted, {left} not changed"
    print(f"{'interrupted: ' if done.interrupted else ''}{message}")
    if written:
        print(f"to undo: git apply {undo}")
    if done.interrupted:
        return _INTERRUPTED
    return 1 if back or done.skipped else 0


# -- registry ------------------------------------------------------------------------------------


def _registry(args: argparse.Namespace, settings: Settings) -> int:
    from test_framework.atomic import replace_file
    from test_framework.audit import compare_registries, format_registry, load_registry, make_registry

    path = args.file.absolute() if args.file else settings.root / "imports.toml"
    if args.check:
        kept = load_registry(path)
        lines = compare_registries(kept, make_registry(settings.root, settings))
        print("\n".join([*lines, f"{plural(len(lines), 'difference')}; {plural(len(kept), 'name')} in {path.name}"]))
        return 1 if lines else 0
    registry = make_registry(settings.root, settings)
    text = format_registry(registry, path)
    try:
        replace_file(path, text.encode(), mode=None)
    except OSError as error:
        raise BadSetting(f"--file {path} cannot be written: {error.strerror}.") from error
    print(f"{plural(len(registry), 'name')} in {path}")
    return 0


# -- check ---------------------------------------------------------------------------------------


def _check(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001  # as the others
    from test_framework.audit import audit

    if not (settings.audit.moved or settings.audit.critical):
        print("no import rules are set")
        return 0
    found = audit(settings.root, [], settings)
    width = max((len(c.path) for c in found.compliance), default=0)
    for folder in found.compliance:
        rate = 1 - folder.breaking / folder.files
        print(f"{folder.path.ljust(width)}  {folder.files:5} files  {rate:>6.1%}")
    for finding in found.imports:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.message}")
    print(f"{plural(len(found.imports), 'violation')}, {settings.audit.max_imports} allowed")
    return 1 if len(found.imports) > settings.audit.max_imports else 0
