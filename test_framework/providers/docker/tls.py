"""TLS to an engine, and what its errors mean for a person. Imports `ssl`, so it is itself imported only for TLS."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_framework.providers.docker.channel import Channel, Clock, reason
from test_framework.resolution import Code, Refused

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from test_framework.providers.docker.endpoint import Candidate, TLSFiles

_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")

_TRUST = "Put the certificate of the authority that signed the engine's own into ca.pem."
_SIGN = "Have cert.pem signed by the authority that dockerd's --tlscacert names, for client authentication, in date."
_PLAIN = "Give dockerd --tlsverify, or unset DOCKER_TLS_VERIFY and DOCKER_TLS for an engine without TLS."
_READABLE = (
    "Make ca.pem, cert.pem and key.pem readable to you, in PEM form, the key without a passphrase and of cert.pem."
)
_UNACCEPTED = {
    # X509_V_ERR_… of OpenSSL's x509_vfy.h: not yet valid, expired, host name, IP address.
    9: "Set this machine's clock, or the engine's when it made its certificate.",
    10: "Renew the engine's certificate, and check this machine's clock.",
    62: "Use a name that the engine's certificate is for, or issue one for this name (subjectAltName).",
    64: "Use an address that the engine's certificate is for, or issue one for this address (subjectAltName IP).",
}
"""What to do about a certificate that is not accepted, by OpenSSL's code."""


class TLSChannel(Channel):
    """A channel through TLS; all its failures up to the first answer are put down to TLS."""

    def __init__(self, sock: socket.socket, candidate: Candidate, files: TLSFiles, clock: Clock) -> None:
        """Shake hands over a connected socket.

        Raises:
            Refused: `tls-misconfigured`.
            TimeoutError: The deadline passed.
        """
        super().__init__(sock, clock)
        self._candidate = candidate
        self._heard = False
        clock.hung("it stops in the TLS handshake, as a port without TLS may do")
        try:
            context = self._context(files)
            sock.settimeout(clock.seconds_left())
            self._sock = context.wrap_socket(sock, server_hostname=urlsplit(candidate.host).hostname)
        except BaseException as error:
            sock.close()
            raise self._translated(error) from error

    def send(self, data: bytes) -> None:
        """Send all of it; raises OSError, or Refused for a fault of TLS."""
        try:
            super().send(data)
        except OSError as error:
            raise self._translated(error) from error

    def receive(self) -> bytes:
        """Return the next bytes, none at the end; raises OSError, or Refused for a fault of TLS."""
        try:
            data = super().receive()
            if not data and not self._heard:
                raise ConnectionResetError
        except OSError as error:
            raise self._translated(error) from error
        self._heard = True
        return data

    def _translated(self, error: BaseException) -> BaseException:
        """Return what to raise for an error."""
        if isinstance(error, TimeoutError) or not isinstance(error, OSError):
            return error
        if self._heard and not isinstance(error, ssl.SSLError):
            return error
        return self._refused(*_text(error))

    def _refused(self, error: str, remedy: str = "") -> Refused:
        return Refused(reason(self._candidate, Code.TLS_MISCONFIGURED, error=error, remedy=remedy))

    def _bad_files(self, error: OSError, *files: Path) -> Refused:
        if isinstance(error, ssl.SSLError):
            why = _words(error) or "not in PEM form, or the key is encrypted"
        else:
            why = error.strerror or str(error)
        return self._refused(f"{' and '.join(map(str, files))}: {why}", _READABLE)

    def _context(self, files: TLSFiles) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if files.verify:
            try:
                context.load_verify_locations(files.ca)
            except OSError as error:
                raise self._bad_files(error, files.ca) from error
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            # Without a password OpenSSL asks the terminal for that of an encrypted key, and waits.
            context.load_cert_chain(files.cert, files.key, password="")
        except OSError as error:
            raise self._bad_files(error, files.cert, files.key) from error
        return context


def _text(error: OSError) -> tuple[str, str]:
    """Return what an error means, and what to do; an empty remedy for what is not known closer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = _UNACCEPTED.get(error.verify_code, _TRUST)
        return f"the engine's certificate is not accepted: {error.verify_message}", remedy
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return "the engine closes the connection; it may not accept the client certificate", _SIGN
    if isinstance(error, ssl.SSLError):
        if error.reason in _NOT_TLS:
            return "the port does not speak TLS", _PLAIN
        words = _words(error)
        return (f"the engine refuses: {words}", _SIGN) if "alert" in words else (words, "")
    return error.strerror or str(error), ""


def _words(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason, such as `TLSV1_ALERT_UNKNOWN_CA`, in lower case and with spaces."""
    return (error.reason or "").replace("_", " ").lower()
