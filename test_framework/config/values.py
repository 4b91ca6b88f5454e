"""Checks single values of the settings against the type of their field, and turns them into it."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework.config.custom import CustomServiceSettings
from test_framework.config.model import BadSetting, Download, Gate, Isolation, MajorMismatch, Packages, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import Field
    from enum import StrEnum

MOST_SECONDS = 2_147_483
"""The longest of all times, in seconds: a socket can wait no longer, since poll counts milliseconds in an int of C."""

EXACT = 2**53
"""Up to here a float holds each whole number, so that one can be counted with either way."""

SINGLE: dict[str, type] = {f.name: f.default_factory for f in fields(Settings) if "single" in f.metadata}  # type: ignore[misc]
"""The tables that are there once, such as `[tool.test_framework.levels]`: their names and what is in them."""

_MAY_BE_ONE = ("template", "sha256")
"""Lists of which a single text may take the place."""

_NO_KEYS: dict[type, tuple[str, ...]] = {Settings: ("root", "services", "tiers", "layers", "modes", "origins", *SINGLE)}
_NO_KEYS[CustomServiceSettings] = ("isolation", "extensions", "options", "root")  # of services that everybody has
_PACKAGE = Path(__file__).parent.parent


@cache
def names(package: str) -> tuple[str, ...]:
    """Return the modules of `providers` or `services`: a new file there is a new choice, with no list to keep."""
    found = (p for p in (_PACKAGE / package).iterdir() if not p.name.startswith("_"))
    return tuple(sorted(p.stem for p in found if p.suffix == ".py" or (p / "__init__.py").exists()))


def keys(model: type, service: str = "") -> dict[str, Field[Any]]:
    """Return the fields of a table that can be set, by their keys; that of `class` has another name in Python.

    Args:
        model: What is in the table.
        service: The one that everybody has whose table it is: not all of them read every key.
    """
    known = [f for f in fields(model) if f.name not in _NO_KEYS.get(model, ())]
    return {
        f.metadata.get("key", f.name): f for f in known if not service or service in f.metadata.get("of", (service,))
    }


def parsed(  # noqa: PLR0913  # a value, and what is known of it
    spec: Field[Any], key: str, value: object, source: str, *, text: bool, services: tuple[str, ...] = ()
) -> object:
    """Return a value as its field has it.

    Args:
        spec: The field.
        key: Its name, for the error.
        value: What was given.
        source: Where it came from, for the error.
        text: Whether it comes from a variable, where everything is a text.
        services: Those of the project's own, which are choices too.

    Raises:
        BadSetting: It is of the wrong type, or not one of the choices.
    """
    kind = str(spec.type)
    shown = "***" if spec.metadata.get("secret") else value
    if any("\0" in part for part in _parts(value)):
        # No path, argument or variable of this system can hold one.
        raise BadSetting.value(key, shown, source, "free of null bytes")
    if kind == "tuple[str, ...]":
        return _list(spec, key, value, source, text=text, services=services)
    if kind == "int":
        return _count(key, value, source, text=text, least=spec.metadata.get("least", 1))
    if kind == "Mapping[str, str]":
        return _pairs(key, value, source, text=text, shown=shown)
    if parse := _KINDS.get(kind):
        return parse(key, value, source, text=text)
    if not isinstance(value, str):
        raise BadSetting.value(key, shown, source, "a string")
    enum = _ENUMS.get(kind)
    if enum is None:
        return value
    if value not in list(enum):
        raise BadSetting.value(key, shown, source, f"one of {', '.join(enum)}")
    return enum(value)


def _parts(value: object) -> list[str]:
    """Return the texts of which a value is made."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return [part for part in (value if isinstance(value, list | tuple) else (value,)) if isinstance(part, str)]


def _list(  # noqa: PLR0913  # see `parsed`
    spec: Field[Any], key: str, value: object, source: str, *, text: bool, services: tuple[str, ...]
) -> tuple[str, ...]:
    if isinstance(value, str) and (text or key in _MAY_BE_ONE):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise BadSetting.value(key, value, source, "a list of strings")
    kind = spec.metadata.get("choices", "")
    choices = (*_choices(kind), *(services if kind == "services" else ())) if kind else value
    for item in value:
        if item not in choices:
            raise BadSetting.unknown(kind.removesuffix("s"), item, f"{key}, {source}", choices)
        if "pattern" in spec.metadata and not re.fullmatch(spec.metadata["pattern"], item):
            raise BadSetting.value(key, item, source, spec.metadata["wanted"])
    return tuple(value)


_ENUMS: dict[str, type[StrEnum]] = {
    "Download": Download,
    "Gate": Gate,
    "Isolation": Isolation,
    "MajorMismatch": MajorMismatch,
    "Packages": Packages,
}
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _choices(kind: str) -> tuple[str, ...]:
    """Return what a list of this kind may hold; the codes are imported only by who sets one."""
    if kind != "codes":
        return names(kind)
    from test_framework.reasons import Code

    return tuple(str(code) for code in Code)


def _boolean(key: str, value: object, source: str, *, text: bool) -> bool:
    if isinstance(value, bool):
        return value
    if text and isinstance(value, str) and value.lower() in (*_YES, *_NO):
        return value.lower() in _YES
    wanted = f"one of {', '.join((*_YES, *_NO))}" if text else "true or false"
    raise BadSetting.value(key, value, source, wanted)


def finite(value: object, most: float = EXACT) -> float | None:
    """Return a number from 0 to `most` as a float; None for anything else, NaN and what no float can hold among it."""
    # An int is compared as it is, however long it is: only then does it have to be a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return float(value)


def _number(key: str, value: object, source: str, *, text: bool) -> float:
    timed = key.endswith(("_seconds", "_timeout"))
    number = finite(_parsed(float, value) if text else value, MOST_SECONDS if timed else EXACT)
    if number is None:
        unit, most = (" of seconds", MOST_SECONDS) if timed else ("", EXACT)
        raise BadSetting.value(key, value, source, f"a number{unit} from 0 to {most}")
    return number


def _count(key: str, value: object, source: str, *, text: bool, least: int) -> int:
    number = _parsed(int, value) if text else value
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= EXACT:
        raise BadSetting.value(key, value, source, f"a whole number from {least} to {EXACT}")
    return number


def _parsed(kind: type[float], value: object) -> object:
    try:
        return kind(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _pairs(key: str, value: object, source: str, *, text: bool, shown: object) -> dict[str, str]:
    if text and isinstance(value, str):
        pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
        if not all(name and equals for name, equals, _ in pairs):
            wanted = "KEY=VALUE, KEY=VALUE, …; set values that contain a comma in pyproject.toml"
            raise BadSetting.value(key, shown, source, wanted)
        return {name: told for name, _, told in pairs}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise BadSetting.value(key, shown, source, "a table of strings")
    return value


def _options(key: str, value: object, source: str, *, text: bool) -> Mapping[str, object]:
    """Return the options of a server; their values are looked at when it is known whose they are."""
    if text:
        return _pairs(key, value, source, text=text, shown=value)
    if not isinstance(value, dict):
        raise BadSetting.value(key, value, source, "a table of settings of the server, such as { name = 1 }")
    return value


_KINDS: dict[str, Callable[..., Any]] = {
    "Options": _options,
    "bool": _boolean,
    "float": _number,
}
