"""The supervisor as a user of the command line meets it: where it is, how long it stays, how it is told to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import wait_until
from tests.support.checkout import Checkout

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.place import Place
    from tests.support.run import Run

_WARM = {"TEST_FRAMEWORK_IDLE_SECONDS": "60"}
_LOG_LIMIT = 1 << 20


@pytest.fixture
def checkout(embedded_place: Place) -> Checkout:
    """Return a project whose tests use Redis, embedded: nothing starts faster."""
    return Checkout(embedded_place, "embedded", ("redis",))


@pytest.fixture
def warm(checkout: Checkout) -> Checkout:
    """Return it with a server that is held warm."""
    checkout.run(env=_WARM).passed()
    return checkout


def folder_of(checkout: Checkout) -> Path:
    """Return the folder of the project's only supervisor."""
    (log,) = checkout.place.runtime.glob("*/*/supervisor.log")
    return log.parent


def one_error(run: Run, *words: str) -> None:
    """Assert that every test fails with one error of these words, in time."""
    assert run.end(60) == pytest.ExitCode.TESTS_FAILED, run.output
    assert set(run.outcomes().values()) == {"error"}
    for word in words:
        assert word in run.output, run.output
    assert "INTERNALERROR" not in run.output


class TestFolder:
    """Where it is."""

    def test_only_its_user_may_enter(self, warm: Checkout) -> None:
        """The folder of the supervisor, and the one above it, are closed to everybody else."""
        folder = folder_of(warm)
        assert [oct(p.stat().st_mode & 0o777) for p in (folder, folder.parent)] == ["0o700", "0o700"]

    def test_open_folder_is_closed(self, checkout: Checkout) -> None:
        """A folder of ours that everybody may enter, or that we may not write to, is mended."""
        checkout.run().passed()
        folder = folder_of(checkout)
        folder.chmod(0o500)
        folder.parent.chmod(0o777)
        checkout.run().passed()
        assert [oct(p.stat().st_mode & 0o777) for p in (folder, folder.parent)] == ["0o700", "0o700"]

    def test_other_settings_are_another_supervisor(self, warm: Checkout) -> None:
        """A run with another Redis in mind does not get the server of this one; one that agrees does."""
        server = warm.servers()
        warm.run(env=_WARM).passed()
        assert warm.servers() == server
        warm.run(env=_WARM | {"TEST_FRAMEWORK_REDIS_VERSION": "6"}).passed()
        assert len(warm.status()) == 2

    @pytest.mark.needs("root")
    def test_folder_of_somebody_else(self, checkout: Checkout) -> None:
        """A folder that another user has put in our place is refused: he would read our passwords."""
        folder = checkout.place.runtime / f"test-framework-{os.getuid()}"
        folder.mkdir(mode=0o777)
        os.chown(folder, 65534, 65534)
        one_error(checkout.start(), f"the supervisor's folder {folder} belongs to another user", "set XDG_RUNTIME_DIR")
        assert list(folder.iterdir()) == []

    def test_link_instead_of_a_folder(self, checkout: Checkout) -> None:
        """A link in our place is refused as well, wherever it leads."""
        folder = checkout.place.runtime / f"test-framework-{os.getuid()}"
        (checkout.place.path / "elsewhere").mkdir()
        folder.symlink_to(checkout.place.path / "elsewhere")
        one_error(checkout.start(), f"the supervisor's folder {folder} is a link")
        assert list((checkout.place.path / "elsewhere").iterdir()) == []


class TestLife:
    """From its start to its end."""

    def test_stale_socket_is_replaced(self, warm: Checkout) -> None:
        """A socket whose supervisor and guard were killed is in nobody's way."""
        (told,) = warm.status()
        family = [psutil.Process(told["pid"]), *psutil.Process(told["pid"]).children()]
        for process in family:
            process.kill()
        psutil.wait_procs(family, 5)
        assert (folder_of(warm) / "socket").is_socket()
        assert warm.status() == []
        warm.run(env=_WARM).passed()
        assert warm.status()[0]["pid"] != told["pid"]

    def test_file_instead_of_a_socket(self, checkout: Checkout) -> None:
        """So is any other file in its place."""
        checkout.run().passed()
        (folder_of(checkout) / "socket").write_text("not a socket")
        checkout.run(env=_WARM).passed()
        assert len(checkout.status()) == 1

    def test_modules_of_the_project_are_not_its_own(self, embedded_place: Place) -> None:
        """A file in the project's folder that is named like a module of Python is not what the supervisor imports."""
        # Neither pytest nor the driver imports this module, which the supervisor needs.
        checkout = Checkout(embedded_place, "embedded", ("postgres",))
        checkout.write("secrets.py", "raise RuntimeError('not for you')")
        run = checkout.run()
        run.passed()
        assert run.report["services"]["postgres"]["provider"] == "embedded"
        embedded_place.is_empty()

    def test_second_supervisor_gives_way(self, warm: Checkout) -> None:
        """A supervisor that is started beside one that serves ends, and leaves it be."""
        (told,) = warm.status()
        command = [sys.executable, "-m", "test_framework.supervisor", str(folder_of(warm))]
        subprocess.run(command, check=True, timeout=10, env=warm.env())
        assert warm.status()[0]["pid"] == told["pid"]

    def test_one_that_ends_lets_nobody_down(self, checkout: Checkout) -> None:
        """Leases that begin just as the last one ends are all granted, by that supervisor or by the next."""
        program = checkout.write(
            "knock.py",
            "import os\n"
            "from pathlib import Path\n"
            "from test_framework.config import load\n"
            "from test_framework.supervisor.client import connect\n"
            "settings = load(Path(), os.environ)\n"
            "while not Path('enough').exists():\n"
            "    connect(settings, {}, 'a run', print).close()\n",
        )
        running = [
            subprocess.Popen([sys.executable, program], cwd=checkout.root, env=checkout.env(), stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        # A process that ends by itself has been let down, and is told of below.
        wait_until(
            lambda: len(checkout.place.supervisors()) > 2 or any(process.poll() is not None for process in running),
            "one supervisor has followed the other",
            100,
        )
        checkout.write("enough", "")
        told = [process.communicate(timeout=60)[1] for process in running]
        assert [process.returncode for process in running] == [0, 0, 0], told
        checkout.place.is_empty()

    def test_log_is_kept_short(self, checkout: Checkout) -> None:
        """A log that has grown is put aside, and only the last one is kept."""
        checkout.run().passed()
        log = folder_of(checkout) / "supervisor.log"
        for mark in ("first", "second"):
            wait_until(lambda: checkout.status() == [], "it has ended")
            log.write_text(mark * _LOG_LIMIT)
            checkout.run().passed()
            assert log.stat().st_size < _LOG_LIMIT
            assert log.with_name("supervisor.log.1").read_text().startswith(mark)

    def test_one_that_cannot_start(self, checkout: Checkout) -> None:
        """A supervisor that ends as it starts is one error at once, which names its log and quotes it."""
        checkout.run().passed()
        folder = folder_of(checkout)
        wait_until(lambda: checkout.status() == [], "it has ended")
        (folder / "lock").unlink()
        (folder / "lock").mkdir()
        said = "the supervisor ended as it started, with status 1. The end of its log, "
        one_error(checkout.start(), f"{said}{folder}/supervisor.log:", f"Is a directory: '{folder}/lock'")

    def test_terminated(self, warm: Checkout) -> None:
        """SIGTERM ends it in order; SIGINT, meant for a run in the same terminal, does not."""
        (told,) = warm.status()
        os.kill(told["pid"], signal.SIGINT)
        assert warm.status() == [told]
        os.kill(told["pid"], signal.SIGTERM)
        warm.place.is_empty()
        assert "closed in" in warm.place.log()


class TestCommands:
    """`status` and `clean`."""

    def test_nothing_runs(self, checkout: Checkout) -> None:
        """Without a supervisor both say so, and start none."""
        assert checkout.command("status").stdout == "No supervisor is running, so no servers are warm.\n"
        assert checkout.json("status") == []
        result = checkout.command("clean")
        assert (result.returncode, result.stderr) == (0, "")
        assert list(checkout.place.runtime.iterdir()) == []

    def test_status(self, warm: Checkout) -> None:
        """The status names the project, the server and its version, and hides the password."""
        (told,) = json.loads(warm.command("status", "--json").stdout)
        (server,) = told["servers"]
        assert (told["root"], told["clients"], told["idle_seconds"]) == (str(warm.root), [], 60)
        assert (server["service"], server["provider"], server["died"]) == ("redis", "embedded", None)
        assert warm.place.servers() == [server["id"]]
        assert ":***@127.0.0.1:" in server["url"]
        text = warm.command("status").stdout
        assert f"supervisor {told['pid']} of {warm.root}: stops after 60 s idle" in text
        assert f"redis {server['version']} on embedded ({server['id']}) at redis://:***@127.0.0.1:" in text

    def test_status_of_a_server_that_died(self, warm: Checkout) -> None:
        """The status of a server that was killed says so; the next run has a new one."""
        identity = warm.servers()["redis"]
        os.kill(int(identity), signal.SIGKILL)
        wait_until(lambda: bool(warm.status()[0]["servers"][0]["died"]), "its end is known")
        assert f"DIED: server-died: redis on embedded was running but has stopped: process {identity}" in (
            warm.command("status").stdout
        )
        warm.run(env=_WARM).passed()
        assert warm.servers()["redis"] != identity

    def test_clean(self, warm: Checkout) -> None:
        """It ends this project's supervisor, and no other project's."""
        other = Checkout(warm.place, "embedded", ("redis",), name="other")
        other.run(env=_WARM).passed()
        (told,) = warm.status()
        result = warm.command("clean")
        assert (result.returncode, result.stdout) == (0, f"stopped supervisor {told['pid']} and 1 server\n")
        assert warm.status() == []
        assert len(other.status()) == 1
        other.command("clean")
        warm.place.is_empty()

    def test_clean_while_a_run_goes_on(self, checkout: Checkout) -> None:
        """It refuses while a run holds a lease, naming it; with `--force` the run fails, and says why."""
        run = checkout.start_held()
        (told,) = checkout.status()
        result = checkout.command("clean")
        assert result.returncode == 1
        assert f"supervisor {told['pid']} is in use by process {run.pid}" in result.stderr
        assert checkout.status() == [told]
        assert checkout.command("clean", "--force").returncode == 0
        checkout.go()
        assert run.end() == pytest.ExitCode.TESTS_FAILED
        assert "the supervisor is gone, and the servers that it owned with it" in run.output
        checkout.place.is_empty()
