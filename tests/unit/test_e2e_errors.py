"""Errors of a backend: the code is found in each form of answer, and what was secret in the request stays so."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from test_framework.e2e.errors import ApiError, ConnectionEnded, HandshakeRefused, error_code


def refused(body: object, status: int = 401, /, **request: Any) -> ApiError:
    """Return the error for an answer with that body."""
    asked = httpx.Request("POST", "http://127.0.0.1/auth/login", **request)
    content = body if isinstance(body, str) else json.dumps(body)
    return ApiError.of(httpx.Response(status, text=content, request=asked, headers={"X-Request-ID": "q1"}))


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "token_expired", "message": "It has."}}, "token_expired", "It has."),
        ({"error": "invalid_grant", "error_description": "It is used."}, "invalid_grant", "It is used."),
        (
            {"status": "down", "reasons": {"cache": "down"}},
            "http_503",
            '{"status": "down", "reasons": {"cache": "down"}}',
        ),
        ("<html>a proxy</html>", "http_503", "Service Unavailable"),
        ([1], "http_503", "Service Unavailable"),
        ("", "http_503", "Service Unavailable"),
    ],
)
def test_the_code_is_found(body: object, code: str, message: str) -> None:
    """In the form of the backend, in that of RFC 6749, and where there is none."""
    error = refused(body, 503)
    assert (error.status, error.code, error.message, error.request_id) == (503, code, message, "q1")
    assert str(error) == f"503 {code}: {message} (request q1)"


@pytest.mark.parametrize(
    "request_with",
    [
        {"json": {"email": "a@b.c", "password": "s3cret-s3cret"}},
        {"json": {"refresh_token": "s3cret-s3cret"}},
        {"data": {"code": "s3cret-s3cret", "code_verifier": "s3cret-s3cret"}},
        {"headers": {"Authorization": "Bearer s3cret-s3cret"}},
    ],
)
def test_a_server_that_repeats_a_secret_does_not_give_it_away(request_with: dict[str, Any]) -> None:
    """What was sent as one is not shown, wherever the answer has it."""
    error = refused({"error": {"code": "bad", "message": "no, s3cret-s3cret is wrong"}}, **request_with)
    assert error.message == "no, *** is wrong"
    assert "s3cret" not in repr(error)


def test_a_long_answer_is_cut() -> None:
    """An error is a line for a person."""
    assert len(refused({"error": {"code": "bad", "message": "x" * 5000}}).message) == 300


@pytest.mark.parametrize(
    ("body", "code"), [(b'{"error": {"code": "full"}}', "full"), (b"no JSON", "http_503"), (b"", "http_503")]
)
def test_a_handshake_has_a_code(body: bytes, code: str) -> None:
    """That of the body, else its status."""
    assert error_code(503, body) == code
    assert str(HandshakeRefused(503, code)) == f"the handshake was refused: 503 {code}"


def test_an_end_names_its_code() -> None:
    """And the reason, where there is one."""
    assert str(ConnectionEnded(4401, "token_expired")) == "the connection ended: 4401 token_expired"
    assert str(ConnectionEnded(1006, "")) == "the connection ended: 1006"


def test_the_package_itself_costs_nothing() -> None:
    """Who imports it, or asks for its help, has not loaded the libraries that its modules need."""
    heavy = "{'httpx', 'websockets', 'jsonschema', 'psutil'}"
    program = f"import sys, test_framework.e2e; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert found.stdout == "[]\n"
