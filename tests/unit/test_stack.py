"""The stack as far as it needs no engine: its file of variables, the compose command, what an engine's words mean."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from test_framework.config import load
from test_framework.stack import Stack, StackError, command
from test_framework.stack.engine import StackResource
from test_framework.stack.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture
def variables(tmp_path: Path) -> Variables:
    """Return the file of a project, not yet written."""
    return Variables("some", {"XDG_STATE_HOME": str(tmp_path)}, tmp_path / "compose.yaml")


def test_only_its_owner_reads_the_variables(variables: Variables) -> None:
    """The file and its folder are closed to everybody else, and the file is gone after `remove`."""
    variables.write({"POSTGRES_PASSWORD": "hunter2"})
    assert variables.path.stat().st_mode & 0o777 == 0o600
    assert variables.path.parent.stat().st_mode & 0o777 == 0o700
    assert variables.read() == {"POSTGRES_PASSWORD": "hunter2"}
    variables.remove()
    assert variables.read() == {}


def test_secrets_are_new_for_each_stack_and_stay(variables: Variables) -> None:
    """Without a file they differ each time; once written they are those of the file."""
    first, second = variables.secrets(), variables.secrets()
    assert all(first[name] != second[name] for name in first)
    variables.write(first)
    assert variables.secrets() == first


def test_the_compose_file_names_its_secrets(tmp_path: Path) -> None:
    """A variable in it that has the name of a secret gets a random one, unless it is set; any other is left alone."""
    text = "key: ${APP_SECRET_KEY:-}\nport: ${APP_PORT:-80}\ntoken: ${APP_TOKEN:?}\nmine: ${APP_PASSWORD}\n"
    (tmp_path / "compose.yaml").write_text(text)
    env = {"XDG_STATE_HOME": str(tmp_path), "APP_PASSWORD": "mine"}
    found = Variables("some", env, tmp_path / "compose.yaml").secrets()
    assert found.keys() == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "CLICKHOUSE_PASSWORD", "APP_SECRET_KEY", "APP_TOKEN"}


@pytest.mark.parametrize(
    ("url_format", "address", "url"),
    [
        ("x://{host}:{port}/{{a}}", "127.0.0.1:5", "x://127.0.0.1:5/{a}"),
        ("x://{password}@{host}:{port}", "127.0.0.1:5", ""),
        ("x://{host}:{port}", "", ""),
    ],
)
def test_a_service_of_the_project_s_own_is_found(tmp_path: Path, url_format: str, address: str, url: str) -> None:
    """By its table, where the stack has a service of that name; its password only the compose file knows."""
    table = f"[tool.test_framework.services.shop]\nurl_format = '{url_format}'\ncommand = ['shopd']\n"
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    stack = Stack(load(tmp_path, {}), {"XDG_STATE_HOME": str(tmp_path)}, print)
    assert stack._url(StackResource("shop", "healthy", "shop:1", address), {}) == url
    assert stack._url(StackResource("other", "healthy", "other:1", address), {}) == ""


def test_a_state_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the folder and the variable."""
    (tmp_path / "test-framework").write_text("a file")
    with pytest.raises(StackError, match=r"test-framework cannot be written.* XDG_STATE_HOME"):
        Variables("some", {"XDG_STATE_HOME": str(tmp_path)}, tmp_path / "compose.yaml").write({})


@pytest.mark.parametrize("name", ["../etc", "Upper", "-x", "a b"])
def test_a_project_name_that_compose_refuses(name: str, tmp_path: Path) -> None:
    """The error names the value and the variable."""
    with pytest.raises(StackError, match="COMPOSE_PROJECT_NAME"):
        Stack(load(tmp_path, {}), {"COMPOSE_PROJECT_NAME": name}, print)


@pytest.mark.parametrize(
    ("state", "status", "meaning"),
    [
        ("running", "Up 5 seconds (healthy)", "healthy"),
        ("running", "Up 1 second (health: starting)", "starting"),
        ("running", "Up 2 minutes (unhealthy)", "unhealthy"),
        ("running", "Up 2 minutes", "running"),
        ("exited", "Exited (1) 3 seconds ago", "exited"),
    ],
)
def test_what_an_engine_says_of_a_container(state: str, status: str, meaning: str) -> None:
    """Its health where it has one, else its state."""
    told = {
        "State": state,
        "Status": status,
        "Image": "redis:8",
        "Labels": {"com.docker.compose.service": "redis"},
        "Ports": [{"PrivatePort": 6379}, {"IP": "127.0.0.1", "PublicPort": 16379}],
    }
    assert StackResource.of(told) == StackResource("redis", meaning, "redis:8", "127.0.0.1:16379")


@pytest.fixture
def program(tmp_path: Path) -> Mapping[str, str]:
    """Return an environment whose PATH has nothing but what a test writes there."""
    return {"PATH": str(tmp_path)}


def write(env: Mapping[str, str], tmp_path: Path, name: str, script: str) -> None:
    """Write a program into the PATH."""
    assert env["PATH"] == str(tmp_path)
    (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / name).chmod(0o755)


def test_no_compose_command(program: Mapping[str, str]) -> None:
    """The error says what to install."""
    with pytest.raises(StackError, match="neither docker compose nor docker-compose is here"):
        command.find(program)


def test_a_docker_command_without_the_plugin(program: Mapping[str, str], tmp_path: Path) -> None:
    """Then the compose command of its own is taken, if it is new enough."""
    write(program, tmp_path, "docker", "echo 'docker: unknown command: docker compose' >&2; exit 1")
    write(program, tmp_path, "docker-compose", "echo v2.26.1")
    assert command.find(program) == ("docker-compose",)


def test_a_compose_command_that_is_too_old(program: Mapping[str, str], tmp_path: Path) -> None:
    """The first version knows neither the file nor the options."""
    write(program, tmp_path, "docker-compose", "echo 1.29.2")
    with pytest.raises(StackError, match=r"docker-compose 1\.29\.2 is too old"):
        command.find(program)


def test_a_command_is_ended_with_its_children() -> None:
    """A child that holds the output open does not make the bound longer."""
    begin = time.monotonic()
    ended = command.run(["sh", "-c", "sleep 60 & sleep 60"], {"PATH": "/usr/bin:/bin"}, 0.2, print)
    assert ended == (1, "not done within 0.2 s")
    assert time.monotonic() - begin < 30


def test_lines_come_without_secrets() -> None:
    """What is said, and the last line that comes back, have no password."""
    said: list[str] = []
    script = "echo first; echo redis://:hunter2@host/0 >&2; exit 3"
    status, last = command.run(["sh", "-c", script], {"PATH": "/usr/bin:/bin"}, 20, said.append)
    assert (status, last) == (3, "redis://:***@host/0")
    assert said == ["first", last]
