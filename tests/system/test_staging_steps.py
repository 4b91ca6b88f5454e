"""An address of staging is checked in steps, and each way it can fail has its own reason, within its bound."""

from __future__ import annotations

import datetime as dt
import http.server
import socket
import ssl
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from test_framework.reasons import Code
from test_framework.staging.steps import CheckStep, check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SOURCE = "STAGING_BACKEND_URL"
SECONDS = 20.0
"""A step that finds nothing ends within a second; the rest is for a busy machine. The system waits for minutes."""


@contextmanager
def web(status: int = 200, certificate: trustme.LeafCert | None = None) -> Iterator[int]:
    """Serve every path with one status, over TLS where there is a certificate; yield the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that refuses the certificate is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def silent(*, accepts: bool) -> Iterator[int]:
    """Listen and never answer; or never even accept, with a queue that is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, closing(socket.socket()) as first:
        port: int = listener.getsockname()[1]
        if not accepts:
            first.connect(("127.0.0.1", port))
        yield port


def steps(url: str, env: Mapping[str, str] | None = None) -> tuple[CheckStep, ...]:
    """Check an address with loopback alone allowed."""
    return check(url, SOURCE, (), env or {})


def failed(taken: tuple[CheckStep, ...], name: str, code: Code) -> str:
    """Assert that the last step, and only that, failed for this reason in time; return its message."""
    assert [step.reason for step in taken[:-1]] == [None] * (len(taken) - 1)
    reason = taken[-1].reason
    assert reason is not None
    assert (taken[-1].name, reason.code) == (name, code), reason
    assert taken[-1].seconds < SECONDS
    return reason.message


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that no system trusts."""
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    """The environment that makes staging trust it."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return {"STAGING_CA_BUNDLE": str(tmp_path / "ca.pem")}


def test_every_step_of_a_healthy_address_is_timed() -> None:
    """Configuration, name, TCP and HTTP are steps of an http:// address, each with its latency."""
    with web() as port:
        taken = steps(f"http://localhost:{port}/health")
    assert [(s.name, s.reason) for s in taken] == [(n, None) for n in ("configuration", "name", "tcp", "http")]
    assert all(0 <= s.seconds < SECONDS for s in taken)


def test_tls_is_a_step_of_its_own(authority: trustme.CA, bundle: dict[str, str]) -> None:
    """An https:// address with a certificate of the configured authority passes."""
    with web(certificate=authority.issue_cert("localhost")) as port:
        taken = steps(f"https://localhost:{port}", bundle)
    assert [(s.name, s.reason) for s in taken][3:] == [("tls", None), ("http", None)]


@pytest.mark.parametrize("status", [200, 301, 401, 404])
def test_an_answer_below_500_is_an_answer(status: int) -> None:
    """What it means is for the tests of the service."""
    with web(status) as port:
        assert steps(f"http://127.0.0.1:{port}")[-1].reason is None


def test_an_address_that_is_not_set() -> None:
    """The reason names the variable to set."""
    taken = check(None, SOURCE, (), {})
    assert SOURCE in failed(taken, "configuration", Code.NOT_CONFIGURED)


@pytest.mark.parametrize(
    "url", ["gopher://127.0.0.1", "127.0.0.1:80", "http://", "http://[::1", "http://localhost:99999"]
)
def test_an_address_that_is_none(url: str) -> None:
    """A URL that cannot be used is refused before anything is contacted."""
    failed(steps(url), "configuration", Code.WRONG_SERVICE)


def test_a_host_that_is_not_allowed() -> None:
    """A host outside of this machine is not even looked up without leave."""
    taken = steps("https://staging.invalid")
    assert "staging.invalid" in failed(taken, "configuration", Code.HOST_NOT_ALLOWED)


def test_a_name_that_does_not_resolve() -> None:
    """An allowed host whose name nobody knows."""
    taken = check("https://staging.invalid", SOURCE, ("*.invalid",), {})
    assert "staging.invalid" in failed(taken, "name", Code.NAME_UNRESOLVED)


def test_a_closed_port() -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert f":{port}" in failed(steps(f"http://127.0.0.1:{port}"), "tcp", Code.CONNECTION_REFUSED)


def test_a_port_that_does_not_answer() -> None:
    """The connection is never accepted."""
    with silent(accepts=False) as port:
        failed(steps(f"http://127.0.0.1:{port}"), "tcp", Code.CONNECT_TIMEOUT)


def test_a_server_that_accepts_and_says_nothing() -> None:
    """The connection is made, and no answer comes: bounded all the same."""
    begin = time.monotonic()
    with silent(accepts=True) as port:
        taken = steps(f"http://127.0.0.1:{port}")
    assert taken[-1].reason is not None
    assert (taken[-1].name, taken[-1].reason.code) == ("http", Code.CONNECT_TIMEOUT)
    assert time.monotonic() - begin < SECONDS


def test_an_authority_that_is_not_trusted(authority: trustme.CA) -> None:
    """Without STAGING_CA_BUNDLE the certificate is not accepted."""
    with web(certificate=authority.issue_cert("localhost")) as port:
        failed(steps(f"https://localhost:{port}"), "tls", Code.TLS_FAILED)


def test_an_expired_certificate(authority: trustme.CA, bundle: dict[str, str]) -> None:
    """The message says that it has expired."""
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = authority.issue_cert("localhost", not_before=past, not_after=past + dt.timedelta(days=1))
    with web(certificate=certificate) as port:
        assert "expired" in failed(steps(f"https://localhost:{port}", bundle), "tls", Code.TLS_FAILED)


def test_a_certificate_of_another_name(authority: trustme.CA, bundle: dict[str, str]) -> None:
    """The message names the host that was asked for."""
    with web(certificate=authority.issue_cert("elsewhere.invalid")) as port:
        assert "localhost" in failed(steps(f"https://localhost:{port}", bundle), "tls", Code.TLS_FAILED)


def test_tls_to_a_port_without() -> None:
    """A port that speaks HTTP is no TLS."""
    with web() as port:
        failed(steps(f"https://localhost:{port}"), "tls", Code.TLS_FAILED)


def test_a_server_in_trouble() -> None:
    """503 is told with the address."""
    with web(503) as port:
        assert f":{port}" in failed(steps(f"http://localhost:{port}"), "http", Code.HTTP_ERROR)


def test_another_service_on_the_port() -> None:
    """A server that speaks something else is not an HTTP server."""

    def greet(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(b"220 mail.invalid ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,))
        thread.start()
        taken = steps(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    failed(taken, "http", Code.WRONG_SERVICE)


def test_a_password_in_the_address_is_not_told() -> None:
    """A message names the address without its password."""
    with web(500) as port:
        message = failed(steps(f"http://user:hunter2@localhost:{port}"), "http", Code.HTTP_ERROR)
    assert "hunter2" not in message
    assert "user" in message
