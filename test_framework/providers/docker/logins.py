"""Logins for registries, from where the docker CLI has them: its own file, the environment, and credential helpers.

The SDK reads the same, but from whatever it meets there it raises what Python does, and it waits for a helper for ever.
"""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from test_framework.providers.docker import contexts
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from test_framework.contracts import CleanupRegistry

_HUB = "https://index.docker.io/v1/"
_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")
_TOKEN = "<token>"  # noqa: S105  # by which a helper says that its secret is a token
_HELPER_SECONDS = 10.0


class NoLogin(Exception):
    """A helper that should know a login does not give it; the text names it."""


@dataclass(frozen=True, slots=True)
class LoginSource:
    """One place that holds logins.

    Attributes:
        name: The variable or the file.
        auths: What it says of each registry.
        store: The helper for all registries.
        helpers: The helpers for some.
    """

    name: str
    auths: Mapping[str, Mapping[str, Any]]
    store: str
    helpers: Mapping[str, str]


def sources(env: Mapping[str, str], home: Path) -> list[LoginSource]:
    """Read `DOCKER_AUTH_CONFIG` and the CLI's `config.json`, the first before the second.

    Raises:
        Refused: `bad-docker-setting`, for one that the SDK would fail on.
    """
    found = []
    if text := env.get("DOCKER_AUTH_CONFIG", "").strip():
        found.append(_source("DOCKER_AUTH_CONFIG", text))
    file = contexts.config_folder(env, home) / "config.json"
    try:
        raw = file.read_bytes()
    except OSError:
        # None, or another user's: both the CLI and the SDK go on without.
        raw = b""
    if raw.strip():
        found.append(_source(str(file), raw))
    return found


def _source(name: str, raw: bytes | str) -> LoginSource:
    try:
        config = _table(json.loads(raw), "it")
        auths = {registry: _table(auth, f"auths of {registry}") for registry, auth in _member(config, "auths").items()}
        for registry, auth in auths.items():
            _check_auth(auth, registry)
        for key, proxies in _member(config, "proxies").items():
            _table(proxies, f"proxies of {key}")
        store, helpers = config.get("credsStore") or "", _member(config, "credHelpers")
        if not all(isinstance(helper, str) for helper in (store, *helpers.values())):
            raise _Unusable("credsStore and credHelpers name programs")
    except _Unusable as error:
        raise bad_setting(name, error) from error
    except (ValueError, RecursionError) as error:
        raise bad_setting(name, f"it is not JSON: {error}") from error
    return LoginSource(name, auths, store, helpers)


class _Unusable(Exception):
    """Something is not what the SDK takes it for."""


def _member(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _table(config.get(name) or {}, name)


def _table(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Unusable(f"{what} is no JSON object")
    return value


def _check_auth(auth: Mapping[str, Any], registry: str) -> None:
    if "identitytoken" in auth or "auth" not in auth:
        return
    try:
        _, colon, _ = base64.b64decode(str(auth["auth"]).encode("ascii")).decode().partition(":")
    except ValueError as error:
        raise _Unusable(f"auth of {registry} is not base64") from error
    if not isinstance(auth["auth"], str) or not colon:
        raise _Unusable(f"auth of {registry} is not user:password in base64")


def bad_setting(source: str, error: object) -> Refused:
    """Return the refusal of a variable or a file."""
    return Refused(Reason.of(Code.BAD_DOCKER_SETTING, source=source, error=error))


def login_for(
    registry: str, found: list[LoginSource], env: Mapping[str, str], guard: CleanupRegistry
) -> dict[str, Any]:
    """Return what the SDK sends along with a pull; empty where nobody has a login.

    Args:
        registry: As an image names it, such as `ghcr.io`.
        found: What `sources` gives.
        env: The environment for a helper, which is looked up on its PATH.
        guard: Ends a helper that outlives this process.

    Raises:
        NoLogin: A helper that was asked failed.
    """
    names = _names(registry)
    for source in found:
        helper = next((source.helpers[name] for name in names if name in source.helpers), source.store)
        if helper and (login := _ask(helper, names[0], source.name, env, guard)):
            return login
        for name, auth in source.auths.items():
            if auth and _host(name) in names:
                return _login(auth, name)
    return {}


def _names(registry: str) -> tuple[str, ...]:
    """Return by what a registry is known, as its login is kept first."""
    return (_HUB, *_HUB_NAMES) if registry in _HUB_NAMES else (registry,)


def _host(name: str) -> str:
    return name.partition("://")[2].partition("/")[0] if "://" in name else name.partition("/")[0]


def _login(auth: Mapping[str, Any], registry: str) -> dict[str, Any]:
    if "identitytoken" in auth:
        return {"IdentityToken": auth["identitytoken"]}
    if "auth" in auth:
        user, _, password = base64.b64decode(auth["auth"]).decode().partition(":")
    else:
        user, password = auth.get("username", ""), auth.get("password", "")
    return {"username": user, "password": password, "serveraddress": registry}


def _ask(name: str, registry: str, source: str, env: Mapping[str, str], guard: CleanupRegistry) -> dict[str, Any]:
    """Ask a helper; empty where it knows no login for the registry."""
    from test_framework.providers.docker.program import ask_program

    program = f"docker-credential-{name}"
    told = f"{program}, which {source} names,"
    path = shutil.which(program, path=env.get("PATH"))
    if path is None:
        raise NoLogin(f"{told} is not on the PATH")
    try:
        answer = ask_program([path, "get"], env, _HELPER_SECONDS, registry.encode(), guard)
    except TimeoutError as error:
        raise NoLogin(f"{told} does not end within {_HELPER_SECONDS:g} s") from error
    except OSError as error:
        raise NoLogin(f"{told} cannot be run: {error.strerror}") from error
    except ValueError as error:
        raise NoLogin(f"{told} says {error}") from error
    said = (answer.out or answer.errors).decode(errors="replace").strip()
    if answer.status:
        if "credentials not found" in said:
            return {}
        last = said.splitlines()[-1:] or [f"exit {answer.status}"]
        raise NoLogin(f"{told} fails: {hide_secrets(last[0][:200])}")
    try:
        login = json.loads(answer.out)
        user, secret = str(login["Username"]), str(login["Secret"])
    except (ValueError, RecursionError, TypeError, LookupError) as error:
        # Not what it says, which may be the secret.
        raise NoLogin(f"{told} answers with something that is no login") from error
    if not user and not secret:
        return {}
    if user == _TOKEN:
        return {"ServerAddress": registry, "IdentityToken": secret}
    return {"ServerAddress": registry, "Username": user, "Password": secret}
