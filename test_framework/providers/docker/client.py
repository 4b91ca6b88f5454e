"""The docker SDK and testcontainers, imported late, pointed at one engine, and kept from changing the process."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from test_framework.deadline import within
from test_framework.providers.docker.endpoint import Candidate
from test_framework.providers.docker.logins import bad_setting
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker
    from requests import PreparedRequest, Response
    from testcontainers.core.config import TestcontainersConfiguration

    from test_framework.providers.docker.probe import Engine

_API_SECONDS = 30
_WHOLE = 2
"""How many times as long a whole answer may take as its first packet."""

_VARIABLES = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH", "DOCKER_CONTEXT")
_NOT_SSH = "unix:///through-ssh"
"""What the SDK is told in place of an ssh address; nothing is opened there, since `reach` replaces its way to it."""


def connect(engine: Engine, env: Mapping[str, str], seconds: int = _API_SECONDS) -> docker.DockerClient:
    """Return an SDK client for the engine. See `open_client`."""
    return open_client(engine.environment(), engine.api_version, env, seconds)


def open_client(
    environment: Mapping[str, str], version: str, env: Mapping[str, str], seconds: int
) -> docker.DockerClient:
    """Return an SDK client for the engine that these variables name.

    Args:
        environment: That of an `Engine`.
        version: Of the engine's API.
        env: The environment for the ssh program.
        seconds: The time for each answer.

    Raises:
        Refused: `sdk-missing`, or `bad-docker-setting` for the CLI's file.
    """
    try:
        import docker
        from docker.utils.config import find_config_file
    except ImportError as error:
        raise Refused(Reason.of(Code.SDK_MISSING, package=error.name or "docker", error=error)) from error
    try:
        client = docker.from_env(**_arguments(environment, version, seconds))
    except (docker.errors.DockerException, ValueError, TypeError, AttributeError, LookupError) as error:
        # It contacts nobody here, and reads a file of the user's.
        found = find_config_file() or "config.json"
        raise bad_setting(str(found), f"{type(error).__name__}: {error}") from error
    reach(client, environment["DOCKER_HOST"], env)
    return client


def options(engine: Engine) -> dict[str, Any]:
    """Return the arguments for an SDK client of testcontainers, which `reach` then leads to the engine."""
    return _arguments(engine.environment(), engine.api_version, _API_SECONDS)


def _arguments(environment: Mapping[str, str], version: str, seconds: int) -> dict[str, Any]:
    ssh = environment["DOCKER_HOST"].startswith("ssh://")
    # With a version it does not ask the engine for it once more.
    return {
        "environment": {**environment, **({"DOCKER_HOST": _NOT_SSH} if ssh else {})},
        "version": version,
        "timeout": seconds,
    }


def reach(client: docker.DockerClient, host: str, env: Mapping[str, str]) -> None:
    """Lead an SDK client to the engine at `host`, in our way where that is ssh, and let it trust nobody else.

    `REQUESTS_CA_BUNDLE` and the like, which are for the web, would replace the engine's own authority.
    """
    client.api.trust_env = False
    _bound(client)
    if host.startswith("ssh://"):
        from test_framework.providers.docker.ssh_adapter import SSHAdapter

        candidate = Candidate("DOCKER_HOST", host, None)
        client.api.mount("http+docker://", SSHAdapter(candidate, env, client.api.timeout))


def _bound(client: docker.DockerClient) -> None:
    """Let each answer end in time as a whole: the SDK's own timeout is for each packet of it.

    What waits for a container's end, without a timeout, still does. A stream, such as the progress of a pull, has begun
    in time; whoever reads it sees to the rest.
    """
    send = client.api.send

    def sent(request: PreparedRequest, **how: Any) -> Response:
        seconds = how.get("timeout")
        if not isinstance(seconds, (int, float)):
            return send(request, **how)
        what = f"the engine, to {request.method} {request.path_url.partition('?')[0]},"
        return within(_WHOLE * seconds, what, lambda: send(request, **how))

    client.api.send = sent  # type: ignore[method-assign]  # testcontainers makes clients too, of no class of ours


class _Pointed:
    """Which engine testcontainers makes containers on, for how many threads, and how to put back what was before."""

    def __init__(self) -> None:
        self.free = threading.Condition()
        self.engine: Engine | None = None
        self.threads = 0
        self.before = ExitStack()


_pointed = _Pointed()


@contextmanager
def pointed_at(engine: Engine) -> Iterator[None]:
    """Let testcontainers make containers on `engine`, without its own reaper, for the length of the block.

    testcontainers looks up the engine by itself, writes `DOCKER_HOST` into the environment, puts a prefix before
    the image's name, which `images.name_of` has already done, and starts its privileged reaper by a global switch.
    All of it is put back as it was. Threads that mean the same engine are in such a block side by side; who means
    another one waits.

    Raises:
        Refused: `sdk-missing`, or `bad-docker-setting` for testcontainers' own file.
    """
    try:
        from testcontainers.core.config import testcontainers_config as config
    except ImportError as error:
        raise Refused(Reason.of(Code.SDK_MISSING, package="testcontainers", error=error)) from error
    except (ValueError, OSError, RuntimeError) as error:
        # It reads it as it is imported; the variables are known to be right by now.
        raise bad_setting("~/.testcontainers.properties", error) from error
    with _pointed.free:
        _pointed.free.wait_for(lambda: _pointed.engine in (None, engine))
        if _pointed.engine is None:
            _point(engine, config, _pointed.before)
        _pointed.engine = engine
        _pointed.threads += 1
    try:
        yield
    finally:
        with _pointed.free:
            _pointed.threads -= 1
            if not _pointed.threads:
                _pointed.before.close()
                _pointed.engine = None
                _pointed.free.notify_all()


def _point(engine: Engine, config: TestcontainersConfiguration, before: ExitStack) -> None:
    """Change the environment and the configuration, and note what they were."""
    for name in _VARIABLES:
        before.callback(_restore, name, os.environ.pop(name, None))
    os.environ.update(engine.environment())
    for name, value in {
        "ryuk_disabled": True,
        "hub_image_name_prefix": "",
        # It would log in at each start, at registries that may be away while the image is here.
        "_docker_auth_config": None,
        "tc_properties": {name: value for name, value in config.tc_properties.items() if name != "tc.host"},
    }.items():
        before.callback(setattr, config, name, getattr(config, name))
        setattr(config, name, value)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
