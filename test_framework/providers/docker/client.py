"""The docker SDK and testcontainers, imported late, pointed at one engine, and kept from changing the process."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from test_framework.reasons import Code
from test_framework.verdict import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

    from test_framework.providers.docker.probe import Engine

__all__ = ["connect", "options", "pointed_at", "trust_only_engine"]

_API_SECONDS = 30
_VARIABLES = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH", "DOCKER_CONTEXT")
_lock = threading.Lock()


def connect(engine: Engine) -> docker.DockerClient:
    """Return an SDK client for the engine; raises `Refused` with `sdk-missing`."""
    ssh = engine.candidate.host.startswith("ssh://")
    try:
        import docker

        if ssh:
            # The SDK wants it even when it is told to use the ssh program.
            import paramiko  # noqa: F401
    except ImportError as error:
        raise Refused(Reason.of(Code.SDK_MISSING, package=error.name or "docker", error=error)) from error
    client = docker.from_env(use_ssh_client=ssh, **options(engine))
    trust_only_engine(client)
    return client


def options(engine: Engine) -> dict[str, Any]:
    """Return the arguments with which the SDK reaches the engine, without asking for its version once more."""
    return {"environment": engine.environment(), "version": engine.api_version, "timeout": _API_SECONDS}


def trust_only_engine(client: docker.DockerClient) -> None:
    """Keep `REQUESTS_CA_BUNDLE` and the like, which are for the web, from replacing the engine's own authority."""
    client.api.trust_env = False


@contextmanager
def pointed_at(engine: Engine) -> Iterator[None]:
    """Let testcontainers make containers on `engine`, without its own reaper, for the length of the block.

    testcontainers looks up the engine by itself, writes `DOCKER_HOST` into the environment, puts a prefix before
    the image's name, which `images.name_of` has already done, and starts its privileged reaper by a global switch.
    All of it is put back as it was.

    Raises:
        Refused: `sdk-missing`.
    """
    try:
        from testcontainers.core.config import testcontainers_config as config
    except ImportError as error:
        raise Refused(Reason.of(Code.SDK_MISSING, package="testcontainers", error=error)) from error
    with _lock:
        saved = {name: os.environ.get(name) for name in _VARIABLES}
        reaper, properties, prefix = config.ryuk_disabled, config.tc_properties, config.hub_image_name_prefix
        try:
            for name in _VARIABLES:
                os.environ.pop(name, None)
            os.environ.update(engine.environment())
            config.ryuk_disabled, config.hub_image_name_prefix = True, ""
            config.tc_properties = {name: value for name, value in properties.items() if name != "tc.host"}
            yield
        finally:
            config.ryuk_disabled, config.tc_properties, config.hub_image_name_prefix = reaper, properties, prefix
            for name, value in saved.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
