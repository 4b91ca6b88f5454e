"""Uvicorn: the socket, the worker processes, one line that says where it listens, a bounded end."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
import time
from functools import partial
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from reference_backend.bounded_http import BoundedHttp
from reference_backend.config import Settings

if TYPE_CHECKING:
    # The process that only watches over workers need not load it.
    from fastapi import FastAPI

__all__ = ["CannotListen", "configured", "serve"]

log = logging.getLogger(__name__)

_BACKLOG = 2048
_UNSENT_MS = 60_000
_KILL_SECONDS = 3.0
_ANSWER_SECONDS = 5.0
_ASK_SECONDS = 0.05


class CannotListen(Exception):
    """The address is taken, or none of this machine."""


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; with port 0 on a free one.

    Raises:
        CannotListen: The address cannot be had.
    """
    _allow_many_files()
    listening = _listen(host, port)
    config = configured(settings, "reference_backend.app:create", workers)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    # Until uvicorn takes the signals over, and when it hands the one that ended it back: that end is a clean one.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    if workers == 1:
        _Announcing(config, url).run([listening])
    else:
        _Workers(config, listening, url, settings.shutdown_seconds).run()


def configured(settings: Settings, app: FastAPI | str, workers: int = 1) -> uvicorn.Config:
    """Return uvicorn's configuration for an application, or for the place of its factory."""
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        backlog=_BACKLOG,
        # Logs are ours, of requests too.
        log_config=None,
        access_log=False,
        server_header=False,
        http=cast("Any", partial(BoundedHttp, seconds=settings.http_head_seconds)),
        # Addresses of clients are not used for anything, so nobody need be believed about them.
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=settings.ws_max_message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=settings.ws_ping_seconds,
        ws_ping_timeout=settings.ws_idle_seconds,
        timeout_graceful_shutdown=max(1, int(settings.shutdown_seconds / 2)),
    )


def _exit(_: int, __: FrameType | None) -> None:
    sys.exit(0)


class _Announcing(uvicorn.Server):
    """Says where it listens, once it does."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        log.info("listening", extra={"url": self._url})


class _Workers(Multiprocess):
    """Worker processes on one socket; one that dies is replaced, one that does not end in time is killed."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket, url: str, shutdown_seconds: float) -> None:
        super().__init__(config, [listening])
        self._end_seconds = shutdown_seconds + _KILL_SECONDS
        threading.Thread(target=_announce, args=(url, listening.getsockname()), daemon=True).start()

    def join_all(self) -> None:
        deadline = time.monotonic() + self._end_seconds
        for process in self.processes:
            process.process.join(max(0.0, deadline - time.monotonic()))
            if process.process.is_alive():
                log.error("worker killed", extra={"pid": process.pid})
                process.process.kill()
                process.process.join()


def _announce(url: str, address: tuple[str, int]) -> None:
    """Say where we listen as soon as a worker answers there."""
    host, port = address[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # to be replaced by one to ask at
    while True:
        asking = HTTPConnection(here, port, timeout=_ANSWER_SECONDS)
        try:
            asking.request("GET", "/health/live")
            asking.getresponse()
        except (OSError, HTTPException):
            time.sleep(_ASK_SECONDS)
        else:
            log.info("listening", extra={"url": url})
            return
        finally:
            asking.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Inherited by each connection: one whose peer takes nothing for so long is cut off, though we have closed it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_MS)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CannotListen(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    listening.set_inheritable(True)
    return listening


def _allow_many_files() -> None:
    """Let the process have as many connections as the machine allows: the usual bound is 1,024 files."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
