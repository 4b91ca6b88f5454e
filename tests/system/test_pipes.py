"""A pipe in the place of a file that somebody names is told, and nobody waits for its end."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from test_framework import inputs, net
from test_framework.audit import registry
from test_framework.config import BadSetting, load
from test_framework.health.baseline import read_baseline
from test_framework.health.errors import HealthError
from test_framework.health.history import HealthRun, append, read_history
from test_framework.providers.docker.endpoint import candidates
from test_framework.report import durations, record
from test_framework.resolution import Refused
from test_framework.services._postgres_templates import Templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.timeout(30)

_IS_NONE = "it is not a regular file"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Return a pipe to which nobody writes."""
    path = tmp_path / "pipe.toml"
    os.mkfifo(path)
    return path


def template(path: Path) -> None:
    """Read a template."""
    Templates(path.parent, str, lambda _: None, str, lambda *_: None).get((path.name,), "run", {})


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (inputs.read_bytes, OSError),
        (inputs.refuse_special, OSError),
        (durations.read, OSError),
        (record.read, ValueError),
        (read_baseline, HealthError),
        (read_history, HealthError),
        (registry.load_registry, BadSetting),
        (template, Refused),
    ],
    ids=["bytes", "refused", "durations", "report", "baseline", "history", "registry", "template"],
)
def test_file_that_is_read(pipe: Path, read: Callable[[Path], object], error: type[Exception]) -> None:
    """It is refused as what it is."""
    with pytest.raises(error, match=_IS_NONE):
        read(pipe)


def test_history_that_is_written(pipe: Path) -> None:
    """To add a line to it is refused too: who adds one reads those that are there."""
    with pytest.raises(HealthError, match=_IS_NONE):
        append(pipe, HealthRun("2026-11-30T12:00:00+00:00", 1, 0, 0, 0, 0.1, {}), 1)


def test_settings(tmp_path: Path) -> None:
    """The project's own file."""
    os.mkfifo(tmp_path / "pyproject.toml")
    with pytest.raises(BadSetting, match=rf"pyproject.toml cannot be read: .*{_IS_NONE}"):
        load(tmp_path, {})


@pytest.mark.parametrize("host", ["", "unix:///nope.sock"], ids=["chosen by the file", "chosen by DOCKER_HOST"])
def test_docker_configuration(tmp_path: Path, host: str) -> None:
    """The CLI's own file, also where nothing that is chosen stands in it: the SDK reads it too."""
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(Refused, match=f"{tmp_path}/config.json.*{_IS_NONE}"):
        candidates({"DOCKER_HOST": host, "DOCKER_CONFIG": str(tmp_path)}, tmp_path)


def test_folder_for_a_docker_configuration(tmp_path: Path) -> None:
    """`docker run -v` makes a folder where there is no file, and it holds nobody up."""
    (tmp_path / "config.json").mkdir()
    found = candidates({"DOCKER_HOST": "unix:///nope.sock", "DOCKER_CONFIG": str(tmp_path)}, tmp_path)
    assert [c.host for c in found] == ["unix:///nope.sock"]


def test_authorities_of_staging(pipe: Path) -> None:
    """A pipe that STAGING_CA_BUNDLE names is told."""
    here, there = socket.socketpair()
    with here, there, pytest.raises(Refused, match=_IS_NONE):
        net.secure(here, "staging.example", 443, "STAGING_BACKEND_URL", str(pipe))
