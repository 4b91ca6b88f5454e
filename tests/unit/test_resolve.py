"""Providers in order: unavailable goes on, broken ends it, and nothing is tried that is switched off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest

from test_framework.providers._external import ExternalServer
from test_framework.resolution import Code, Endpoint, Kind, Reason, Refused, Resolution
from test_framework.resolve import try_providers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from test_framework.contracts import Server

ORDER = ("explicit", "docker", "embedded", "staging")
UNAVAILABLE = Reason.of(Code.SOCKET_MISSING, host="unix:///nope.sock", source="DOCKER_HOST")
BROKEN = Reason.of(Code.LOGIN_FAILED, host="h", port=5432, error="no", source="X")


class Providers:
    """Answers for each provider: a reason, an exception, or else a server; remembers who was asked."""

    def __init__(self, **answers: Reason | Exception) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, provider: str) -> Server:
        """Return the server of a provider, or say why not."""
        self.asked.append(provider)
        match self.answers.get(provider):
            case Reason() as reason:
                raise Refused(reason, f"log of {provider}")
            case Exception() as error:
                raise error
        return cast("Server", ExternalServer(Endpoint("postgres", provider, "postgresql://h", "17.2")))


def resolved(
    obtain: Callable[[str], Server], order: tuple[str, ...] = ORDER, disabled: Mapping[str, str] | None = None
) -> Resolution:
    """Resolve Postgres, and check that a server comes along exactly when there is an endpoint."""
    resolution, server = try_providers("postgres", order, "--providers", disabled or {}, obtain)
    assert (server.endpoint if server else None) == resolution.endpoint
    return resolution


def codes(resolution: Resolution) -> list[tuple[str, str | None]]:
    """Return the provider and the code of each attempt."""
    return [(a.provider, a.reason.code if a.reason else None) for a in resolution.attempts]


def test_the_first_provider_that_has_it_gives_it() -> None:
    """The ones after it are neither asked nor told."""
    providers = Providers()
    resolution = resolved(providers)
    assert providers.asked == ["explicit"]
    assert codes(resolution) == [("explicit", None)]
    assert resolution.endpoint == Endpoint("postgres", "explicit", "postgresql://h", "17.2")


@pytest.mark.parametrize("order", [ORDER, ("staging", "docker"), ("embedded",)])
def test_the_order_is_the_one_given(order: tuple[str, ...]) -> None:
    """Each is asked once, in that order, when every one is unavailable."""
    providers = Providers(**dict.fromkeys(ORDER, UNAVAILABLE))
    resolved(providers, order)
    assert providers.asked == list(order)


def test_unavailable_goes_on_to_the_next() -> None:
    """The attempt is kept with its reason, and the next provider gives the service."""
    resolution = resolved(Providers(explicit=UNAVAILABLE, docker=UNAVAILABLE))
    assert codes(resolution) == [("explicit", "socket-missing"), ("docker", "socket-missing"), ("embedded", None)]
    assert resolution.attempts[0].log == "log of explicit"
    assert resolution.broken is None
    assert resolution.reason is None


def test_broken_ends_it() -> None:
    """No other provider is asked, although one would have had it."""
    providers = Providers(explicit=UNAVAILABLE, docker=BROKEN)
    resolution = resolved(providers)
    assert providers.asked == ["explicit", "docker"]
    assert codes(resolution) == [("explicit", "socket-missing"), ("docker", "login-failed")]
    assert resolution.endpoint is None
    assert resolution.reason is BROKEN
    assert resolution.broken is not None
    assert resolution.broken.log == "log of docker"


def test_a_provider_that_is_switched_off_is_not_asked() -> None:
    """It is told in its place, with what switched it off."""
    providers = Providers(explicit=UNAVAILABLE)
    resolution = resolved(providers, disabled={"docker": "--no-docker"})
    assert providers.asked == ["explicit", "embedded"]
    assert codes(resolution)[1] == ("docker", "provider-disabled")
    reason = resolution.attempts[1].reason
    assert reason is not None
    assert "--no-docker" in reason.message


def test_providers_outside_of_the_order_are_named_when_nothing_was_found() -> None:
    """One of them may be the way out: each is told with what left it out."""
    resolution = resolved(Providers(docker=UNAVAILABLE), ("docker",), {"staging": "--environment"})
    told = {a.provider: a.reason.message for a in resolution.attempts if a.reason}
    assert list(told) == ["docker", "embedded", "explicit", "staging"]
    assert "--providers" in told["embedded"]
    assert "--environment" in told["staging"]
    assert resolution.reason is UNAVAILABLE


@pytest.mark.parametrize("providers", [Providers(), Providers(docker=BROKEN)])
def test_providers_outside_of_the_order_are_not_named_otherwise(providers: Providers) -> None:
    """With a service, or with something to mend, they would only distract."""
    assert [provider for provider, _ in codes(resolved(providers, ("docker",)))] == ["docker"]


def test_an_empty_order_names_all() -> None:
    """Nothing is asked, and every provider is told."""
    providers = Providers()
    resolution = resolved(providers, ())
    assert providers.asked == []
    assert {code for _, code in codes(resolution)} == {"provider-disabled"}
    assert {provider for provider, _ in codes(resolution)} == set(ORDER)


def test_a_fault_of_ours_is_broken(caplog: pytest.LogCaptureFixture) -> None:
    """An exception that nobody expected fails the test with its cause, and ends the search; our log has where."""
    providers = Providers(docker=ZeroDivisionError("by password=hunter2"))
    resolution = resolved(providers, ("docker", "embedded"))
    assert providers.asked == ["docker"]
    assert resolution.reason is not None
    assert (resolution.reason.code, resolution.reason.kind) == (Code.INTERNAL_ERROR, Kind.BROKEN)
    assert "postgres on docker failed with an unexpected error" in resolution.reason.message
    assert "ZeroDivisionError" in resolution.reason.message
    assert resolution.attempts[0].log == ""
    assert "Traceback (most recent call last)" in caplog.text
    assert "test_resolve.py" in caplog.text
    assert "hunter2" not in caplog.text + resolution.reason.message


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_not_an_answer(error: type[BaseException]) -> None:
    """A person who stops the run stops it."""

    def interrupted(_: str) -> Server:
        raise error

    with pytest.raises(error):
        resolved(interrupted)


def test_each_attempt_says_how_long_it_took() -> None:
    """Seconds are there for those asked, and none passed for those that were not."""
    begin = time.monotonic()
    resolution = resolved(Providers(explicit=UNAVAILABLE), disabled={"docker": "x"})
    passed = time.monotonic() - begin
    explicit, docker, embedded = resolution.attempts
    assert docker.seconds == 0
    assert min(explicit.seconds, embedded.seconds) > 0
    assert explicit.seconds + embedded.seconds <= passed
