"""The fixture `isolated_env`: environment and working directory are afterwards as they were before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Project

TESTS = r"""
import os, shutil, subprocess, pytest

def state():
    variables = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    seen = subprocess.run(["printenv", "BEFORE"], capture_output=True, env=None).stdout
    return variables, seen, os.stat(".").st_ino

@pytest.fixture(autouse=True)
def folder(tmp_path):
    start = os.getcwd()
    (tmp_path / "here").mkdir()
    os.chdir(tmp_path / "here")
    os.environ["BEFORE"] = "b\udcff"
    before = state()
    yield tmp_path
    assert state() == before, "CHANGED"
    os.chdir(start)

def change(env):
    assert env is os.environ
    env["BEFORE"] = "changed"
    env["NEW"] = "new"
    del env["HOME"]
    os.chdir("/")

@pytest.fixture
def broken(isolated_env):
    change(isolated_env)
    raise ValueError("broken")

@pytest.fixture
def breaks(isolated_env):
    yield
    change(isolated_env)
    raise ValueError("breaks")

def test_passes(isolated_env):
    change(isolated_env)

def test_fails(isolated_env):
    change(isolated_env)
    assert 0

def test_skips(isolated_env):
    change(isolated_env)
    pytest.skip("now")

def test_clears(isolated_env):
    isolated_env.clear()

def test_broken(broken): pass

def test_breaks(breaks): pass

def test_renames_its_folder(isolated_env, folder):
    os.rename(folder / "here", folder / "there")
    os.chdir("/")

def test_removes_its_folder(isolated_env, folder):
    shutil.rmtree(folder / "here")
    os.chdir("/")

def test_puts_another_in_its_place(isolated_env, folder):
    os.rename(folder / "here", folder / "there")
    (folder / "here").mkdir()
"""


def test_everything_is_put_back(project: Project) -> None:
    """After a pass, a failure, a skip and an error, also when the test has moved or removed the folder it was in."""
    project.write("tests/unit/test_it.py", TESTS)
    result = project.run("--tier", "unit")
    assert "CHANGED" not in result.stdout.str()
    outcomes = {t["nodeid"].rpartition("test_")[2]: t["outcome"] for t in project.report()["tests"]}
    assert outcomes == {
        "passes": "passed",
        "fails": "failed",
        "skips": "skipped",
        "clears": "passed",
        "broken": "error",
        "breaks": "error",
        "renames_its_folder": "passed",
        "removes_its_folder": "passed",
        "puts_another_in_its_place": "passed",
    }
