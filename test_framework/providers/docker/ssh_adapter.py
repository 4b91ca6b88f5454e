"""The docker SDK through the ssh program, each connection with a bound on every answer.

The SDK's own way there reads from ssh without any bound, begins a login for each request, knows no path in the address,
and wants paramiko even where it only starts the ssh program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docker.transport.basehttpadapter import BaseHTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from test_framework.providers.docker.ssh import Dial
from test_framework.resolution import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest

    from test_framework.providers.docker.endpoint import Candidate

_AT_ONCE = 10
_ALIVE = ("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")
"""ssh ends half a minute after its other side has gone, so that who waits for a container's end hears of it."""

_LAST_WORDS_SECONDS = 0.5


class SSHAdapter(BaseHTTPAdapter):
    """Sends the requests of one SDK client to one engine; connections are kept and used again."""

    def __init__(self, candidate: Candidate, env: Mapping[str, str], seconds: float) -> None:
        """Open nothing yet.

        Args:
            candidate: An `ssh://` address.
            env: The environment for the ssh program.
            seconds: The time for each answer.
        """
        super().__init__()
        self._pool = _Pool(candidate, env, seconds)

    def get_connection(self, url: str | bytes, proxies: Any = None) -> HTTPConnectionPool:  # noqa: ARG002  # as in requests
        """Return the pool, which is the same for all."""
        return self._pool

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:  # noqa: ARG002  # as in requests
        """Return the path alone: no proxy lies on the way."""
        return str(request.path_url)

    def close(self) -> None:
        """End every ssh."""
        super().close()
        self._pool.close()


class _Pool(HTTPConnectionPool):
    def __init__(self, candidate: Candidate, env: Mapping[str, str], seconds: float) -> None:
        super().__init__("localhost", timeout=seconds, maxsize=_AT_ONCE)
        self._dialled = candidate, env, seconds

    def _new_conn(self) -> HTTPConnection:
        return _Connection(*self._dialled)


class _Connection(HTTPConnection):
    def __init__(self, candidate: Candidate, env: Mapping[str, str], seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._candidate = candidate
        self._env = env
        self._dial: Dial | None = None

    def connect(self) -> None:
        try:
            self._dial = Dial(self._candidate, self._env, *_ALIVE)
        except Refused as refused:
            raise ConnectionError(str(refused)) from refused
        self.sock = self._dial.sock
        self.sock.settimeout(self.timeout if isinstance(self.timeout, (int, float)) else None)

    def getresponse(self) -> Any:
        try:
            return super().getresponse()
        except ConnectionError as error:
            # What ssh says of the end, and not that there was one.
            told = self._dial.last_words(_LAST_WORDS_SECONDS)[-1] if self._dial else str(error)
            raise type(error)(f"{self._candidate.host}: {told}") from error

    def close(self) -> None:
        super().close()
        if self._dial:
            self._dial.close()
            self._dial = None
