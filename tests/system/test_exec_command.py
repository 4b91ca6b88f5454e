"""`exec`: how a command is run, how it is told to end, and when it is not run."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import wait_until
from tests.support.checkout import Checkout
from tests.support.execs import READY, Execs
from tests.support.run import RUN_SECONDS, Run

if TYPE_CHECKING:
    from tests.support.place import Place


@pytest.fixture
def execs(embedded_place: Place) -> Execs:
    """Return a project with embedded servers."""
    return Execs(Checkout(embedded_place, "embedded"))


class TestCommand:
    """How the command is run."""

    @pytest.mark.parametrize(
        ("command", "status"),
        [
            (("true",), 0),
            (("sh", "-c", "exit 7"), 7),
            (("sh", "-c", "kill -KILL $$"), 137),
            (("sh", "-c", "kill -TERM $$"), 143),
            (("no-such-program",), 127),
            (("./no-such-program",), 127),
            (("/etc/passwd",), 126),
            (("./broken",), 127),
        ],
    )
    def test_status(self, execs: Execs, command: tuple[str, ...], status: int) -> None:
        """It is that of the command, 128 and more for a signal, and that of shells for what cannot be run."""
        execs.checkout.write("broken", "#!/no/such/interpreter\n").chmod(0o755)
        result = execs.run("--service", "redis", "--", *command)
        assert result.returncode == status, result.stderr
        assert "Traceback" not in result.stderr
        assert ("cannot be run" in result.stderr) == (status in (126, 127))

    def test_streams(self, execs: Execs) -> None:
        """They are ours; nothing else is in the output."""
        result = subprocess.run(
            execs.command("--service", "redis", "--", "cat"),
            input="one\ntwo\n",
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=True,
            cwd=execs.root,
            env=execs.checkout.env(),
        )
        assert result.stdout == "one\ntwo\n"

    def test_options_of_the_command(self, execs: Execs) -> None:
        """What follows -- is the command's, also where it looks like ours."""
        assert execs.run("--service", "redis", "--", "echo", "--service", "--", "-x").stdout == "--service -- -x\n"

    def test_without_two_dashes(self, execs: Execs) -> None:
        """What follows the command is the command's, as of env(1): nobody has to know that -- may be needed."""
        result = execs.run("--service", "redis", "echo", "-x", "--service", "--")
        assert result.stdout == "-x --service --\n", result.stderr

    def test_a_parent_that_ignores_its_children(self, execs: Execs) -> None:
        """The status is known also where nobody wanted to know of any child before."""
        command = execs.command("--service", "redis", "--", "sh", "-c", "exit 7")
        code = (
            "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
        )
        run = Run([sys.executable, "-c", code, *command], execs.root, execs.checkout.place, env=execs.checkout.env())
        assert run.end() == 7, run.output

    def test_no_pipe(self, execs: Execs) -> None:
        """A program of the command ends by SIGPIPE as it does by itself: Python's way with it is not handed down."""
        result = execs.run("--service", "redis", "--", "bash", "-c", "yes | head -1; echo ${PIPESTATUS[0]}")
        assert result.stdout == f"y\n{128 + signal.SIGPIPE}\n"

    def test_signals(self, execs: Execs) -> None:
        """Each goes on to the command, once; what it makes of it is its own."""
        held = execs.hold("--service", "redis")
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        for count, number in enumerate(numbers, start=1):
            os.kill(held.pid, number)
            wait_until(lambda count=count: len(_noted(held)) == count, f"it has got {number}")  # type: ignore[misc]
        execs.go()
        assert held.end() == 3
        assert _noted(held) == numbers

    @pytest.mark.needs("terminals")
    def test_ctrl_c(self, execs: Execs) -> None:
        """The terminal sends it to both, and it arrives once."""
        env = execs.checkout.env()
        command = execs.command("--service", "redis", "--", sys.executable, "-c", READY)
        terminal, inner = pty.openpty()
        with closing(os.fdopen(terminal, "r+b", buffering=0)) as keys:
            process = subprocess.Popen(
                # No leader of a group yet, so that it becomes the command and forks no other.
                ["setsid", "--ctty", *command],
                stdin=inner,
                stdout=inner,
                stderr=inner,
                cwd=execs.root,
                env=env,
            )
            execs.checkout.place.started.append(process)
            os.close(inner)
            wait_until((execs.root / "ready").exists, "the command runs", RUN_SECONDS)
            ours = psutil.Process(process.pid)
            # We hear of it only when the command has: two that come together could not be told from one.
            ours.suspend()
            keys.write(b"\x03")
            shown = _read_until(terminal, f"{int(signal.SIGINT)}\r\n")
            ours.resume()
            # What was passed on is there before what follows: of signals that wait, the least number is taken first.
            ours.send_signal(signal.SIGUSR1)
            shown += _read_until(terminal, f"{int(signal.SIGUSR1)}\r\n")
            execs.go()
            assert process.wait(RUN_SECONDS) == 3
        # The terminal shows the key too, wherever it was at the time.
        assert shown.replace("^C", "").count(f"\n{int(signal.SIGINT)}\r\n") == 1, shown


def _read_until(terminal: int, text: str) -> str:
    """Return what a terminal shows, up to this text; the test's own timeout bounds it."""
    shown = ""
    while text not in shown:
        shown += os.read(terminal, 4096).decode()
    return shown


def _noted(run: Run) -> list[int]:
    return [int(line) for line in run.output.splitlines() if line.isdecimal()]


class TestRefused:
    """Where a service cannot be had, the command is not run."""

    def test_unavailable(self, execs: Execs) -> None:
        """A line for each service: why, and what to do."""
        env = {"TEST_FRAMEWORK_PROVIDERS": "docker", "DOCKER_HOST": "unix:///nope.sock"}
        lines = execs.refused(status=125, env=env).splitlines()
        assert [line.partition(" no Docker")[0] for line in lines] == [
            f"exec: {name} is unavailable: socket-missing:" for name in ("postgres", "redis")
        ]
        assert all("Start Docker" in line and "embedded: provider-disabled" in line for line in lines)

    def test_one_of_two(self, execs: Execs) -> None:
        """What can be had does not make up for it."""
        env = {"TEST_FRAMEWORK_POSTGRES_PROVIDERS": "explicit"}
        said = execs.refused(status=125, env=env)
        assert "postgres is unavailable: not-configured" in said
        assert "on embedded at redis://" in said

    def test_broken(self, execs: Execs) -> None:
        """What is there and does not work is no reason to go on to the next provider."""
        env = {"TEST_FRAMEWORK_PROVIDERS": "explicit,embedded", "TEST_FRAMEWORK_REDIS_URL": "http://:hunter2@localhost"}
        said = execs.refused("--service", "redis", status=125, env=env)
        assert "redis is unavailable: wrong-service: " in said
        assert "hunter2" not in said

    def test_an_unknown_service(self, execs: Execs) -> None:
        """The error names the choices."""
        assert "unknown service 'postgers' in --service. Did you mean 'postgres'?" in execs.refused(
            "--service", "postgers", status=2
        )
