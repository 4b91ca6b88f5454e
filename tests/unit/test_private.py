"""Files and folders that are ours alone, beside those of a second user who is really there."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework import owner, private
from tests.support.needs import need
from tests.support.strangers import NOBODY, done_as

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder in which every user may write, as in the temporary one."""
    folder = Path(tempfile.mkdtemp(prefix="tf-", dir="/tmp"))  # one of pytest's can be entered by its user alone
    folder.chmod(0o1777)
    yield folder
    folder.chmod(0o700)
    private.remove(folder)
    assert not folder.exists()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a folder with a file that only we may read."""
    (tmp_path / "secret").mkdir(mode=0o700)
    (tmp_path / "secret/file").write_text("only ours")
    return tmp_path / "secret"


def whole(secret: Path) -> bool:
    """Whether the file is as it was."""
    found = (secret / "file").stat()
    return (found.st_uid, (secret / "file").read_text()) == (os.geteuid(), "only ours")


PLANTED = {
    "link": "os.symlink(sys.argv[2], path)",
    "pipe": "os.mkfifo(path)",
    "socket": "socket.socket(socket.AF_UNIX).bind(path)",
    "file": "open(path, 'w').close()",
    "folder": "os.mkdir(path)",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_another_user_has_put_there_is_left_alone(kind: str, shared: Path, secret: Path) -> None:
    """It is neither opened nor removed, whatever its name, and nobody waits for whoever is at its other end."""
    need("root")
    path = shared / "planted"
    done_as(NOBODY, f"path = sys.argv[1]\n{PLANTED[kind]}", str(path), str(secret))
    with pytest.raises(private.NotOurs), private.opened(path):
        pass
    with pytest.raises(OSError), private.opened(shared, of=0) as folder:  # noqa: PT011  # a link cannot be opened at all
        private.read(path.name, folder)
    with pytest.raises(private.NotOurs):
        private.ensure(path)
    private.remove(path)
    assert path.lstat()
    assert whole(secret)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_file_that_is_none_is_not_read(kind: str, tmp_path: Path, secret: Path) -> None:
    """Neither through a link, nor from a pipe, at which nobody writes."""
    path = tmp_path / "note"
    if kind == "link":
        path.symlink_to(secret / "file")
    else:
        os.mkfifo(path)
    with private.opened(tmp_path) as folder, pytest.raises(OSError):  # noqa: PT011  # a link cannot be opened at all
        private.read(path.name, folder)


def test_a_folder_in_which_others_may_write_is_not_ours(tmp_path: Path) -> None:
    """Whoever may write there may have moved it there."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    private.remove(tmp_path / "open")
    assert (tmp_path / "open").is_dir()


def test_nothing_is_removed_through_a_link(tmp_path: Path, secret: Path) -> None:
    """A link goes, and what it leads to stays, at any depth."""
    folder = private.make(tmp_path, "test")
    (folder / "a/b").mkdir(parents=True)
    for place in ("link", "a/link", "a/b/link"):
        (folder / place).symlink_to(secret)
    private.remove(folder)
    assert not folder.exists()
    assert whole(secret)


def test_no_folder_is_nested_too_deep_to_be_removed(tmp_path: Path) -> None:
    """Python's stack does not end it."""
    memory = Path("/dev/shm")  # noqa: S108  # where so many folders are made in a moment
    folder = private.make(memory if os.access(memory, os.W_OK) else tmp_path, "test")
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        for _ in range(sys.getrecursionlimit() + 100):
            Path("x").mkdir()
            os.chdir("x")
    finally:
        os.chdir(before)
        os.close(before)
    private.remove(folder)
    assert not folder.exists()


def test_what_cannot_be_removed_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that loses nothing in a round is left."""
    folder = private.make(tmp_path, "test")
    (folder / "a/b").mkdir(parents=True)
    if os.geteuid() == 0:
        # Root may remove anything, but for this.
        for name in ("rename", "rmdir"):
            monkeypatch.setattr(os, name, lambda *_, **__: Path("/proc/none").stat())
    (folder / "a").chmod(0o500)
    private.remove(folder)
    assert (folder / "a/b").is_dir()
    monkeypatch.undo()
    (folder / "a").chmod(0o700)


def test_only_what_a_dead_process_has_made_is_abandoned(tmp_path: Path) -> None:
    """Neither a living one's, nor another process namespace's, nor what has no mark."""
    names = {mark: f"{private.PREFIX}{mark}-{owner.NAMESPACE}-redis-a" for mark in ("1_1", owner.MARK, "nobody")}
    names["elsewhere"] = f"{private.PREFIX}1_1-4711-redis-a"
    names["else"] = f"test-{names['1_1']}"
    for name in names.values():
        (tmp_path / name).mkdir()
    assert private.abandoned(tmp_path) == [tmp_path / names["1_1"]]
    assert private.abandoned(tmp_path / "gone") == []


def server_folder(base: Path) -> Path:
    """Make the folder of a server with a file in it."""
    folder = private.make(base, "postgres") / "server"
    (folder / "data").mkdir(mode=0o700, parents=True)
    (folder / "data/file").write_text("data")
    return folder


def test_a_folder_is_handed_over_behind_a_closed_door(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While anything of it is handed over, its new owner cannot yet come near it."""
    need("root")
    folder = server_folder(shared)
    handed: list[str] = []
    chown, fchown = os.chown, os.fchown

    def tried(target: object) -> None:
        with pytest.raises(AssertionError):
            done_as(NOBODY, "os.stat(sys.argv[1])", str(folder))
        handed.append(str(target))

    def watched_chown(path: str, uid: int, gid: int, **where: object) -> None:
        chown(path, uid, gid, **where)  # type: ignore[arg-type]
        tried(path)

    def watched_fchown(descriptor: int, uid: int, gid: int) -> None:
        fchown(descriptor, uid, gid)
        tried(descriptor)

    monkeypatch.setattr(os, "chown", watched_chown)
    monkeypatch.setattr(os, "fchown", watched_fchown)
    private.hand_over(folder, NOBODY, NOBODY)
    assert len(handed) == 4
    monkeypatch.undo()
    done_as(NOBODY, "os.rename(sys.argv[1] + '/data', sys.argv[1] + '/other')", str(folder))


def test_what_was_handed_over_is_not_touched_again(shared: Path, secret: Path) -> None:
    """Its owner may have put anything in it, such as another name of a file that is not his."""
    need("root")
    folder = server_folder(shared)
    private.hand_over(folder, NOBODY, NOBODY)
    os.link(secret / "file", folder / "data/other")
    private.hand_over(folder, NOBODY, NOBODY)
    assert whole(secret)


def test_links_are_handed_over_as_links(shared: Path, secret: Path) -> None:
    """What they lead to stays whose it is."""
    need("root")
    folder = server_folder(shared)
    (folder / "data/link").symlink_to(secret / "file")
    (folder / "link").symlink_to(secret)
    private.hand_over(folder, NOBODY, NOBODY)
    assert whole(secret)
    assert secret.stat().st_uid == 0


def test_the_folder_above_stays_ours(shared: Path) -> None:
    """The server's user passes through it, sees nothing of it, and changes nothing; others do not even pass."""
    need("root")
    folder = server_folder(shared)
    (folder.parent / "server.log").touch(mode=0o600)
    private.hand_over(folder, NOBODY, NOBODY)
    done_as(NOBODY, "assert os.listdir(sys.argv[1]) == ['data']", str(folder))
    for code in ("os.listdir(above)", "os.unlink(above + '/server.log')", "os.mkdir(above + '/new')"):
        with pytest.raises(AssertionError):
            done_as(NOBODY, f"above = os.path.dirname(sys.argv[1])\n{code}", str(folder))
    with pytest.raises(AssertionError):
        done_as(2, "os.stat(sys.argv[1])", str(folder))


def test_a_copy_is_the_same_and_private(tmp_path: Path) -> None:
    """With all that is in it."""
    folder = server_folder(tmp_path)
    private.copy(folder, tmp_path / "copy")
    assert (tmp_path / "copy/data/file").read_text() == "data"
    for path, mode in (("copy", 0o700), ("copy/data", 0o700), ("copy/data/file", 0o600)):
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == mode


@pytest.mark.parametrize("what", ["link", "link to a folder", "pipe", "file of another"])
def test_nothing_else_is_copied(what: str, shared: Path, secret: Path) -> None:
    """Of another user's folder, only his own files are; he may change it while it is copied."""
    need("root")
    folder = server_folder(shared)
    private.hand_over(folder, NOBODY, NOBODY)
    path = folder / "data/planted"
    if what == "pipe":
        os.mkfifo(path)
        os.chown(path, NOBODY, NOBODY)
    elif what == "file of another":
        os.link(secret / "file", path)
    else:
        path.symlink_to(secret if "folder" in what else secret / "file")
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(OSError):  # noqa: PT011  # a link cannot be opened at all
        private.copy(folder, shared / "copy", of=NOBODY)
    assert not any("only ours" in p.read_text() for p in (shared / "copy").rglob("*") if p.is_file())
    private.remove(shared / "copy")


def test_a_new_file_follows_no_link_and_replaces_none(tmp_path: Path, secret: Path) -> None:
    """Whoever was there first is told of."""
    path = tmp_path / "note"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        private.create(path)
    private.write_private(path, "text", replace=True)
    assert not (tmp_path / "elsewhere").exists()
    assert (path.read_text(), stat.S_IMODE(path.lstat().st_mode)) == ("text", 0o600)
    assert whole(secret)
