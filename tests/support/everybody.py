"""A Python for other users."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import need

__all__ = ["python_of_everybody"]


def python_of_everybody(**user: Any) -> tuple[str, str]:
    """Return a Python of our version that a user may run, and the folders in which it finds what we have.

    Args:
        user: For `subprocess`.
    """
    need("root")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        path = os.pathsep.join(entry for entry in sys.path if entry.endswith("site-packages"))
        path = os.pathsep.join([str(Path(__file__).parents[2]), path])
        with suppress(OSError, subprocess.SubprocessError):
            command = [python, "-c", "import test_framework.cli, pytest, psycopg"]
            env = {"PYTHONPATH": path}
            subprocess.run(command, check=True, capture_output=True, env=env, cwd="/", **user)
            return python, path
    pytest.skip(f"that user may run no {version} with our packages: this one is {Path(sys.executable).resolve()}")
