"""The WebSocket, and the schemas of what is said on it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, WebSocket

from reference_backend.api.dependencies import Held
from reference_backend.events import model
from reference_backend.websocket import handshake, protocol

__all__ = ["router"]

router = APIRouter(tags=["live"])


@router.websocket("/ws")
async def ws(socket: WebSocket, held: Held) -> None:
    """Messages in, events out; see the README for the protocol."""
    await handshake.serve(socket, held)


@router.get("/schemas/events.json")
async def events() -> dict[str, Any]:
    """The JSON schema of the five events."""
    return model.schema()


@router.get("/schemas/client-messages.json")
async def client_messages() -> dict[str, Any]:
    """The JSON schema of what clients may say."""
    return protocol.schema()
