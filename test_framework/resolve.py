"""Tries the providers in order: one that is unavailable leads to the next, one that is broken ends it."""

from __future__ import annotations

import logging
import time
import traceback
from typing import TYPE_CHECKING, Protocol, TypeVar

from test_framework.config import BadSetting
from test_framework.config.values import names
from test_framework.reasons import Code
from test_framework.resolution import Attempt, Reason, Refused, Resolution, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from test_framework.resolution import Endpoint

_log = logging.getLogger(__name__)


class Answering(Protocol):
    """What a provider gives: something that answers at an endpoint."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it answers."""


Found = TypeVar("Found", bound=Answering)


def try_providers(
    service: str,
    order: Iterable[str],
    source: str,
    disabled: Mapping[str, str],
    obtain: Callable[[str], Found],
) -> tuple[Resolution, Found | None]:
    """Try the providers in order. Unavailable goes on to the next; broken ends it.

    Args:
        service: The name of the service.
        order: The providers to try.
        source: Where that order came from, to tell why a provider outside of it was not tried.
        disabled: Providers that are switched off, each with what switched it off.
        obtain: Returns the server that a provider gives; raises `Refused`.

    Returns:
        All attempts with the endpoint that came of them, and the server behind it.

    Raises:
        BadSetting: What the settings say of the service cannot be used.
    """
    attempts: list[Attempt] = []
    order = tuple(order)
    for provider in order:
        if provider in disabled:
            attempts.append(Attempt.switched_off(provider, disabled[provider]))
            continue
        at, begin = time.time(), time.monotonic()
        try:
            server = obtain(provider)
        except Refused as refused:
            attempts.append(Attempt(provider, refused.reason, time.monotonic() - begin, refused.log, at))
            if refused.reason.broken:
                break
        except BadSetting:
            raise
        except Exception as error:  # noqa: BLE001  # a fault of ours must fail the test with its cause, not hang it
            # The traceback is for us, and not for the place where the server's own log belongs.
            _log.error("%s on %s:\n%s", service, provider, hide_secrets(traceback.format_exc()))
            fields = {"service": service, "provider": provider, "error": f"{type(error).__name__}: {error}"}
            reason = Reason.of(Code.INTERNAL_ERROR, **fields)
            attempts.append(Attempt(provider, reason, time.monotonic() - begin, at=at))
            break
        else:
            attempts.append(Attempt(provider, None, time.monotonic() - begin, at=at))
            return Resolution(service, server.endpoint, tuple(attempts)), server
    else:
        # Nothing gave the service: a provider that nobody asked for may be the way out, so it is named as well.
        attempts += [Attempt.switched_off(p, disabled.get(p, source)) for p in names("providers") if p not in order]
    return Resolution(service, None, tuple(attempts)), None


def usable_for_dependencies(order: Iterable[str], builds_on: Iterable[str]) -> tuple[str, ...]:
    """Return the providers that what a server depends on may come from, in their order."""
    allowed = tuple(builds_on)
    return tuple(provider for provider in order if provider in allowed)


def dependency_reason(service: str, provider: str, dependency: str, reason: Reason) -> Reason:
    """Return why a provider cannot give a service: that it depends on another one, which has a reason of its own."""
    code = Code.DEPENDENCY_BROKEN if reason.broken else Code.DEPENDENCY_UNAVAILABLE
    error = f"{reason.code}: {reason.message}"
    told = {"dependency": dependency, "error": error, "remedy": reason.remedy}
    return Reason.of(code, service=service, provider=provider, **told)
