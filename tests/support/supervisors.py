"""A supervisor in this process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.supervisor.core import Supervisor
from test_framework.supervisor.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["supervisor"]


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """Return a supervisor of this process; what it holds ends with the test."""
    guard = Guard()
    folder, cleanup_key = guard.make_folder("test-framework-", Path(tempfile.gettempdir()))
    supervisor = Supervisor(folder, guard)
    yield supervisor
    supervisor.close()
    shutil.rmtree(folder, ignore_errors=True)
    guard.drop(cleanup_key)
    guard.close()
