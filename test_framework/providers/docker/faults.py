"""Maps what the docker SDK raises to a reason: the engine is gone, it forbids the request, or it is in trouble."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_framework.providers.docker import channel
from test_framework.providers.docker.answers import FORBIDDEN
from test_framework.providers.docker.probe import Engine, ask
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ASK_SECONDS = 1.0


def forbidden(engine: Engine, what: str, error: object) -> Reason:
    """Return the reason for a question that the engine, or a proxy before it, does not allow."""
    return channel.reason(engine.candidate, Code.DOCKER_FORBIDDEN, what=what, error=error)


def engine_gone(engine: Engine, service: str, error: object) -> Reason:
    """Return the reason for an engine that does not answer any more."""
    return channel.reason(engine.candidate, Code.ENGINE_LOST, service=service, error=error)


def engine_lost(engine: Engine, service: str, env: Mapping[str, str]) -> Reason | None:
    """Ask the engine whether it is still there; return the reason where it is not."""
    try:
        ask(engine, "/_ping", _ASK_SECONDS, env)
    except Refused as refused:
        return engine_gone(engine, service, refused.reason)
    return None


def reason_of(error: BaseException, engine: Engine, service: str) -> Reason | None:
    """Return the reason for what the SDK has raised where it lies with the engine; None for what it says of a request.

    Args:
        error: A DockerException or an OSError.
        engine: Who was asked.
        service: What was being started.
    """
    from docker.errors import APIError, DockerException

    if isinstance(error, APIError) and error.response is not None:
        if error.response.status_code not in FORBIDDEN:
            return None
        asked = error.response.request
        what = f"{asked.method} {asked.path_url.partition('?')[0]}"
        return forbidden(engine, what, error.explanation or error.response.reason)
    # Whatever else it raises, it has got no answer, or half of one.
    return engine_gone(engine, service, error) if isinstance(error, (DockerException, OSError)) else None


@contextmanager
def mapping_errors(engine: Engine, service: str) -> Iterator[None]:
    """Raise what the SDK raises in the block as `Refused`: before a container is there, all of it is the engine's."""
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        why = reason_of(error, engine, service)
        text = f"{error.explanation or error}"
        raise Refused(why or channel.reason(engine.candidate, Code.DAEMON_ERROR, error=text)) from error
    except (DockerException, OSError) as error:
        raise Refused(engine_gone(engine, service, error)) from error
