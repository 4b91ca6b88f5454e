"""What the environment says to Docker's own programs: logins for registries, and variables of testcontainers."""

from __future__ import annotations

import base64
import json
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.providers.docker.logins import NoLogin, login_for, sources
from test_framework.providers.docker.variables import check
from test_framework.reasons import Code
from test_framework.resolution import Refused
from test_framework.supervisor.guard import Guard

if TYPE_CHECKING:
    from pathlib import Path

HUB = "https://index.docker.io/v1/"


def in_base64(text: str) -> str:
    """Return how a configuration holds a login."""
    return base64.b64encode(text.encode()).decode()


def configured(folder: Path, config: Any) -> dict[str, str]:
    """Write the CLI's file; return the environment that names it."""
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"}


def helper(folder: Path, name: str, script: str) -> None:
    """Install a credential helper."""
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def login(registry: str, env: dict[str, str], home: Path) -> dict[str, Any]:
    """Return the login for a registry."""
    with closing(Guard()) as guard:
        return login_for(registry, sources(env, home), env, guard)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("{", "not JSON"),
        ([], "no JSON object"),
        ({"auths": ["a"]}, "auths is no JSON object"),
        ({"auths": {"r": "x"}}, "auths of r is no JSON object"),
        ({"auths": {"r": {"auth": 7}}}, "auth of r"),
        ({"auths": {"r": {"auth": "*"}}}, "auth of r is not"),
        ({"auths": {"r": {"auth": in_base64("nocolon")}}}, "auth of r is not user:password"),
        ({"credsStore": 7}, "credsStore"),
        ({"credHelpers": {"r": 7}}, "credHelpers"),
        ({"proxies": 7}, "proxies is no JSON object"),
        ({"proxies": {"default": 7}}, "proxies of default"),
    ],
)
def test_configuration_that_cannot_be_used(tmp_path: Path, config: Any, told: str) -> None:
    """Each way is told with the file's path, or with the variable's name; what it holds is not repeated."""
    env = configured(tmp_path, config)
    for place, named in ((env, str(tmp_path / "config.json")), ({}, "DOCKER_AUTH_CONFIG")):
        if not place:
            place = {"DOCKER_AUTH_CONFIG": (tmp_path / "config.json").read_text()}  # noqa: PLW2901
        with pytest.raises(Refused) as caught:
            check({**place, "HOME": "/nonexistent"})
        assert caught.value.reason.code is Code.BAD_DOCKER_SETTING
        assert caught.value.reason.message.startswith(f"{named} cannot be used for Docker: ")
        assert told in caught.value.reason.message


@pytest.mark.parametrize(
    "config", ["", "{}", {"auths": None}, {"auths": {"r": {}}}, {"auths": {"r": {"auth": "dTpw"}}}]
)
def test_configuration_that_can(tmp_path: Path, config: Any) -> None:
    """What the CLI itself writes is fine."""
    check(configured(tmp_path, config))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TC_MAX_TRIES", "abc"),
        ("TC_POOLING_INTERVAL", "often"),
        ("TESTCONTAINERS_CONNECTION_MODE", "pigeon"),
        ("TESTCONTAINERS_HOST_OVERRIDE", "http://host"),
        ("TC_HOST", "my host"),
    ],
)
def test_variable_that_cannot_be_used(tmp_path: Path, name: str, value: str) -> None:
    """It is named, with its value."""
    with pytest.raises(Refused) as caught:
        check({"HOME": str(tmp_path), name: value})
    assert caught.value.reason.code is Code.BAD_DOCKER_SETTING
    assert name in caught.value.reason.message
    assert repr(value) in caught.value.reason.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TC_MAX_TRIES", "5"),
        ("TC_POOLING_INTERVAL", "0.5"),
        ("TESTCONTAINERS_CONNECTION_MODE", "bridge_ip"),
        ("TESTCONTAINERS_HOST_OVERRIDE", "host.docker.internal"),
        ("TESTCONTAINERS_HOST_OVERRIDE", ""),
        ("TC_HOST", "fd00::1"),
        ("TESTCONTAINERS_RYUK_DISABLED", "junk"),
    ],
)
def test_variable_that_can(tmp_path: Path, name: str, value: str) -> None:
    """Nothing is said; nor of one that means nothing here."""
    assert check({"HOME": str(tmp_path), name: value}) == []


def test_login_of_a_file(tmp_path: Path) -> None:
    """A registry is known by its name, also where the file has an address; a password may hold colons."""
    auths = {"https://r.example/v2/": {"auth": in_base64("me:a:b")}, HUB: {"identitytoken": "t"}}
    env = configured(tmp_path, {"auths": auths})
    assert login("r.example", env, tmp_path)["password"] == "a:b"
    assert login("docker.io", env, tmp_path) == {"IdentityToken": "t"}
    assert login("other.example", env, tmp_path) == {}


def test_login_of_the_variable_comes_first(tmp_path: Path) -> None:
    """Before that of the file."""
    env = configured(tmp_path, {"auths": {"r.example": {"auth": in_base64("me:file")}}})
    env["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {"r.example": {"auth": in_base64("me:variable")}}})
    assert login("r.example", env, tmp_path)["password"] == "variable"


def test_login_of_a_helper(tmp_path: Path) -> None:
    """It is asked for the registry, by the name that it knows, and one of a registry's own before that of all."""
    env = configured(tmp_path, {"credsStore": "all", "credHelpers": {"r.example": "own"}})
    helper(tmp_path, "all", """printf '{"Username": "me", "Secret": "%s"}' "$(cat)" """)
    helper(tmp_path, "own", """printf '{"Username": "<token>", "Secret": "t"}'""")
    assert login("docker.io", env, tmp_path)["Password"] == HUB
    assert login("r.example", env, tmp_path) == {"ServerAddress": "r.example", "IdentityToken": "t"}


@pytest.mark.parametrize(
    "script", ["echo 'credentials not found in native keychain'; exit 1", """echo '{"Username": "", "Secret": ""}'"""]
)
def test_helper_that_knows_no_login(tmp_path: Path, script: str) -> None:
    """What the file has counts then."""
    env = configured(tmp_path, {"credsStore": "ours", "auths": {"r.example": {"auth": in_base64("me:file")}}})
    helper(tmp_path, "ours", script)
    assert login("r.example", env, tmp_path)["password"] == "file"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo no keyring >&2; exit 1", "fails: no keyring"),
        ("exit 4", "fails: exit 4"),
        ("echo hello", "something that is no login"),
        ("echo '[1]'", "something that is no login"),
        ("""echo '{"Username": "me"}'""", "something that is no login"),
        ("yes", "says more than 64 KiB"),
    ],
)
def test_helper_that_fails(tmp_path: Path, script: str, told: str) -> None:
    """It is named, with the file that names it; what it says in place of a login is not repeated."""
    env = configured(tmp_path, {"credsStore": "ours"})
    helper(tmp_path, "ours", script)
    with pytest.raises(NoLogin, match=told) as caught:
        login("r.example", env, tmp_path)
    assert str(caught.value).startswith(f"docker-credential-ours, which {tmp_path}/config.json names, ")


def test_helper_that_is_not_there(tmp_path: Path) -> None:
    """So is one that is not installed."""
    with pytest.raises(NoLogin, match="is not on the PATH"):
        login("r.example", configured(tmp_path, {"credsStore": "ours"}), tmp_path)
