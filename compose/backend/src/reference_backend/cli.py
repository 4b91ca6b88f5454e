"""The command line: serve, migrate, config."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from reference_backend import __version__, logs
from reference_backend.config import BadConfiguration, Settings, load

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Exit status: 0 well, 1 it failed, 2 the settings or the arguments do not fit."""
    parser = argparse.ArgumentParser(
        prog="reference-backend", description="A small, real backend of an agent platform."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="serve HTTP and WebSockets until SIGTERM")
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serving.add_argument("--port", type=_port, default=8000, help="0 for a free one, said in the log as `listening`")
    serving.add_argument("--workers", type=_workers, default=1, help="processes (default: %(default)s)")
    commands.add_parser("migrate", help="bring the database to the newest schema")
    commands.add_parser("config", help="print the settings, without secrets, as JSON")
    arguments = parser.parse_args(argv)
    try:
        settings = load()
    except BadConfiguration as error:
        print(f"The settings do not fit:\n{error}", file=sys.stderr)
        return 2
    logs.configure(settings.log_level)
    if arguments.command == "serve":
        return _serve(settings, arguments.host, arguments.port, arguments.workers)
    if arguments.command == "migrate":
        return _migrate(settings)
    print(json.dumps(settings.shown(), indent=2))
    return 0


def _serve(settings: Settings, host: str, port: int, workers: int) -> int:
    from reference_backend.server import CannotListen, serve

    try:
        serve(settings, host, port, workers)
    except CannotListen as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _migrate(settings: Settings) -> int:
    from reference_backend.storage import schema

    try:
        schema.migrate(settings.database_url.get_secret_value())
    except schema.SchemaProblem as error:
        print(f"The schema is not ready: {error}", file=sys.stderr)
        return 1
    return 0


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:  # noqa: PLR2004  # what ports are
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number


def _workers(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("there is at least one")
    return number
