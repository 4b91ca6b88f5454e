"""A package index on the loopback network, with wheels of server programs that are made here, and its faults."""

from __future__ import annotations

import base64
import hashlib
import io
import platform
import sys
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Index", "Wheel", "catalogue_of", "serving"]

_TAG = "macosx_11_0" if sys.platform == "darwin" else "manylinux_2_17"
_MEMBER_TIME = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Wheel:
    """A wheel of one server program.

    Attributes:
        service: What the program serves.
        version: What it says.
        padding: Bytes beside it.
        archive: Whether it lies in an archive in the wheel, as that of Postgres does.
        python: The tag of its Python.
        script: What the program does; says its version by itself.
        files: What it has in the place of that, of which the first is the program, or one of the libraries.
        inside: Where the wheel has its program: below `.data/purelib`, in `.data/scripts`, or at the top.
        more: Further files, each with what is in it; `{stem}` is what the wheel's own folders begin with.
    """

    service: str = "postgres"
    version: str = "17.99"
    padding: int = 0
    archive: bool = False
    python: str = "py3-none"
    script: str = ""
    files: tuple[tuple[str, bytes], ...] = ()
    inside: str = ""
    more: tuple[tuple[str, str], ...] = ()

    @property
    def project(self) -> str:
        """Its name on the index."""
        return f"tests-{self.service}-server"

    @property
    def file(self) -> str:
        """The name of its file."""
        name = self.project.replace("-", "_")
        return f"{name}-{self.version}.0-{self.python}-{_TAG}_{platform.machine()}.whl"

    @property
    def sha256(self) -> str:
        """That of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def held(self) -> dict[str, bytes]:
        """Its files, by their names."""
        says = self.script or f"#!/bin/sh\necho 'server {self.version}'\n"
        return dict(self.files) or {f"bin/{self.service}": says.encode()}

    @property
    def content(self) -> bytes:
        """The file; the same each time."""
        stem = f"{self.project.replace('-', '_')}-{self.version}.0"
        package = f"{stem}.data/purelib/server" if self.inside == "purelib" else "server"
        members = {f"{package}/padding": b"\0" * self.padding}
        if self.archive:
            members[f"{package}/made-{self.version}.tar"] = _tar(f"made-{self.version}", self.held)
        else:
            for name, data in self.held.items():
                scripts = f"{stem}.data/scripts/{name.rpartition('/')[2]}"
                members[scripts if self.inside == "scripts" else f"{package}/{name}"] = data
        members |= {name.format(stem=stem): text.encode() for name, text in self.more}
        members[f"{stem}.dist-info/METADATA"] = (
            f"Metadata-Version: 2.1\nName: {self.project}\nVersion: {self.version}.0\n"
            f"Requires-Python: >={'3.12' if self.python == 'py3-none' else '3.8'}\nRequires-Dist: a-client-of-it\n"
        ).encode()
        members[f"{stem}.dist-info/WHEEL"] = (
            f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: {self.file[len(stem) + 1 : -4]}\n"
        ).encode()
        record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in members.items())
        members[f"{stem}.dist-info/RECORD"] = f"{record}{stem}.dist-info/RECORD,,\n".encode()
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as made:
            for name, data in members.items():
                made.writestr(zipfile.ZipInfo(name, _MEMBER_TIME), data)
        return out.getvalue()


def _tar(folder: str, files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mode = len(data), 0o755
            made.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def catalogue_of(wheels: Sequence[Wheel]) -> str:
    """Return a catalogue that knows these wheels."""
    return "".join(
        f"""
[[{kind}]]
service = "{wheel.service}"
version = "{wheel.version}"
wheel = "{wheel.project}"
release = "{wheel.version}.0"
{'archive = "server/made-*.tar"' if wheel.archive else ""}
program = "{"" if wheel.archive else "server/"}{next(iter(wheel.held))}"
licence = "none"
built = "by the tests"
[[{kind}.file]]
name = "{wheel.file}"
sha256 = "{wheel.sha256}"
bytes = {len(wheel.content)}
"""
        for wheel in wheels
        for kind in ["libraries" if wheel.service == "libraries" else "server"]
    )


@dataclass
class Index:
    """What an index has, and what is wrong with it.

    Attributes:
        wheels: What it has.
        answer: A status that takes the place of each of its answers; None for none.
        html: A page that takes the place of each of its answers, as one of a proxy that wants a login.
        changed: What takes the place of the content of a wheel.
        cut: Whether each wheel ends in its middle.
        failing: How many of the next requests for a wheel are answered by 503.
        login: What has to be sent as user:password; empty for nothing.
        held: The answers with a wheel wait for it, where there is one.
        fetched: The wheels that were asked for.
        url: Where it is.
    """

    wheels: Sequence[Wheel] = ()
    answer: int | None = None
    html: str = ""
    changed: bytes = b""
    cut: bool = False
    failing: int = 0
    login: str = ""
    held: threading.Event | None = None
    fetched: list[str] = field(default_factory=list)
    url: str = ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, index: Index) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.index = index

    def handle_error(self, *_: Any) -> None:
        """Keep quiet about a client that was killed."""


class _Handler(BaseHTTPRequestHandler):
    """Answers as an index does: a page for each project, and the files."""

    server: _Server

    def do_GET(self) -> None:
        """Answer one question."""
        index = self.server.index
        sent = base64.b64decode(self.headers.get("Authorization", "").partition(" ")[2]).decode()
        found = {f"/files/{wheel.file}": wheel for wheel in index.wheels}.get(self.path)
        if index.login and sent != index.login:
            self._send(HTTPStatus.UNAUTHORIZED, b"", challenge=True)
        elif index.answer:
            self._send(index.answer, b"no")
        elif index.html:
            self._send(HTTPStatus.OK, index.html.encode())
        elif found:
            self._send_wheel(found)
        else:
            mine = [wheel for wheel in index.wheels if self.path == f"/simple/{wheel.project}/"]
            links = "".join(f'<a href="/files/{wheel.file}">{wheel.file}</a>' for wheel in mine)
            self._send(HTTPStatus.OK if mine else HTTPStatus.NOT_FOUND, f"<html><body>{links}</body></html>".encode())

    def do_HEAD(self) -> None:
        """Answer it without the content."""
        self.do_GET()

    def _send_wheel(self, wheel: Wheel) -> None:
        index = self.server.index
        if self.command == "GET":
            index.fetched.append(wheel.file)
            if index.held:
                index.held.wait(60)
        if index.failing > 0:
            index.failing -= 1
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"busy")
            return
        body = index.changed or wheel.content
        self._send(HTTPStatus.OK, body, kind="application/octet-stream", sent=len(body) // 2 if index.cut else None)

    def _send(
        self, status: int, body: bytes, *, kind: str = "text/html", sent: int | None = None, challenge: bool = False
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if challenge:
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:sent])

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Serve for the length of the block."""
    server = _Server(index)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    try:
        yield index
    finally:
        if index.held:
            index.held.set()
        server.shutdown()
        server.server_close()
        thread.join()
