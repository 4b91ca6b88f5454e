"""Another user of the machine, beside root's run: he gets nothing of ours, and nothing of his is done by our hand."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from test_framework import owner
from test_framework.cleanup import FOLDER_VARIABLE, kill_and_remove, record_pid
from test_framework.config import load
from test_framework.contracts import Binary, Context, RunAs
from test_framework.memo import Memo
from test_framework.private import PREFIX
from test_framework.providers._programs import HOME, reachable
from test_framework.supervisor.guard import Guard
from tests.conftest import wait_until
from tests.support.checkout import Checkout
from tests.support.memory import little_memory
from tests.support.segments import segments
from tests.support.strangers import DAEMON, NOBODY, as_user, done_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.place import Place
    from tests.support.run import Run

RUN_SECONDS = 150.0
"""Bound on a run."""

pytestmark = [pytest.mark.mission_critical, pytest.mark.needs("root"), pytest.mark.timeout(2 * RUN_SECONDS + 60)]

SECRET = "what-only-root-may-read"
VARIABLES = {"STAGING_PASSWORD": SECRET, "STAGING_TOKEN": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file that only root may read, in a folder that he alone may enter."""
    (tmp_path / "secret").mkdir(mode=0o700)
    (tmp_path / "secret/file").write_text(SECRET)
    (tmp_path / "secret/file").chmod(0o600)
    return tmp_path / "secret/file"


def untouched(secret: Path) -> bool:
    """Whether the file is as it was."""
    found = secret.stat()
    return (found.st_uid, found.st_mode & 0o777, secret.read_text()) == (0, 0o600, SECRET)


@pytest.fixture
def shared_place(embedded_place: Place) -> Place:
    """Return a place whose temporary folder everybody may write to."""
    embedded_place.temporary.chmod(0o1777)
    return embedded_place


def held(checkout: Checkout, env: dict[str, str] | None = None) -> Run:
    """Start a run, and return it as it stays in mid-test."""
    checkout.hold()
    run = checkout.start(env=env)
    wait_until(lambda: bool(run.held()), "a test uses the servers", RUN_SECONDS)
    return run


PLANTS = """\
base, name, target = sys.argv[1:]
os.symlink(target, f"{base}/{name}-link")
os.symlink("/", f"{base}/{name}-root")
os.mkfifo(f"{base}/{name}-pipe")
socket.socket(socket.AF_UNIX).bind(f"{base}/{name}-socket")
os.mkdir(f"{base}/{name}-folder")
os.mkfifo(f"{base}/{name}-folder/server.pid")
"""


def test_the_sweep_takes_only_what_is_ours(shared_place: Place, tmp_path: Path) -> None:
    """Names like ours lead it neither to root's processes, nor to their files, nor into a wait."""
    name = f"{PREFIX}1_1-{owner.NAMESPACE}-redis"
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as process:
        try:
            done_as(NOBODY, PLANTS, str(shared_place.temporary), name, str(tmp_path))
            Checkout(shared_place, "embedded", ("redis",)).start().passed(RUN_SECONDS)
            assert process.poll() is None
            kinds = {path.name.removeprefix(f"{name}-") for path in shared_place.temporary.glob(f"{name}-*")}
            assert kinds == {"link", "root", "pipe", "socket", "folder"}
        finally:
            process.kill()
            # What removes the place would wait at the pipe.
            (shared_place.temporary / f"{name}-pipe").unlink(missing_ok=True)


RACES = """\
base, secret = sys.argv[1:]
print("here", flush=True)
while True:
    for name in os.listdir(base):
        for folder in (f"{base}/{name}", f"{base}/{name}/server"):
            for file in ("server.log", "server.pid", "data/PG_VERSION", "data/pg_hba.conf", "data", "server"):
                try:
                    os.rename(f"{folder}/{file}", f"{folder}/{file}-{time.monotonic_ns()}")
                    os.symlink(secret if "." in file or "_" in file else os.path.dirname(secret), f"{folder}/{file}")
                except OSError:
                    pass
"""


@pytest.mark.parametrize("cache", ["warm", "cold"])
def test_nothing_is_handed_over_to_whoever_races_for_it(shared_place: Place, secret: Path, cache: str) -> None:
    """A process of the server's user that puts links in all places gains neither a file nor its content."""
    checkout = Checkout(shared_place, "embedded", ("postgres",))
    env = {"XDG_CACHE_HOME": str(shared_place.path / "cache")}
    if cache == "warm":
        checkout.start(env=env).passed(RUN_SECONDS)
    # With little shared memory, servers are in the place's own folder, and he breaks nobody else's.
    with as_user(NOBODY, RACES, str(shared_place.temporary), str(secret)):
        run = checkout.start(env=env, prefix=little_memory())
        run.end(RUN_SECONDS)
    # His own server he may well have broken.
    assert SECRET not in run.output + shared_place.log()
    assert untouched(secret)
    for path in (shared_place.path / "cache").rglob("*"):
        assert not path.is_symlink()
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()
    wait_until(lambda: not shared_place.processes() and not shared_place.folders(), "nothing is left", RUN_SECONDS)


KILLS = """\
folder, pid, secret = sys.argv[1:]
for path in (folder + "/../server.log", folder + "/server.log"):
    try:
        os.rename(path, path + "-old")
    except OSError:
        pass
    try:
        os.symlink(secret, path)
    except OSError:
        pass
os.kill(int(pid), 9)
"""


def test_the_log_that_is_shown_is_the_servers(shared_place: Place, secret: Path) -> None:
    """Whoever may write in its folder cannot put another file in the place of its log."""
    checkout = Checkout(shared_place, "embedded", ("postgres",))
    run = held(checkout)
    (pid,) = checkout.servers().values()
    done_as(NOBODY, KILLS, str(Path(psutil.Process(int(pid)).cwd()).parent), pid, str(secret))
    checkout.go()
    assert run.end(RUN_SECONDS) == pytest.ExitCode.TESTS_FAILED
    assert "ended by SIGKILL" in run.output
    assert SECRET not in run.output
    assert "LOG:  " in run.output
    wait_until(lambda: not shared_place.left(), "nothing is left", RUN_SECONDS)


def test_no_server_has_a_secret_of_ours(shared_place: Place) -> None:
    """Of the environment it has what programs need; so has the process that watches over it."""
    checkout = Checkout(shared_place, "embedded")
    run = held(checkout, VARIABLES)
    (supervisor,) = shared_place.supervisors()
    children = psutil.Process(supervisor).children(recursive=True)
    assert len(children) > 2
    for process in children:
        assert SECRET not in str(process.environ()), process.cmdline()
    checkout.go()
    run.passed(RUN_SECONDS)


def test_a_mark_of_somebody_else_ends_nothing(tmp_path: Path) -> None:
    """A process of another user that names a server's folder is not ended with the server."""
    folder = tmp_path / f"{PREFIX}1_1-{owner.NAMESPACE}-redis-a"
    (folder / "server").mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    os.chown(folder / "server", NOBODY, NOBODY)
    # To read the environment of a process, the system asks for more than its user has.
    waits = "print('here', flush=True)\ntime.sleep(600)"
    env = {FOLDER_VARIABLE: str(folder)}
    with as_user(DAEMON, waits, env=env) as other, as_user(NOBODY, waits, env=env) as servers:
        kill_and_remove(folder)
        assert servers.wait(RUN_SECONDS) != 0
        assert other.poll() is None
    assert not folder.exists()


def test_a_link_to_a_folder_ends_nobody_in_it(tmp_path: Path) -> None:
    """What works there is none of ours."""
    (tmp_path / "there").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "there")
    os.chown(tmp_path / "link", NOBODY, NOBODY, follow_symlinks=False)
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path / "there") as process:
        try:
            kill_and_remove(tmp_path / "link")
            assert process.poll() is None
        finally:
            process.kill()
    assert (tmp_path / "there").is_dir()


def test_passwords_of_a_killed_supervisor_are_swept(embedded_place: Place) -> None:
    """When its guard is killed too, the next supervisor removes them, of whatever project."""
    checkout = Checkout(embedded_place, "embedded", ("redis",))
    run = held(checkout)
    (supervisor,) = embedded_place.supervisors()
    files = list(embedded_place.runtime.glob("*/*/passwords/*"))
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600]
    for process in psutil.Process(supervisor).children():
        if "guard" in " ".join(process.cmdline()):
            process.kill()
    os.kill(supervisor, signal.SIGKILL)
    checkout.go()
    run.end(RUN_SECONDS)
    assert files[0].exists()
    Checkout(embedded_place, "embedded", ("redis",), name="other").start().passed(RUN_SECONDS)
    assert not files[0].parent.exists()


SEGMENT = """\
made = ctypes.CDLL(None).shmget(0, 4096, 0o1600)
print(made, flush=True)
"""


@pytest.mark.parametrize("user", [DAEMON, NOBODY])
def test_only_memory_of_the_servers_user_is_freed(tmp_path: Path, user: int) -> None:
    """The number of a process may be somebody else's by now."""
    if not Path("/proc/sysvipc/shm").exists():
        pytest.skip("the system has no table of shared memory")
    folder = tmp_path / "server"
    (folder / "server").mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    os.chown(folder / "server", NOBODY, NOBODY)
    known = set(segments())
    with as_user(user, SEGMENT) as process:
        assert process.wait(RUN_SECONDS) == 0
    (made,) = [(identity, pid) for identity, pid in segments() if pid == process.pid and (identity, pid) not in known]
    record_pid(folder, process.pid)
    kill_and_remove(folder)
    left = made in segments()
    if left:
        subprocess.run(["ipcrm", "-m", made[0]], check=True)
    assert left is (user == DAEMON)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """Return what a provider may use, in a temporary folder that everybody may write to."""
    base = Path("/tmp") / f"tf-{os.urandom(6).hex()}"  # noqa: S108  # others have to pass
    base.mkdir()
    base.chmod(0o1777)
    monkeypatch.setattr("tempfile.tempdir", str(base))
    guard = Guard()
    yield Context(load(tmp_path, {}), {}, owner.MARK, Memo(), guard, print)
    guard.close()
    wait_until(
        lambda: not list(base.glob(f"{PREFIX}*-programs-*")), "what is used in place of it goes with us", RUN_SECONDS
    )
    shutil.rmtree(base)


PREPARES = """\
home, kind = sys.argv[1:]
if kind == "link":
    os.symlink("real", home)
    home = os.path.join(os.path.dirname(home), "real")
os.mkdir(home)
os.chmod(home, 0o777)
"""


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_program_is_never_taken_from_another_users_folder(context: Context, tmp_path: Path, kind: str) -> None:
    """Where somebody has taken the name, the copy lies elsewhere, as long as we live."""
    binary = Binary(tmp_path / "private/pg/bin/postgres", "18.4", "a wheel")
    binary.path.parent.mkdir(parents=True)
    (tmp_path / "private").chmod(0o700)
    binary.path.write_text("#!/bin/sh\n")
    binary.path.chmod(0o755)
    home = Path(tempfile.gettempdir()) / HOME
    done_as(NOBODY, PREPARES, str(home), kind)
    found = reachable(binary, RunAs(NOBODY, NOBODY), context).path
    assert home not in found.parents
    assert found.read_text() == "#!/bin/sh\n"
    for folder in found.parents[:3]:
        assert (folder.lstat().st_uid, folder.lstat().st_mode & 0o022) == (0, 0)
    done_as(NOBODY, "assert os.path.exists(sys.argv[1])", str(found))
