"""A pipe in the place of a file that somebody names is told, and nobody waits for its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Project

_SECONDS = 60
_IS_NONE = "it is no regular file"
_WORKFLOW = "[tool.test_framework.tiers.unit]\n"


def command(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project, within a bound."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=project.path,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def pipe(project: Project, name: str) -> Path:
    """Make a pipe to which nobody writes."""
    path = project.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pyproject.toml", ("test_framework", "doctor")),
        ("tests/durations.json", ("test_framework", "report", "durations", "reports/unit.json")),
        ("tests/durations.json", ("pytest", "-p", "test_framework.plugin", "--tier", "unit", "--shard", "1/2")),
        ("tests/health.json", ("test_framework", "health", "check")),
        ("reports/unit.json", ("test_framework", "report", "merge", "reports/unit.json")),
        ("names.toml", ("test_framework", "imports", "fix", "--registry", "names.toml")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[1],
)
def test_file_of_a_command(project: Project, name: str, words: tuple[str, ...]) -> None:
    """The command ends with an error that names the pipe."""
    project.write("tests/unit/test_one.py", "def test_one():\n    assert 1 + 1 == 2\n")
    command(project, "pytest", "-p", "test_framework.plugin", "--tier", "unit")
    pipe(project, name)
    done = command(project, *words)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert Path(name).name in said
    assert _IS_NONE in said
    assert "Traceback" not in said


def test_history(project: Project) -> None:
    """The history is read by the page, and written by the check."""
    project.write("tests/unit/test_one.py", "def test_one():\n    assert 1 + 1 == 2\n")
    assert command(project, "test_framework", "health", "save").returncode == 0
    pipe(project, "reports/health-history.jsonl")
    for word in ("page", "check"):
        done = command(project, "test_framework", "health", word)
        assert (done.returncode != 0, _IS_NONE in done.stderr) == (True, True), done.stdout + done.stderr


@pytest.mark.parametrize("host", ["", "unix:///nope.sock"], ids=["chosen by the file", "chosen by DOCKER_HOST"])
def test_docker_configuration(project: Project, host: str) -> None:
    """The CLI's own file is told as the reason for which there is no engine."""
    project.env.setenv("DOCKER_CONFIG", str(project.path / "docker"))
    project.env.setenv("DOCKER_HOST", host)
    path = pipe(project, "docker/config.json")
    done = command(project, "test_framework", "doctor")
    assert done.returncode == 0
    assert f"{path}" in done.stdout
    assert _IS_NONE in done.stdout


@pytest.mark.parametrize("name", ["ca.pem", "cert.pem", "key.pem"])
def test_certificates_of_an_engine(project: Project, name: str) -> None:
    """A pipe among the certificates of an engine is told before anybody asks the engine."""
    for each in ("ca.pem", "cert.pem", "key.pem"):
        project.write(f"tls/{each}", "")
    path = pipe(project, f"tls/{name}")
    for variable, value in {
        "DOCKER_HOST": "tcp://127.0.0.1:9",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(path.parent),
    }.items():
        project.env.setenv(variable, value)
    done = command(project, "test_framework", "doctor")
    assert done.returncode == 0, done.stderr


def test_authorities_of_staging(project: Project) -> None:
    """A pipe that STAGING_CA_BUNDLE names is told."""
    import test_framework.net as net  # noqa: PLR0402

    path = pipe(project, "authorities.pem")
    import socket

    from test_framework.verdict import Refused

    here, there = socket.socketpair()
    with here, there, pytest.raises(Refused, match=_IS_NONE):
        net.secure(here, "staging.example", 443, "STAGING_BACKEND_URL", str(path))


def test_template(project: Project) -> None:
    """A pipe for a template fails the test that needs it, with its name."""
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "embedded")
    project.configure('[tool.test_framework.services.postgres]\ntemplate = ["schema.sql"]')
    project.write("tests/unit/test_one.py", "def test_one(postgres_db):\n    assert postgres_db.url\n")
    pipe(project, "schema.sql")
    done = command(project, "pytest", "-p", "test_framework.plugin", "--tier", "unit")
    assert done.returncode != 0
    if "binary-missing" in done.stdout:
        pytest.skip("no Postgres to embed")
    assert f"schema.sql failed: cannot read it: {_IS_NONE}" in done.stdout
