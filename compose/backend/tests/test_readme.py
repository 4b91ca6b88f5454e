"""The README says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from harness.clients import FIVE
from harness.servers import Threaded
from pydantic_core import PydanticUndefined

from reference_backend.auth import tokens
from reference_backend.config import Settings
from reference_backend.events import model as events
from reference_backend.websocket import protocol
from reference_backend.websocket.closing import CloseCode

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def rows(*columns: str) -> list[list[str]]:
    """Return the rows of the table with these columns."""
    head = "| " + " | ".join(columns) + " |\n|" + "---|" * len(columns) + "\n"
    table = README.partition(head)[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def shown(default: Any) -> str:
    """Return a default as the table shows it."""
    if default is PydanticUndefined:
        return "needed"
    if default is None or hasattr(default, "get_secret_value"):
        return ""
    return f"`{json.dumps(default) if isinstance(default, dict | bool) else default}`"


def test_settings() -> None:
    """Each setting is in the table, with its default and its meaning."""
    told = rows("variable", "default", "meaning")
    assert told == [
        [f"`{field.validation_alias or f'BACKEND_{name.upper()}'}`", shown(field.default), field.description]
        for name, field in Settings.model_fields.items()
    ]


def test_endpoints(backend: Threaded) -> None:
    """Each endpoint is in the table, and each in the table is one."""
    told = {row[0].strip("`") for row in rows("endpoint", "does")}
    schema = backend.http.get("/openapi.json").json()["paths"]
    assert told == {f"{method.upper()} {path}" for path, methods in schema.items() for method in methods}


def test_close_codes() -> None:
    """Each code that the server closes with is in the table."""
    told = {int(code) for row in rows("close code", "means") for code in row[0].split(", ")}
    assert {int(code) for code in CloseCode} <= told
    assert told - {int(code) for code in CloseCode} == {1002, 1007, 1009, 1012}


def test_messages_and_events() -> None:
    """Each type of message and of event is named."""
    told = {json_type(row[0]) for row in rows("client says", "server answers")}
    union = get_args(protocol.ClientMessage)[0]
    assert told == {get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(union)}
    named = re.findall(r"`(\w+)`", README.partition("**Events**: ")[2].partition("each with")[0])
    union = get_args(events.Event)[0]
    assert named == FIVE == [get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(union)]


def json_type(text: str) -> str:
    """Return the type that an example message names."""
    found = re.search(r'"type": "(\w+)"', text)
    assert found
    return found[1]


def test_token_codes() -> None:
    """Each code of a token that is refused is named."""
    source = Path(tokens.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'"(token_\w+)"', source)) | {"token_missing", "session_ended"}
    told = README.partition("with `WWW-Authenticate` and a code: ")[2].partition(". ")[0]
    assert set(re.findall(r"`(\w+)`", told)) == codes


@pytest.mark.parametrize("command", ["serve", "migrate", "config"])
def test_commands(command: str) -> None:
    """Each command is in the table."""
    assert command in {row[0].strip("`").split()[0] for row in rows("command", "does")}
