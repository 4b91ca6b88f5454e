"""The application: parts at start, routes, errors, middleware."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from reference_backend import __version__, errors, logs
from reference_backend.api import auth, health, live, oauth, threads
from reference_backend.config import Settings, load
from reference_backend.middleware import BodyLimit, RequestContext
from reference_backend.resources import opened

__all__ = ["create"]


def create(settings: Settings | None = None) -> FastAPI:
    """Return the application; without settings, with those of the environment."""
    settings = settings or load()
    logs.configure(settings.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _end_with_parent()
        async with opened(settings) as app.state.resources:
            yield

    documented = settings.environment != "production"
    app = FastAPI(
        title="Reference backend",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/openapi.json" if documented else None,
    )
    for module in (health, auth, threads, live):
        app.include_router(module.router)
    if settings.identity_provider_on:
        app.include_router(oauth.router)
    errors.install(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, limit=settings.http_max_body_bytes)
    app.add_middleware(RequestContext)
    return app


def _end_with_parent() -> None:
    """Let a worker end when the process that started it is gone, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, os.kill, os.getpid(), signal.SIGTERM)
