"""Connections of our own to Postgres, on which nothing waits for a server that has stopped answering.

libpq bounds the connecting alone, and the server's own `statement_timeout` is of no use when it is stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from test_framework.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Generator

STATEMENT_SECONDS = 300.0
"""For a statement of a server that answers others meanwhile: a large template takes long to clone."""

_CONNECT_SECONDS = 5
_QUIET_SECONDS = 8.0
"""After so long it is asked, over another connection, whether the server is still there."""


class ServerUnanswered(psycopg.OperationalError):
    """The server does not answer; the connection is closed."""


class PostgresConnection(psycopg.Connection[Any]):
    """Waits for a statement for as long as the server answers others, and no longer than `STATEMENT_SECONDS`."""

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """See psycopg, which calls this to wait for the server, and looks up every tenth of a second."""
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        whole, quiet = Deadline(STATEMENT_SECONDS), Deadline(_QUIET_SECONDS)
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready:
                    whole.seconds_left()
                    if quiet.over:
                        self._ask_beside()
                        quiet = Deadline(_QUIET_SECONDS)
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
        except (TimeoutError, psycopg.OperationalError) as error:
            if isinstance(error, psycopg.OperationalError) and not isinstance(error, psycopg.errors.ConnectionTimeout):
                raise
            self.pgconn.finish()
            why = f"no answer for {whole.passed:.0f} s"
            raise ServerUnanswered(why) from error

    def _ask_beside(self) -> None:
        """Raise `ConnectionTimeout` when the server answers nobody; what it answers does not matter here."""
        try:
            psycopg.connect(self.info.dsn, password=self.info.password, connect_timeout=_CONNECT_SECONDS).close()
        except psycopg.errors.ConnectionTimeout:
            raise
        except psycopg.OperationalError:
            # Such as one that has no connection left for us.
            return


def open_connection(url: str, **more: Any) -> PostgresConnection:
    """Connect, in autocommit.

    Raises:
        Unanswered: The server does not answer in time.
        psycopg.OperationalError: It refuses, or is gone.
    """
    try:
        return PostgresConnection.connect(url, autocommit=True, **{"connect_timeout": _CONNECT_SECONDS, **more})
    except psycopg.errors.ConnectionTimeout as error:
        raise ServerUnanswered(f"no answer to a new connection within {_CONNECT_SECONDS} s") from error
