"""The catalogue of reasons: every code has its sentences, and each is told from every other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import pytest

import test_framework
from test_framework.reasons import CATALOGUE, Code, Kind
from test_framework.resolution import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = {"seconds": 1.5}
PACKAGE = Path(test_framework.__file__).parent


def placeholders(code: Code) -> set[str]:
    """Return the names that the sentences of a code want filled in."""
    entry = CATALOGUE[code]
    return {name for text in (entry.message, entry.remedy) for _, name, _, _ in Formatter().parse(text) if name}


def filled(code: Code) -> Reason:
    """Return the reason with each placeholder replaced by its own name in brackets."""
    return Reason.of(code, **{name: NUMBERS.get(name, f"<{name}>") for name in placeholders(code)})


def test_every_code_has_an_entry_and_every_entry_a_code() -> None:
    """The list is closed: no code without sentences, no sentences without a code."""
    assert set(CATALOGUE) == set(Code)


@pytest.mark.parametrize("code", Code)
def test_sentences_fill_in(code: Code) -> None:
    """Message and remedy hold every value that they are given, on one line, with nothing left to fill in."""
    reason = filled(code)
    both = f"{reason.message} {reason.remedy}"
    for name in placeholders(code):
        assert f"{NUMBERS.get(name, f'<{name}>')}" in both
    assert reason.message.strip()
    assert reason.remedy.strip()
    for text in (reason.message, reason.remedy):
        assert not set(text) & set("{}\n\r")
        assert text == text.strip()


@pytest.mark.parametrize("code", Code)
def test_message_goes_on_into_the_remedy(code: Code) -> None:
    """A message ends without a full stop and a remedy begins like a sentence, since they are printed as one text."""
    reason = filled(code)
    assert reason.message[-1] not in ".!,;"
    assert reason.remedy[0].isupper()
    assert reason.remedy[-1] not in ",;:"


@pytest.mark.parametrize("code", Code)
def test_a_missing_value_is_an_error(code: Code) -> None:
    """A placeholder without a value raises, so that no person ever reads one."""
    for name in placeholders(code):
        fields = {other: NUMBERS.get(other, "x") for other in placeholders(code) - {name}}
        with pytest.raises(KeyError, match=name):
            Reason.of(code, **fields)


@pytest.mark.parametrize("field", ["message", "remedy"])
def test_no_two_codes_say_the_same(field: str) -> None:
    """Two causes that read alike could not be told apart."""
    texts = [getattr(filled(code), field) for code in Code]
    assert sorted(set(texts)) == sorted(texts)


def test_codes_are_words_with_hyphens() -> None:
    """A code is stable text that scripts compare: lower case, hyphens, the member's own name."""
    for code in Code:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert code.name == code.value.upper().replace("-", "_")


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (Kind.UNAVAILABLE, [Code.SOCKET_MISSING, Code.DAEMON_HUNG, Code.IMAGE_MISSING, Code.BINARY_MISSING]),
        (Kind.UNAVAILABLE, [Code.NOT_CONFIGURED, Code.HOST_NOT_ALLOWED, Code.DESTRUCTIVE, Code.CONNECTION_REFUSED]),
        (Kind.BROKEN, [Code.START_FAILED, Code.HEALTH_TIMEOUT, Code.SERVER_DIED, Code.LOGIN_FAILED]),
        (Kind.BROKEN, [Code.TLS_FAILED, Code.WRONG_SERVICE, Code.DISK_FULL, Code.TEMPLATE_FAILED]),
    ],
)
def test_unavailable_or_broken(kind: Kind, codes: list[Code]) -> None:
    """What is not there degrades; what is there and does not work fails."""
    assert {CATALOGUE[code].kind for code in codes} == {kind}


def calls() -> Iterator[tuple[str, Code, set[str]]]:
    """Yield the place, the code and the names of each call of `Reason.of` that spells out its values."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "Reason.of(" in text else ():
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("Reason"), attr="of"),
                    args=[ast.Attribute(value=ast.Name("Code"), attr=name)],
                    keywords=keywords,
                ) if all(keyword.arg for keyword in keywords):
                    given = {keyword.arg for keyword in keywords if keyword.arg}
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", Code[name], given


def test_callers_fill_in_every_sentence() -> None:
    """No call in the package forgets a value, also on paths that are hard to reach."""
    found = list(calls())
    assert found
    missing = {where: placeholders(code) - given for where, code, given in found}
    assert {where: names for where, names in missing.items() if names} == {}
