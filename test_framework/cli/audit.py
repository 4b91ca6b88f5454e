"""`audit`: which test files pytest cannot import and why, which no tier runs, and which tests cannot fail."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from test_framework.config import BadSetting, Packages, load
from test_framework.config.values import MOST_SECONDS, finite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_framework.audit import Audit
    from test_framework.config import AuditSettings, Settings

_LINE = "the command line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files and folders (default: all tests)")
    parser.add_argument("--root", type=Path, default=argparse.SUPPRESS, help="folder in which pytest is started")
    parser.add_argument("--json", metavar="FILE", help="write all findings as JSON to FILE, or - for standard output")
    parser.add_argument(
        "--sarif", metavar="FILE", help="write all findings as SARIF 2.1.0 to FILE, or - for standard output"
    )
    parser.add_argument(
        "--annotations",
        action=argparse.BooleanOptionalAction,
        help="print annotations for GitHub (default: if GITHUB_ACTIONS is set and no FILE is -)",
    )
    parser.add_argument("--explain", metavar="ID", help="explain a cause or a rule, and exit")
    parser.add_argument("--changed", action="store_true", help="report only findings in the PATHs, or caused by them")
    parser.add_argument(
        "--collection-timeout", type=float, metavar="SECONDS", help="stop after this time and report what is known"
    )
    parser.add_argument("--python", default="", help="interpreter whose installed packages count (default: this one)")
    asked = parser.add_mutually_exclusive_group()
    for packages, there in ((Packages.INSTALLED, "it is installed"), (Packages.DECLARED, "the project declares it")):
        asked.add_argument(
            f"--{packages}",
            action="store_const",
            dest="packages",
            const=packages,
            help=f"a package is there if {there}, whatever the settings say",
        )
    parser.add_argument("--no-cache", action="store_true", help="ignore the cache and read every file again")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Audit and tell; returns 0 when clean, 1 with more findings than the settings allow, 2 on misuse."""
    if args.explain is not None:
        from test_framework.audit import explain

        _print_lines(explain(args.explain))
        return 0
    from test_framework.audit import AuditOptions, audit, exceeded_limits
    from test_framework.cli.progress import Progress

    settings = _settings(args, settings)
    timeout = settings.collection_timeout if args.collection_timeout is None else args.collection_timeout
    if finite(timeout, MOST_SECONDS) is None:
        wanted = f"a number of seconds from 0 to {MOST_SECONDS}"
        raise BadSetting.value("--collection-timeout", timeout, _LINE, wanted)
    if args.json == args.sarif == "-":
        raise BadSetting(
            "--json - and --sarif - in the command line both write to standard output. Give one of them a file."
        )
    if args.changed and not args.paths:
        raise BadSetting(f"--changed in {_LINE} needs at least one PATH that has changed.")
    progress = Progress()
    asked = AuditOptions(packages=args.packages, python=args.python, timeout=timeout, cache=not args.no_cache)
    paths = [] if args.changed else args.paths
    try:
        found = audit(settings.root, paths, settings, asked, progress if progress.on else None)
    finally:
        progress.end()
    limits: AuditSettings | None = settings.audit
    if args.changed:
        from test_framework.audit import restrict_to_changed

        # The thresholds are for the whole; what somebody touches has to be clean.
        found, limits = restrict_to_changed(found, set(_relative(args.paths, settings.root))), None
    _write_outputs(found, limits, args, settings.root)
    return 1 if exceeded_limits(found, limits) or not found.complete else 0


def _settings(args: argparse.Namespace, settings: Settings) -> Settings:
    root = settings.root if args.root == Path() else args.root.resolve()
    return settings if root == settings.root else load(root, os.environ)


def _relative(paths: Iterable[Path], root: Path) -> Iterable[str]:
    for path in paths:
        there = path if path.exists() else root / path
        if not there.exists():
            raise BadSetting.value("PATH", str(path), _LINE, "a file or a folder")
        whole = there.resolve()
        if whole.is_relative_to(root):
            yield from (p.relative_to(root).as_posix() for p in (whole.rglob("*.py") if whole.is_dir() else [whole]))


def _write_outputs(found: Audit, limits: AuditSettings | None, args: argparse.Namespace, root: Path) -> None:
    """Write what was asked for, and the summary where nothing else has the output."""
    from test_framework.audit import Page, exceeded_limits, format_summary, path_in_repository, to_github_annotations

    prefix = path_in_repository(root)
    if args.json:
        _write(found.to_json(), args.json, "--json")
    if args.sarif:
        from test_framework.audit import to_sarif

        _write(to_sarif(found, prefix), args.sarif, "--sarif")
    taken = "-" in (args.json, args.sarif)
    if not taken:
        _print_lines(format_summary(found, Page.of(sys.stdout, os.environ), limits))
    wanted = args.annotations
    if wanted is None:
        wanted = os.environ.get("GITHUB_ACTIONS") == "true" and not taken
    if wanted:
        red = {over.limit.setting for over in exceeded_limits(found, limits)}
        # GitHub reads both; what has the output must stay what it is.
        _print_lines(to_github_annotations(found, red, prefix), sys.stderr if taken else sys.stdout)


def _print_lines(lines: Iterable[str], stream: TextIO | None = None) -> None:
    out = stream or sys.stdout
    encoding = out.encoding or "utf-8"
    for line in lines:
        # Names of files need not be text, and a terminal need not know every letter.
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=out)


def _write(value: object, target: str, option: str) -> None:
    text = json.dumps(value, indent=1) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadSetting.value(option, target, _LINE, f"writable: {error.strerror}") from error
