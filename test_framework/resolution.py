"""The plain data that travels through the whole product, and the one place that writes it out.

Nothing here does work: no sockets, no settings, no imports beyond the standard library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from test_framework.reasons import CATALOGUE, Code, Kind
from test_framework.redaction import HIDDEN, KNOWN, hide_in_url, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "HIDDEN",
    "STARTED_BY_US",
    "Attempt",
    "Code",
    "Endpoint",
    "Kind",
    "Reason",
    "Refused",
    "Resolution",
    "Skip",
    "hide_secrets",
    "is_loopback",
    "most_telling",
    "moved",
]


STARTED_BY_US = ("docker", "embedded")
"""The providers that start servers; the others find those of somebody else."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a provider did not give a service.

    Attributes:
        code: One of the closed list in `reasons.Code`.
        message: One line that names the thing: the path, the host, the image.
        remedy: Something to type or to set.
        kind: `unavailable` goes on to the next provider, `broken` fails.
    """

    code: Code
    message: str
    remedy: str
    kind: Kind

    @classmethod
    def of(cls, code: Code, **fields: object) -> Reason:
        """Fill the catalogue's sentences for `code`.

        Args:
            code: Which entry of `reasons.CATALOGUE`.
            fields: Values for the placeholders of the entry.

        Raises:
            KeyError: A placeholder of the entry has no value in `fields`.
        """
        entry = CATALOGUE[code]
        message = _one_line(hide_secrets(entry.message.format(**fields)))
        return cls(code, message, hide_secrets(entry.remedy.format(**fields)), entry.kind)

    @property
    def broken(self) -> bool:
        """Whether this must fail a test, not skip it."""
        return self.kind is Kind.BROKEN

    def to_json(self) -> dict[str, str]:
        """Return the four fields as plain text."""
        # Plain text, not members: execnet carries nothing else between the workers of pytest-xdist.
        return {"code": self.code.value, "kind": self.kind.value, "message": self.message, "remedy": self.remedy}

    @classmethod
    def from_json(cls, data: dict[str, str]) -> Reason:
        """Rebuild what `to_json` wrote; other keys are ignored."""
        return cls(Code(data["code"]), data["message"], data["remedy"], Kind(data["kind"]))

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


class Refused(Exception):
    """A provider, or a service on it, said no.

    Attributes:
        reason: Why.
        log: The end of the server's own log where there is one, for the error that a person reads.
    """

    def __init__(self, reason: Reason, log: str = "") -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.log = hide_secrets(log)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One provider tried for one service, how many seconds it took, and since the epoch when it began, if known."""

    provider: str
    reason: Reason | None
    seconds: float
    log: str = ""
    at: float | None = None

    @classmethod
    def switched_off(cls, provider: str, source: str) -> Attempt:
        """Return the attempt for a provider that was not tried, because of what `source` names."""
        return cls(provider, Reason.of(Code.PROVIDER_DISABLED, provider=provider, source=source), 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return the attempt as the reports and `doctor --json` print it: the reason's fields beside its own."""
        told = self.reason.to_json() if self.reason else {"code": None, "kind": None, "message": None, "remedy": None}
        at = {} if self.at is None else {"at": round(self.at, 3)}
        return {"provider": self.provider, **told, "seconds": round(self.seconds, 4), **at}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Attempt:
        """Rebuild what `to_json` wrote, with the log where it was sent along."""
        reason = Reason.from_json(data) if data["code"] else None
        return cls(data["provider"], reason, data["seconds"], data.get("log", ""), data.get("at"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service can be reached. Its text form hides secrets; `url` does not.

    Its secrets are known from then on, so that nothing that this process prints shows them.

    Attributes:
        shown: A URL without secrets that works as it is, where there is one.
        prefix: How every key and channel must begin, where the login may touch no others.
        password_file: Where this user can read the password, for a client that asks for it beside `shown`.
        remote: The host outside of this machine where somebody else runs it; empty for any other server.
        origin: What a server of ours was started from: an image, or where its program is installed.
    """

    service: str
    provider: str
    url: str
    version: str | None
    note: str = ""
    shown: str = ""
    prefix: str = ""
    password_file: str = ""
    remote: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        # One with a prefix has a login of its own, for one test.
        KNOWN.add_url(self.url, passing=bool(self.prefix))

    @property
    def ours(self) -> bool:
        """Whether we have started the server; somebody else's is left as it was found."""
        return self.provider in STARTED_BY_US

    @property
    def safe_url(self) -> str:
        """The URL with its secrets hidden, or one without secrets that works as it is, where there is one."""
        return self.shown or hide_in_url(self.url)

    @property
    def host(self) -> str:
        """The host for people: the one outside of this machine, else that of the URL, empty for a socket."""
        return self.remote or urlsplit(self.url).hostname or ""

    @property
    def local(self) -> bool:
        """Whether it is ours, or on this machine, where tests may write."""
        return not self.remote

    def at(self, url: str, shown: str = "", prefix: str = "") -> Endpoint:
        """Return this endpoint with another URL on the same server, such as one database of it."""
        return replace(self, url=url, shown=shown or (self.shown if url == self.url else ""), prefix=prefix)

    def to_json(self) -> dict[str, Any]:
        """Return the endpoint with secrets hidden, as it goes into reports."""
        return {"provider": self.provider, "version": self.version, "url": self.safe_url, "note": self.note}

    def __str__(self) -> str:
        version = f" {self.version}" if self.version else ""
        return f"{self.service}{version} on {self.provider} at {self.safe_url}"

    def __repr__(self) -> str:
        return f"<Endpoint {self}>"


def moved(url: str, host: str, port: int) -> str:
    """Return the URL with another host and port, and the same login."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}{host}:{port}"))


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine only: `localhost`, 127.0.0.0/8, `::1`, or nothing (a socket path)."""
    return host in ("", "localhost", "::1") or host.endswith(".localhost") or bool(re.fullmatch(r"127(\.\d+){3}", host))


@dataclass(frozen=True, slots=True)
class Resolution:
    """All attempts for one service, in order, with the endpoint that came of them."""

    service: str
    endpoint: Endpoint | None
    attempts: tuple[Attempt, ...]

    @property
    def broken(self) -> Attempt | None:
        """The attempt that must fail the test, if one does."""
        return next((a for a in self.attempts if a.reason and a.reason.broken), None)

    @property
    def reason(self) -> Reason | None:
        """The one reason to say first when there is no endpoint: the broken one, else the most telling."""
        if self.endpoint:
            return None
        return self.broken.reason if self.broken else most_telling(a.reason for a in self.attempts)

    @property
    def refused(self) -> Refused:
        """Why there is no endpoint, as an error with the log of what broke; to be asked for only then."""
        if self.reason is None:
            raise AssertionError("a resolution has an endpoint or a reason")
        return Refused(self.reason, self.broken.log if self.broken else "")

    def to_json(self) -> dict[str, Any]:
        """Return provider, version and every attempt, as the reports and `doctor --json` print them."""
        return {
            "provider": self.endpoint.provider if self.endpoint else None,
            "version": self.endpoint.version if self.endpoint else None,
            "attempts": [a.to_json() for a in self.attempts],
        }

    def why(self) -> str:
        """Return one line that names each provider and why it was not used."""
        return "; ".join(f"{a.provider}: {a.reason}" for a in self.attempts if a.reason)


def most_telling(reasons: Iterable[Reason | None]) -> Reason | None:
    """Return the first reason of a provider that could have worked, else the first at all.

    One that was switched off or never configured is told only when nothing else is there to tell.
    """
    told = [r for r in reasons if r]
    quiet = (Code.PROVIDER_DISABLED, Code.NOT_CONFIGURED)
    return next((r for r in told if r.code not in quiet), next(iter(told), None))


@dataclass(frozen=True, slots=True)
class Skip:
    """Why one test did not run, with something to do about it."""

    nodeid: str
    code: str
    message: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        """Return the four fields."""
        return {"nodeid": self.nodeid, "code": self.code, "message": self.message, "remedy": self.remedy}
