"""Questions to one candidate over one connection, all faults told as `Refused`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.providers.docker import http1
from test_framework.providers.docker.channel import ASK_FOR_TLS, Channel, Clock, reason
from test_framework.providers.docker.transport import connect
from test_framework.resolution import Code, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_framework.providers.docker.endpoint import Candidate

_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")


class EngineSession:
    """A connection that is opened by the first question and kept as long as the engine keeps it."""

    def __init__(self, candidate: Candidate, env: Mapping[str, str], clock: Clock) -> None:
        self._candidate = candidate
        self._env = env
        self._clock = clock
        self._channel: Channel | None = None
        address = urlsplit(candidate.host) if candidate.host.startswith("tcp://") else None
        # A path in the address comes before every resource, as in the CLI.
        self._prefix = address.path.rstrip("/") if address else ""
        self._name = address.netloc if address else "docker"

    def get(self, path: str) -> http1.Response:
        """Return the answer to a GET request.

        Raises:
            Refused: There was none in time, or it is not HTTP.
        """
        try:
            return self._get(path)
        except TimeoutError as error:
            raise Refused(self._clock.late) from error
        except http1.NotHTTPError as error:
            raise self._not_http(error) from error
        except OSError as error:
            why = error.strerror or str(error)
            plain = self._candidate.host.startswith("tcp://") and not self._candidate.tls
            note = "as a port that speaks TLS may do, and no TLS is configured" if plain else ""
            raise Refused(reason(self._candidate, Code.DAEMON_ERROR, note, error=why)) from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._channel:
            self._channel.close()
        self._channel = None

    def _get(self, path: str) -> http1.Response:
        if self._channel:
            try:
                return self._ask(self._channel, path)
            except ConnectionError:
                # It was kept open, and the engine has closed it meanwhile.
                self.close()
        self._channel = connect(self._candidate, self._env, self._clock)
        if not self._candidate.host.startswith("ssh://"):
            self._clock.hung()
        return self._ask(self._channel, path)

    def _ask(self, channel: Channel, path: str) -> http1.Response:
        response = http1.get(channel, self._name, self._prefix + path)
        if not response.reusable:
            self.close()
        return response

    def _not_http(self, error: http1.NotHTTPError) -> Refused:
        if error.start.startswith(_TLS_RECORDS):
            why = "the port speaks TLS, and no TLS is configured"
            return Refused(reason(self._candidate, Code.TLS_MISCONFIGURED, error=why, remedy=ASK_FOR_TLS))
        return Refused(reason(self._candidate, Code.NOT_DOCKER, error=f"it sends {error}"))
