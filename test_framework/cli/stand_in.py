"""`stand-in`: a staging environment on this machine, whole or broken, until it is told to end."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from test_framework import private
from test_framework.cli._parser import completed
from test_framework.config import BadSetting
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused
from test_framework.supervisor.client import SupervisorLost

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from test_framework.config import Settings

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    from test_framework.staging.faults import FAULTS

    broken = parser.add_argument("--broken", metavar="NAME", help=f"thing to break: {', '.join(FAULTS)}")
    completed(broken, lambda _: FAULTS)
    parser.add_argument(
        "--env-file", metavar="FILE", type=Path, help="write the variables, including secrets, to this file"
    )
    ends = "stop after N seconds (default: on Ctrl-C or SIGTERM)"
    parser.add_argument("--seconds", metavar="N", type=_seconds, help=ends)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number <= threading.TIMEOUT_MAX:
        raise ValueError(text)
    return number


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Stand until the end; exits 1 when a server that it needs cannot be had, or a package of the extra is missing."""
    # Of a server that is broken on purpose the log has much to say; a refusal brings its own.
    logging.getLogger("test_framework").addHandler(logging.NullHandler())
    over = threading.Event()
    before = {number: signal.signal(number, lambda *_: over.set()) for number in _SIGNALS}
    try:
        return _run(args, settings, over)
    except ImportError as error:
        reason = Reason.of(Code.SDK_MISSING, package="pytest-tiers[staging]", error=error)
        print(f"stand-in: {reason}. {reason.remedy}", file=sys.stderr)
    except Refused as refused:
        print("\n".join(filter(None, [f"stand-in: {refused}. {refused.reason.remedy}", refused.log])), file=sys.stderr)
    except SupervisorLost as lost:
        print(f"stand-in: {lost}", file=sys.stderr)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 1


def _run(args: argparse.Namespace, settings: Settings, over: threading.Event) -> int:
    from test_framework.staging.faults import FAULTS, HEALTHY

    if args.broken is not None and args.broken not in FAULTS:
        raise BadSetting.unknown("fault", args.broken, "--broken", FAULTS)
    fault = FAULTS[args.broken] if args.broken else HEALTHY
    from test_framework.staging.stand_in import stand_in

    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        path = (args.env_file or folder / "env").resolve()
        file = stack.enter_context(_private(path))
        variables = stack.enter_context(stand_in(settings, fault, folder, lambda text: print(text, file=sys.stderr)))
        for name, value in variables.items():
            file.write(f"{name}={shlex.quote(value)}\n")
            print(f"{name}={_shown(name, value)}")
        file.flush()
        print(f"# {fault.meaning}{f'; the tier says {fault.code}' if fault.code else ''}")
        print(f"# Load it with: set -a; . {shlex.quote(str(path))}; set +a", flush=True)
        over.wait(args.seconds)
    return 0


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder that goes with us, however we end."""
    from test_framework.supervisor.guard import Guard

    guard = Guard()
    try:
        folder, cleanup_key = guard.make_folder("stand-in", Path(tempfile.gettempdir()))
        yield folder
        private.remove(folder)
        guard.drop(cleanup_key)
    finally:
        guard.close()


@contextmanager
def _private(path: Path) -> Iterator[TextIO]:
    """Make a file that only its user can read, and remove it in the end: what it says is then no longer so."""
    try:
        # A file that is there may be somebody's: it is not replaced, since it would be removed.
        handle = private.create(path)
    except OSError as error:
        raise BadSetting(f"--env-file {path} cannot be made: {error.strerror}.") from error
    try:
        with TextIOWrapper(handle, encoding="utf-8") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def _shown(name: str, value: str) -> str:
    return "***" if name.endswith("PASSWORD") else Endpoint("", "staging", value, None).safe_url
