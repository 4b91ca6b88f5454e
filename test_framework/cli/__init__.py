"""`python -m test_framework`: what this machine has, what is running, and an end to it."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED = 130
_COMMANDS = {
    "init": "add a noxfile, tasks, settings and first tests to a project, and ask before a file is changed",
    "run": "run tiers one after another, or an execution mode, and judge them together",
    "audit": "say which test files pytest cannot import and why, which no tier runs, and which tests cannot fail",
    "health": "compare the suite with its baseline, and show how it has changed",
    "report": "write the reports of all tiers as one page, or put those of shards into one",
    "validate": "say whether everything is in place for a migration or for CI, and what to do about it",
    "imports": "rewrite names that have moved, and keep the registry of public names",
    "doctor": "show what this machine has, what each tier would run on here, and how to get more",
    "exec": "run a command with Postgres and Redis servers of its own, which end with it",
    "status": "show the servers that are held warm, and by whom",
    "clean": "stop this project's servers",
    "stand-in": "stand for a staging environment on this machine, whole or with one thing broken",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 fine, 1 not fine, 2 misuse or no output, 130 interrupted."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        print("test-framework: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    # Here, so that who interrupts the start is told no more than later.
    from test_framework.config import BadSetting, find_root, load

    parser = argparse.ArgumentParser(prog="test-framework", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder, or one below it")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    words = sys.argv[1:] if arguments is None else arguments
    for name, meaning in _COMMANDS.items():
        command = commands.add_parser(name, help=meaning, description=meaning)
        if name in words:  # no other can be meant, and to import them all takes longer than most commands
            _module(name).add_arguments(command)
    given = parser.parse_args(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        # What tests say, and names of files, need not be text, and a terminal need not know every letter.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if not os.path.isdir(given.root):  # noqa: PTH112  # Path.is_dir raises where nobody may look
            raise BadSetting.value("--root", str(given.root), "the command line", "a folder")
        settings = load(find_root(given.root), os.environ)
        status: int = _module(given.command).run(given, settings)
    except BadSetting as error:
        print(f"test-framework: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _module(command: str) -> Any:
    return import_module(f"{__name__}.{command.replace('-', '_')}")
