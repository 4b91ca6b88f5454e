"""The compose command: the plugin or the one of its own, each run with a bound."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from test_framework.resolution import hide_secrets
from test_framework.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ASK_SECONDS = 15.0
_END_SECONDS = 5.0
_OLDEST = 2


def find(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the compose command that is here.

    Raises:
        StackError: There is none, or only one that is too old.
    """
    why = "neither docker compose nor docker-compose is here"
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0], path=env.get("PATH")):
            status, version = capture([*command, "version", "--short"], env)
            found = re.match(r"v?(\d+)\.\S+", version)
            if status == 0 and found and int(found[1]) >= _OLDEST:
                return command
            if status == 0 and found:
                why = f"{' '.join(command)} {found[0]} is too old"
    raise StackError(f"{why}. Install the compose plugin, version {_OLDEST} or later: see compose/README.md")


def capture(command: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Return a command's status, and its output or else its last error; one that hangs has failed."""
    try:
        result = subprocess.run(  # noqa: S603  # our own arguments
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, f"{command[0]} does not answer within {_ASK_SECONDS:g} s"
    if result.returncode == 0:
        return 0, result.stdout
    return result.returncode, hide_secrets(result.stderr.strip().rpartition("\n")[2])


def run(
    command: Sequence[str], env: Mapping[str, str], seconds: float | None, say: Callable[[str], None]
) -> tuple[int, str]:
    """Run a command for so long at most, and say its lines as they come.

    Args:
        command: The program and its arguments.
        env: Its environment.
        seconds: The bound; None for no bound but the person's Ctrl-C.
        say: Called with each line, without secrets.

    Returns:
        The status, and the last line; a command whose time is over has failed, and the line says so.
    """
    last = ""
    # In a session of its own, which can be ended as a whole: the plugin is a child of the command.
    with subprocess.Popen(  # noqa: S603  # our own arguments
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        late = threading.Event()

        def stop() -> None:
            late.set()
            _end(process)

        timer = threading.Timer(seconds or 0, stop)
        if seconds is not None:
            timer.start()
        try:
            for line in process.stdout or ():
                if text := hide_secrets(line.replace("\x1b[2K", "").rstrip()):
                    last = text.strip()
                    say(text)
            status = process.wait()
            return (1, f"not done within {seconds:g} s") if late.is_set() else (status, last)
        finally:
            timer.cancel()
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
