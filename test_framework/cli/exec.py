"""`exec`: a command with Postgres, Redis and whatever else it needs, started for it alone."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from test_framework.cli._parser import completed
from test_framework.config import BadSetting
from test_framework.progress import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from test_framework.config import Settings
    from test_framework.contracts import Dedicated

_USUAL = ("postgres", "redis")
_NOT_SERVED = 125
_HIGHEST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    option = parser.add_argument
    service = option(
        "--service", metavar="NAME", action="append", help="service to start (repeatable; default: postgres, redis)"
    )
    completed(service, lambda settings: settings.service_names)
    option(
        "--env",
        metavar="NAME=TEMPLATE",
        action="append",
        default=[],
        help="additional variable, such as DB={postgres.host} (repeatable)",
    )
    option(
        "--port",
        metavar="SERVICE=PORT",
        action="append",
        default=[],
        help="port for a service (repeatable; default: any free port)",
    )
    option("--no-password", action="store_true", help="start servers without passwords")
    # What comes after the command is the command's, as of env(1): without -- too.
    option("command_line", metavar="CMD", nargs=argparse.REMAINDER, help="command with its arguments")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the command; returns its exit status, 128 and more for a signal, or 125 to 127 when it was not run."""
    command = args.command_line[1:] if args.command_line[:1] == ["--"] else args.command_line
    if not command:
        raise BadSetting("exec needs a command after --, such as: test-framework exec -- pytest")
    from test_framework.exec.child import SIGNALLED, CommandError, find
    from test_framework.exec.child import run as run_child
    from test_framework.exec.servers import NotServed, leased
    from test_framework.exec.variables import Template, environment, ports_of
    from test_framework.supervisor.client import SupervisorLost

    wishes = _wishes(args, settings)
    templates = [Template.of(text, wishes) for text in args.env]
    # Of a server that does not start its refusal brings the log.
    logging.getLogger("test_framework").addHandler(logging.NullHandler())
    line = ProgressLine.on(sys.stderr)

    def tell(text: str) -> None:
        line.end()
        print(f"exec: {text}", file=sys.stderr, flush=True)

    try:
        path = find(command[0])
        with leased(settings, wishes, line, tell) as endpoints:
            line.end()
            return run_child(path, command, environment(os.environ, endpoints, templates, ports_of(settings)))
    except CommandError as error:
        tell(str(error))
        return error.status
    except NotServed:
        return _NOT_SERVED
    except SupervisorLost as lost:
        tell(str(lost))
        return _NOT_SERVED
    except KeyboardInterrupt:
        return SIGNALLED + signal.SIGINT


def _wishes(args: argparse.Namespace, settings: Settings) -> dict[str, Dedicated]:
    """Return how each service is wanted.

    Raises:
        BadSetting: A service is not known, or a port is none.
    """
    from test_framework.contracts import Dedicated

    services = dict.fromkeys(args.service or _USUAL)
    for name in services:
        if name not in settings.service_names:
            raise BadSetting.unknown("service", name, "--service", settings.service_names)
    ports = _ports(args.port, tuple(services))
    return {name: Dedicated(ports.get(name, 0), password=not args.no_password) for name in services}


def _ports(texts: Sequence[str], services: Sequence[str]) -> dict[str, int]:
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in services:
            raise BadSetting.unknown("service", name, "--port", services)
        if not number.isdecimal() or not 0 < int(number) <= _HIGHEST_PORT:
            raise BadSetting.value(name, number, "--port", f"a port from 1 to {_HIGHEST_PORT}")
        found[name] = int(number)
    return found
