"""Engines behind TLS, with certificates made for the test."""

from __future__ import annotations

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
        self.issue_client(self)

    def issue_client(self, to: TLS) -> None:
        """Write a client certificate of this authority into the folder of `to`."""
        client = self._authority.issue_cert("client@example.org")
        client.cert_chain_pems[0].write_to_path(to.folder / "cert.pem")
        client.private_key_pem.write_to_path(to.folder / "key.pem")

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
