"""ClickHouse on a real server, and each way in which what is there is none."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import pytest

from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.services.clickhouse import SERVICE
from tests.support.engines import Net, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from test_framework.resolution import Endpoint

SOURCE = "STAGING_CLICKHOUSE_URL"
SECONDS = 1.0


def query(endpoint: Endpoint, statement: str) -> str:
    """Run a statement in the database of the endpoint, as any HTTP client would."""
    parts = urlsplit(endpoint.url)
    headers = {"X-ClickHouse-User": unquote(parts.username or ""), "X-ClickHouse-Key": unquote(parts.password or "")}
    url = f"{parts.scheme}://{parts.hostname}:{parts.port}/?database={parts.path.strip('/')}"
    with urlopen(Request(url, statement.encode(), headers), timeout=10) as answer:  # noqa: S310  # the server's URL
        return str(answer.read().decode())


def test_a_database_takes_a_row(clickhouse_db: Endpoint) -> None:
    """A table that a test makes holds what it puts there."""
    query(clickhouse_db, "CREATE TABLE event (name String) ENGINE = Memory")
    query(clickhouse_db, "INSERT INTO event VALUES ('started')")
    assert query(clickhouse_db, "SELECT name FROM event") == "started\n"


def test_a_database_is_new_for_each_test(clickhouse_db: Endpoint) -> None:
    """What another test has made is not there."""
    assert query(clickhouse_db, "SHOW TABLES") == ""


def test_the_version_is_the_server_s(clickhouse: Endpoint) -> None:
    """The version that is reported is the one that the server itself names."""
    assert query(clickhouse, "SELECT version()").strip() == clickhouse.version


def test_a_wrong_password(clickhouse: Endpoint) -> None:
    """A real server's refusal is a failed login, and the password that was tried is not told."""
    reason = refused(clickhouse.url.replace(urlsplit(clickhouse.url).password or "", "hunter2"))
    assert reason.code is Code.LOGIN_FAILED
    assert "hunter2" not in reason.message


def refused(url: str, env: Mapping[str, str] | None = None) -> Reason:
    """Return why the check refuses, which it does in time."""
    begin = time.monotonic()
    with pytest.raises(Refused) as caught:
        SERVICE.check(url, SOURCE, SECONDS, env or {})
    assert time.monotonic() - begin < 30 * SECONDS
    return caught.value.reason


@contextmanager
def web(status: int, body: str) -> Iterator[str]:
    """Serve one answer to everything; yield the URL, with a password in it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://default:hunter2@127.0.0.1:{server.server_port}/default"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, "", Code.LOGIN_FAILED),
        (403, "Code: 516. DB::Exception: default: Authentication failed", Code.LOGIN_FAILED),
        (403, "forbidden", Code.LOGIN_FAILED),
        (404, "Code: 81. DB::Exception: Database default does not exist", Code.WRONG_SERVICE),
        (404, "not found", Code.WRONG_SERVICE),
        (200, "<html>", Code.WRONG_SERVICE),
        (503, "busy", Code.HTTP_ERROR),
        (301, "", Code.WRONG_SERVICE),
    ],
)
def test_an_answer_that_is_no_version(status: int, body: str, code: Code) -> None:
    """Each has its reason, which names the source and never the password."""
    with web(status, body) as url:
        reason = refused(url)
    assert reason.code is code
    assert SOURCE in reason.remedy
    assert "hunter2" not in reason.message


def test_a_version() -> None:
    """The answer to the query is the version."""
    with web(200, "25.8.1.1\n") as url:
        assert SERVICE.check(url, SOURCE, SECONDS, {}) == "25.8.1.1"


def test_a_port_that_says_nothing(net: Net) -> None:
    """It is given up in time."""
    assert refused(f"http://127.0.0.1:{net.tcp(silent)}").code is Code.CONNECT_TIMEOUT


def test_a_closed_port() -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert refused(f"http://127.0.0.1:{port}").code is Code.CONNECTION_REFUSED


def test_a_port_that_speaks_something_else(net: Net) -> None:
    """Another protocol's greeting is no HTTP."""
    port = net.tcp(lambda connection: connection.sendall(b"220 mail.invalid ESMTP\r\n"))
    assert refused(f"http://127.0.0.1:{port}").code is Code.WRONG_SERVICE


def test_a_port_without_tls() -> None:
    """An `https` URL of a port that speaks plain HTTP."""
    with web(200, "25.8.1.1") as url:
        assert refused(url.replace("http:", "https:")).code is Code.TLS_FAILED


def test_an_authority_that_is_not_there(tmp_path: Path) -> None:
    """The variable and the file are named."""
    with web(200, "25.8.1.1") as url:
        reason = refused(url.replace("http:", "https:"), {"STAGING_CA_BUNDLE": str(tmp_path / "none.pem")})
    assert reason.code is Code.TLS_FAILED
    assert f"STAGING_CA_BUNDLE={tmp_path}/none.pem" in reason.message
