"""The installers by which the store is filled, each in turn, and a store of a test's own for them to fill."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_framework.store import installer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.package_index import Index

__all__ = ["each_installer", "own_store", "use_pip", "use_uv"]


def own_store(folder: Path, index: Index) -> dict[str, str]:
    """Return the variables by which the store lies in a folder and is filled from this index alone."""
    return {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index.url,
        "UV_DEFAULT_INDEX": index.url,
        "UV_NO_CONFIG": "1",
    }


def use_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have uv fetch."""
    if not shutil.which("uv"):
        pytest.skip("uv is not installed")
    monkeypatch.setattr(installer, "_made_by_uv", lambda: True)


def use_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip fetch: that of this environment, or of the Python from which it was made."""
    for python in dict.fromkeys((sys.executable, getattr(sys, "_base_executable", sys.executable))):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            monkeypatch.setattr(sys, "executable", python)
            monkeypatch.setattr(installer, "find_spec", lambda _: object())
            monkeypatch.setattr(installer, "_uv", lambda _: None)
            return
    pytest.skip("pip is not installed")


@pytest.fixture(params=[use_uv, use_pip], ids=["uv", "pip"])
def each_installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have each installer fetch; return its name."""
    choose: Callable[[pytest.MonkeyPatch], None] = request.param
    choose(monkeypatch)
    return choose.__name__.removeprefix("use_")
