"""What the answers to `GET /_ping` and `GET /version` say of whoever gave them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from test_framework.providers.docker.channel import ASK_FOR_TLS, reason
from test_framework.resolution import Code, Refused

if TYPE_CHECKING:
    from test_framework.providers.docker.endpoint import Candidate
    from test_framework.providers.docker.http1 import Response

_NEEDED_API = "1.24"
"""`MINIMUM_DOCKER_API_VERSION` of the docker SDK 7.2. There is no upper bound: without a version of its own choice
the SDK takes the engine's newest, so an engine's `MinAPIVersion` never stands in the way."""

_OK, _SERVER_ERROR = 200, 500
FORBIDDEN = (401, 403)
_QUOTED = 160
_WANTS_TLS = (b"HTTP request to an HTTPS server", b"plain HTTP request was sent to HTTPS port")


@dataclass(frozen=True, slots=True)
class Version:
    """What an engine says of itself."""

    version: str
    api_version: str
    os_type: str
    product: Literal["Docker", "Podman"]


def json_object(response: Response) -> dict[str, Any]:
    """Return the JSON object of an answer, empty where the body is none."""
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def check_ping(candidate: Candidate, ping: Response) -> None:
    """Accept the ping of an engine with Linux containers.

    Raises:
        Refused: `tls-misconfigured`, `daemon-error`, `not-docker` or `windows-containers`.
    """
    if any(text in ping.body for text in _WANTS_TLS):
        why = "the port speaks TLS, and no TLS is configured"
        raise Refused(reason(candidate, Code.TLS_MISCONFIGURED, error=why, remedy=ASK_FOR_TLS))
    known = "api-version" in ping.headers or ping.body.strip() == b"OK"
    if ping.status != _OK or not known:
        raise _wrong(candidate, "/_ping", ping, known="api-version" in ping.headers)
    if ping.headers.get("ostype", "").lower() == "windows":
        raise Refused(reason(candidate, Code.WINDOWS_CONTAINERS))


def read_version(candidate: Candidate, ping: Response, answer: Response) -> Version:
    """Return what the engine says of itself.

    Raises:
        Refused: `daemon-error`, `not-docker`, `windows-containers` or `api-mismatch`.
    """
    found = json_object(answer)
    version, api = str(found.get("Version", "")), str(found.get("ApiVersion", ""))
    if answer.status != _OK or not version or not _parts(api):
        raise _wrong(candidate, "/version", answer, known="api-version" in ping.headers)
    os_type = str(found.get("Os") or ping.headers.get("ostype") or "linux").lower()
    if os_type == "windows":
        raise Refused(reason(candidate, Code.WINDOWS_CONTAINERS))
    if _parts(api) < _parts(_NEEDED_API):
        raise Refused(reason(candidate, Code.API_MISMATCH, found=api, needed=_NEEDED_API))
    podman = "libpod-api-version" in ping.headers or "Podman" in str(found.get("Components", ""))
    return Version(version, api, os_type, "Podman" if podman else "Docker")


def _parts(api: str) -> tuple[int, ...]:
    parts = api.split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else ()


def _wrong(candidate: Candidate, path: str, answer: Response, *, known: bool) -> Refused:
    """Tell an engine in trouble from something that is no engine."""
    message = json_object(answer).get("message")
    text = f"GET {path} answers {answer.status} {_shortened(str(message) if message else _text(answer))}"
    if answer.status in FORBIDDEN:
        return Refused(reason(candidate, Code.DOCKER_FORBIDDEN, what=f"GET {path}", error=text.strip()))
    trouble = answer.status >= _SERVER_ERROR or bool(message) or known
    return Refused(reason(candidate, Code.DAEMON_ERROR if trouble else Code.NOT_DOCKER, error=text.strip()))


def _text(answer: Response) -> str:
    return answer.body[: _QUOTED * 4].decode(errors="replace")


def _shortened(text: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
