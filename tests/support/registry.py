"""A registry of images on the loopback network, which engines reach without TLS, and its faults."""

from __future__ import annotations

import gzip
import hashlib
import json
import platform
import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Registry", "serving"]

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry(ThreadingHTTPServer):
    """Has one image, `redis:8`, or answers every question for an image in one way.

    Attributes:
        asked: The paths that were asked for.
    """

    daemon_threads = True

    def __init__(self, layer: bytes = b"", status: int = HTTPStatus.OK, error: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.error = error
        self.asked: list[str] = []
        self.answers: dict[str, tuple[str, bytes]] = {}
        if layer:
            self._hold(layer)

    @property
    def image(self) -> str:
        """The name of the image."""
        return f"127.0.0.1:{self.server_port}/redis:8"

    def _hold(self, layer: bytes) -> None:
        packed = gzip.compress(layer, 1)
        config = json.dumps(
            {
                "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": {"Env": ["PATH=/usr/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _blob("application/vnd.docker.container.image.v1+json", config),
            "layers": [_blob("application/vnd.docker.image.rootfs.diff.tar.gzip", packed)],
        }
        told = json.dumps(manifest).encode()
        for name in ("8", _digest(told)):
            self.answers[f"/v2/redis/manifests/{name}"] = _MANIFEST, told
        for blob in (config, packed):
            self.answers[f"/v2/redis/blobs/{_digest(blob)}"] = "application/octet-stream", blob


class _Handler(BaseHTTPRequestHandler):
    """Answers as a registry does."""

    server: Registry

    def do_GET(self) -> None:
        """Answer one question."""
        self.server.asked.append(self.path)
        if self.path == "/v2/":
            self._send(HTTPStatus.OK, "application/json", b"{}")
        elif self.path in self.server.answers:
            self._send(HTTPStatus.OK, *self.server.answers[self.path])
        else:
            told = {"errors": [{"code": self.server.error, "message": self.server.error.lower().replace("_", " ")}]}
            self._send(self.server.status, "application/json", json.dumps(told).encode())

    def do_HEAD(self) -> None:
        """Answer it without the content."""
        self.do_GET()

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", _digest(body))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """Serve for the length of the block."""
    thread = threading.Thread(target=registry.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        registry.shutdown()
        registry.server_close()
        thread.join()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _blob(kind: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(data), "digest": _digest(data)}
