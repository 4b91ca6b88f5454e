"""The two clients of the WebSocket offer the same: what the conversation knows, each in its way."""

from __future__ import annotations

import inspect

import pytest

from test_framework.e2e.protocol import Conversation
from test_framework.e2e.websocket import AsyncWebSocketClient, WebSocketClient

OPERATIONS = sorted(name for name in vars(Conversation) if not name.startswith("_") and name != "opening")


@pytest.mark.parametrize("client", [WebSocketClient, AsyncWebSocketClient])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_a_method_of_both(client: type, name: str) -> None:
    """With the arguments and the docstring that the conversation has."""
    method, operation = getattr(client, name), getattr(Conversation, name)
    assert inspect.getdoc(method) == inspect.getdoc(operation)
    assert list(inspect.signature(method).parameters) == list(inspect.signature(operation).parameters)
    assert inspect.iscoroutinefunction(method) == (client is AsyncWebSocketClient)


def test_neither_has_a_method_that_the_other_lacks() -> None:
    """Who changes from one to the other changes no names."""
    one, other = (
        {n for n in dir(client) if not n.startswith("_")} for client in (WebSocketClient, AsyncWebSocketClient)
    )
    assert one == other >= set(OPERATIONS)
