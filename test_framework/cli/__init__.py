"""Run test tiers on the best services that this machine offers."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework import __version__
from test_framework.cli._parser import Parser, complete, words_to_complete
from test_framework.redaction import hide_output

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main"]

_INTERRUPTED = 130
COMMANDS = {
    "init": "add a noxfile, tasks, settings and a first test to a project; asks before it changes a file",
    "run": "run several tiers, or an execution mode, and give one verdict",
    "audit": "find test files that pytest cannot import, tests that no tier runs, and tests that cannot fail",
    "health": "compare the suite with a baseline, and show how it changes",
    "report": "write one HTML page for all tiers, or merge the reports of shards",
    "validate": "check that everything is in place for a migration or for CI",
    "imports": "rewrite imports of moved names, and maintain the registry of public names",
    "doctor": "show what this machine has, what each tier would run on, and how to get more",
    "exec": "run a command with its own Postgres and Redis, and stop them afterwards",
    "servers": "list, download and remove server programs",
    "status": "show the warm servers and who uses them",
    "clean": "stop this project's servers",
    "stand-in": "start a staging environment on this machine, healthy or with one thing broken",
}

_EXAMPLES = {
    "init": "test-framework init --dry-run",
    "run": "test-framework run --category unit --category integration -- -x",
    "audit": "test-framework audit tests/unit --json audit.json",
    "health": "test-framework health check",
    "report": "test-framework report merge shards --tier integration --out reports/integration.json",
    "validate": "test-framework validate --json",
    "imports": "test-framework imports fix --apply",
    "doctor": "test-framework doctor --require integration",
    "exec": "test-framework exec --service postgres -- psql -c 'SELECT 1'",
    "servers": "test-framework servers install postgres@17 redis@8",
    "status": "test-framework status --json",
    "clean": "test-framework clean --force",
    "stand-in": "test-framework stand-in --broken database-down --env-file staging.env",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 fine, 1 not fine, 2 misuse or no output, 130 interrupted."""
    _open_what_is_closed()
    if isinstance(sys.stdout, TextIOWrapper):
        # What tests say, and names of files, need not be text, and a terminal need not know every letter.
        sys.stdout.reconfigure(errors="backslashreplace")
    # For good, since Python prints the traceback of a fault of ours after this.
    hide_output()
    try:
        status = _run(arguments)
        sys.stdout.flush()  # while what cannot be written can still be told
    except KeyboardInterrupt:
        print("test-framework: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough.
        _drop_output()
        return 1
    except OSError as error:
        if _can_write():
            if error.filename is None:
                raise
            # A path that somebody has given, by an option, a setting or a variable, and that nobody else has refused.
            print(f"test-framework: {_path(error.filename)}: {error.strerror}.", file=sys.stderr)
            return 2
        print(f"test-framework: the output cannot be written: {error.strerror}.", file=sys.stderr)
        _drop_output()
        return 2
    return status


def _open_what_is_closed() -> None:
    """Give a stream to what was closed by whoever started this, as by `>&-`, for which Python has None.

    To write what a command says fails there, as on a disk that is full; what is said beside it is not missed.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # as long as this process


def _path(name: object) -> str:
    """Return a path as it can be printed, whatever bytes are in it."""
    return os.fsdecode(name).encode(errors="backslashreplace").decode() if isinstance(name, (str, bytes)) else str(name)


def _can_write() -> bool:
    """Whether the output still takes anything: an error of the system does not say of which file it is."""
    try:
        print(flush=True)
    except OSError:
        return False
    return True


def _drop_output() -> None:
    """Let what is left in the buffers go nowhere, since Python writes it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    # Here, so that who interrupts the start is told no more than later.
    from test_framework.config import BadSetting, find_root, load

    parser = Parser(prog="test-framework", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--root", type=Path, default=Path(), help="project folder, or a folder in it")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    words = [*(sys.argv[1:] if arguments is None else arguments), *words_to_complete(os.environ)]
    for name, meaning in COMMANDS.items():
        command = commands.add_parser(name, help=meaning, description=meaning, epilog=f"example: {_EXAMPLES[name]}")
        if name in words:  # no other can be meant, and to import them all takes longer than most commands
            _module(name).add_arguments(command)
    complete(parser)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.refuse_unknown(unknown, commands.choices[args.command])
    try:
        if not os.path.isdir(args.root):  # noqa: PTH112  # Path.is_dir raises where nobody may look
            raise BadSetting.value("--root", str(args.root), "the command line", "a folder")
        settings = load(find_root(args.root), os.environ)
        status: int = _module(args.command).run(args, settings)
    except BadSetting as error:
        print(f"test-framework: {error}", file=sys.stderr)
        return 2
    return status


def _module(command: str) -> Any:
    return import_module(f"{__name__}.{command.replace('-', '_')}")
