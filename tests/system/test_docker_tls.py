"""Engines behind TLS, and each way it can be set up wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest
from cryptography.hazmat.primitives import serialization

from test_framework.resolution import Code, Reason
from tests.support.engines import ON_A_TERMINAL, PROJECT, Net, Talk, answer, found, refused, refused_at_once, silent
from tests.support.engines_tls import TLS

if TYPE_CHECKING:
    import socket
    from pathlib import Path


class TestTLS:
    """Engines behind TLS."""

    def test_engine_behind_tls_is_found(self, tls: TLS, net: Net, home: Path) -> None:
        """The probe, and the SDK through `environment()`, reach an engine that demands a client certificate."""
        engine = found(tls.env(net.tcp(tls.server(Talk()))), home)

        assert engine.environment()["DOCKER_TLS_VERIFY"] == "1"
        with closing(docker.from_env(environment=engine.environment())) as client:
            assert client.version()["Version"] == engine.version

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    def test_unverified_engine_is_found(self, tls: TLS, net: Net, home: Path, tmp_path: Path) -> None:
        """DOCKER_TLS accepts the certificate of another authority, for the probe and for the SDK."""
        stranger = TLS(tmp_path / "stranger")
        stranger.issue_client(tls.folder)
        env = tls.env(net.tcp(stranger.server(Talk()))) | {"DOCKER_TLS_VERIFY": "", "DOCKER_TLS": "1"}

        engine = found(env, home)

        assert engine.environment()["DOCKER_TLS_VERIFY"] == ""
        with closing(docker.from_env(environment=engine.environment())) as client:
            assert client.api.base_url.startswith("https://")
            assert client.api.verify is False

    def test_certificate_of_another_authority(self, tls: TLS, net: Net, home: Path, tmp_path: Path) -> None:
        """An engine that our ca.pem does not vouch for is refused."""
        port = net.tcp(TLS(tmp_path / "stranger").server(Talk()))

        reason = refused_at_once(tls.env(port), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert f"tcp://127.0.0.1:{port}" in reason.message
        assert "certificate is not accepted" in reason.message

    def test_certificate_for_another_name(self, net: Net, home: Path, tmp_path: Path) -> None:
        """A certificate for another machine is refused."""
        other = TLS(tmp_path / "other", "docker.example")

        reason = refused_at_once(other.env(net.tcp(other.server(Talk()))), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "mismatch" in reason.message

    def test_client_certificate_is_not_accepted(self, tls: TLS, net: Net, home: Path, tmp_path: Path) -> None:
        """An engine that refuses our client certificate is a matter of TLS, although the handshake seems done."""
        TLS(tmp_path / "stranger").issue_client(tls.folder)

        assert refused_at_once(tls.env(net.tcp(tls.server(Talk()))), home).code is Code.TLS_MISCONFIGURED

    def test_connection_closed_after_the_handshake(self, tls: TLS, net: Net, home: Path) -> None:
        """An engine that hangs up on our first question may have refused our certificate without saying so."""
        reason = refused_at_once(tls.env(net.tcp(tls.server(lambda _: None))), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "may not accept the client certificate" in reason.message

    def test_plain_http_to_a_go_server_with_tls(self, net: Net, home: Path) -> None:
        """The answer of dockerd's TLS port to plain HTTP is understood."""
        ping = answer(b"Client sent an HTTP request to an HTTPS server.\n", "400 Bad Request", close=True)

        reason = refused_at_once({"DOCKER_HOST": f"tcp://127.0.0.1:{net.tcp(Talk(ping=ping))}"}, home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "speaks TLS" in reason.message

    def test_plain_http_to_another_server_with_tls(self, net: Net, home: Path) -> None:
        """A TLS alert in answer to plain HTTP is understood."""

        def alert(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")

        reason = refused_at_once({"DOCKER_HOST": f"tcp://127.0.0.1:{net.tcp(alert)}"}, home)

        assert reason.code is Code.TLS_MISCONFIGURED

    def test_plain_http_to_a_server_that_hangs_up(self, tls: TLS, net: Net, home: Path) -> None:
        """A TLS port that hangs up on plain HTTP may be in trouble too, so the message says what else it may be."""
        reason = refused_at_once({"DOCKER_HOST": f"tcp://127.0.0.1:{net.tcp(tls.server(silent))}"}, home)

        assert reason.code in {Code.DAEMON_ERROR, Code.TLS_MISCONFIGURED}
        assert "no TLS is configured" in reason.message

    def test_tls_to_a_plain_port(self, tls: TLS, net: Net, home: Path) -> None:
        """A port without TLS is told when TLS is configured."""

        def bad_request(connection: socket.socket) -> None:
            connection.recv(4096)
            connection.sendall(answer(b"", "400 Bad Request", close=True))

        reason = refused_at_once(tls.env(net.tcp(bad_request)), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "does not speak TLS" in reason.message

    def test_handshake_that_never_ends(self, tls: TLS, net: Net, home: Path) -> None:
        """A port that is silent in the handshake is hung, and the message says where."""
        reason = refused(tls.env(net.tcp(silent)), home)

        assert reason.code is Code.DAEMON_HUNG
        assert "handshake" in reason.message

    def test_missing_file(self, tls: TLS, home: Path) -> None:
        """A certificate file that is not there is named."""
        (tls.folder / "key.pem").unlink()

        reason = refused_at_once(tls.env(1), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert "key.pem" in reason.message

    @pytest.mark.parametrize("file", ["ca.pem", "cert.pem", "key.pem"])
    def test_damaged_file(self, file: str, tls: TLS, net: Net, home: Path) -> None:
        """A file that is no certificate is named."""
        (tls.folder / file).write_text("nothing")

        reason = refused_at_once(tls.env(net.tcp(silent)), home)

        assert reason.code is Code.TLS_MISCONFIGURED
        assert str(tls.folder / file) in reason.message

    @pytest.mark.needs("terminals")
    def test_encrypted_key_asks_nobody(self, tls: TLS, net: Net, home: Path) -> None:
        """A key with a password is refused at once; no password is asked for on the terminal."""
        key = tls.folder / "key.pem"
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key.write_bytes(private.private_bytes(pem, form, serialization.BestAvailableEncryption(b"secret")))
        ours, theirs = os.openpty()

        done = subprocess.run(
            [sys.executable, "-c", ON_A_TERMINAL, os.ttyname(theirs), json.dumps(tls.env(net.tcp(silent)))],
            env={"PYTHONPATH": str(PROJECT), "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            start_new_session=True,
        )

        os.set_blocking(ours, False)
        with pytest.raises(BlockingIOError):
            os.read(ours, 100)
        os.close(ours)
        os.close(theirs)
        assert done.returncode == 0, done.stderr
        reason = Reason.from_json(json.loads(done.stdout))
        assert reason.code is Code.TLS_MISCONFIGURED
        assert str(key) in reason.message
