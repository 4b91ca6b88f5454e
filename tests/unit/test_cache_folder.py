"""The folder of what one run keeps for the next, and the one that serves where nothing can be kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from test_framework import cache_folder, owner
from test_framework.config import load
from test_framework.contracts import Context
from test_framework.e2e.waiting import wait_until
from test_framework.memo import Memo
from test_framework.supervisor.guard import Guard
from tests.support.strangers import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def said() -> list[str]:
    """Return what the run has been told."""
    return []


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a home of the test's."""
    return {"HOME": str(tmp_path / "home")}


@pytest.fixture
def context(tmp_path: Path, env: dict[str, str], said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """Return what a provider may use; the temporary folder is the test's."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    guard = Guard()
    yield Context(load(tmp_path, {}), env, owner.MARK, Memo(), guard, said.append)
    guard.close()


def test_it_is_below_the_home(context: Context, tmp_path: Path, said: list[str]) -> None:
    """It is made where it is missing, for this user alone."""
    folder = cache_folder.usable(context)
    assert folder == tmp_path / "home/.cache/test-framework"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert said == []


@pytest.mark.parametrize("given", ["there", "relative", ""])
def test_xdg_cache_home_comes_first(tmp_path: Path, env: dict[str, str], given: str) -> None:
    """A relative one is ignored, as its specification says: it would be another folder in each place."""
    value = str(tmp_path / given) if given == "there" else given
    folder = cache_folder.lasting(env | {"XDG_CACHE_HOME": value})
    assert folder == tmp_path / ("there" if given == "there" else "home/.cache") / "test-framework"


@pytest.mark.parametrize("how", ["a file", "a link", "read-only", "another user's"])
def test_without_one_of_ours_this_process_has_one(
    context: Context, env: dict[str, str], tmp_path: Path, said: list[str], how: str
) -> None:
    """What is kept serves until the servers end; the run is told once, with the reason."""
    cache = tmp_path / "home/.cache/test-framework"
    cache.parent.mkdir(parents=True)
    if how == "a file":
        cache.touch()
    elif how == "a link":
        cache.symlink_to(tmp_path)
    elif how == "read-only":
        # Nobody may make anything there, root neither.
        env["HOME"] = "/proc/1"
    elif os.geteuid():
        pytest.skip("only root can make a folder of another user's")
    else:
        cache.mkdir()
        os.chown(cache, NOBODY, NOBODY)
    folder = cache_folder.usable(context)
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cache_folder.usable(context) == folder
    (told,) = said
    assert told.startswith("nothing can be kept for the next run: ")
    assert str(folder) in told


@pytest.mark.needs("root")
def test_a_user_without_a_home() -> None:
    """The user id that `docker run --user` is given may have neither a name nor a home."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.setuid(54321)
            cache_folder.lasting({})
        except OSError as error:
            status = 0 if "no home folder" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_the_one_of_a_process_goes_with_it(context: Context, env: dict[str, str]) -> None:
    """Nothing of it stays, whatever is in it."""
    env["HOME"] = "/proc/1"
    folder = cache_folder.usable(context)
    (folder / "kept").mkdir()
    context.guard.close()  # type: ignore[attr-defined]  # of the guard, which a provider does not end
    wait_until(lambda: not folder.exists(), "the folder is removed")
