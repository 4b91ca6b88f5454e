"""Engines behind TLS, with certificates made for the test."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tests.support.engines import Handler

__all__ = ["TLS", "tls"]


class TLS:
    """Certificates of one authority, in the files that Docker expects."""

    def __init__(self, folder: Path, name: str = "127.0.0.1") -> None:
        self.folder = folder
        folder.mkdir()
        self._authority = trustme.CA()
        self._server = self._authority.issue_cert(name)
        self._authority.cert_pem.write_to_path(folder / "ca.pem")
        self.issue_client(folder)

    def issue_client(self, folder: Path, until: dt.datetime | None = None) -> None:
        """Write a client certificate of this authority, and its key, where Docker looks for them."""
        self._issue("client@example.org", until, folder / "cert.pem", folder / "key.pem")

    def issue_server(self, name: str, folder: Path, until: dt.datetime | None = None) -> None:
        """Write a certificate of this authority for an engine of that name, and its key."""
        self._issue(name, until, folder / "server-cert.pem", folder / "server-key.pem")

    def _issue(self, name: str, until: dt.datetime | None, certificate: Path, key: Path) -> None:
        since = until - dt.timedelta(days=1) if until else None
        issued = self._authority.issue_cert(name, not_before=since, not_after=until)
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)

    def server(self, handler: Handler) -> Handler:
        """Wrap a handler in TLS that demands a client certificate, as dockerd does."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.configure_cert(context)
        self._authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED

        def handle(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                handler(wrapped)

        return handle

    def env(self, port: int, name: str = "127.0.0.1") -> dict[str, str]:
        """Return the environment that names a port and these files."""
        host = f"tcp://{name}:{port}"
        return {"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self.folder)}


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TLS:
    """Return certificates for 127.0.0.1, which the SDK is kept from replacing by those of the environment."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return TLS(tmp_path / "tls")
