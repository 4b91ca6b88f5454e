"""Evaluates expressions, as far as their value can be known; otherwise it is `UNKNOWN`."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class _Unknown:
    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("nobody knows")


class SourceText(_Unknown):
    """An open file, its text or the code of that: nothing more is known of it than where it lies."""

    __slots__ = ("path",)

    def __init__(self, path: str, *_: object) -> None:
        if not isinstance(path, str):
            raise TypeError(path)
        self.path = path

    def __str__(self) -> str:
        raise TypeError(self.path)

    def __eq__(self, other: object) -> bool:
        raise TypeError(self.path)

    __hash__ = None  # type: ignore[assignment]


UNKNOWN = _Unknown()
"""What cannot be known: neither true nor false, and equal to nothing."""

IMPORT_MODULE = object()
"""Stands for `importlib.import_module`, under whichever name."""


class ExpressionScope(Protocol):
    """Where an expression stands."""

    file: str

    def lookup(self, name: str) -> object:
        """Return what a name is bound to, or UNKNOWN."""

    def attribute(self, base: object, name: str) -> object:
        """Return an attribute of what may be a module, or UNKNOWN."""

    def findable(self, name: str) -> object:
        """Whether a module could be imported, or UNKNOWN."""


def constant(module: str, name: str) -> Any:
    """Return what an attribute of the standard library is on this machine, or UNKNOWN."""
    return _ATTRIBUTES.get(f"{module}.{name}", UNKNOWN)


def truth(expression: tuple[Any, ...], scope: ExpressionScope) -> bool | None:
    """Return whether a condition holds, or None when nobody knows."""
    found = value(expression, scope)
    if found is UNKNOWN:
        return None
    try:
        return bool(found)
    except TypeError:
        return None


def value(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    """Return what an expression is worth, or UNKNOWN."""
    try:
        return _VALUES[expression[0]](expression, scope)
    except (TypeError, ValueError, LookupError, AttributeError):
        return UNKNOWN


def _value_name(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    name = expression[1]
    if name == "__file__":
        return scope.file
    if name == "__name__":
        return UNKNOWN
    return scope.lookup(name)


def _value_attribute(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    dotted = _dotted(expression)
    if dotted in _ATTRIBUTES:
        return _ATTRIBUTES[dotted]
    base = value(expression[1], scope)
    if isinstance(base, _PathText):
        return base.attribute(expression[2])
    return scope.attribute(base, expression[2])


def _value_call(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    _, called, given = expression
    if called[0] == "a" and called[2] in _METHODS:
        base = value(called[1], scope)
        if isinstance(base, _PathText | SourceText | str):
            return _METHODS[called[2]](base, *(value(g, scope) for g in given))
    name = _dotted(called)
    if name.rpartition(".")[2] in _FINDS and given:
        return scope.findable(value(given[0], scope))
    known = _CALLS.get(name)
    if known is None:
        return UNKNOWN
    arguments = [value(g, scope) for g in given]
    return UNKNOWN if any(a is UNKNOWN for a in arguments) else known(*arguments)


def _value_both(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    wanted, known = expression[0] == "or", True
    for part in expression[1]:
        found = truth(part, scope)
        if found is wanted:
            return wanted
        known = known and found is not None
    return not wanted if known else UNKNOWN


def _value_not(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    found = truth(expression[1], scope)
    return UNKNOWN if found is None else not found


def _value_compare(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    _, operator, left, right = expression
    if left == ("n", "__name__") and operator == "Eq":
        # Nothing that pytest imports is the main program.
        return False if right == ("c", "__main__") else UNKNOWN
    values = value(left, scope), value(right, scope)
    return UNKNOWN if UNKNOWN in values else _COMPARE[operator](*values)


def _value_item(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    base = value(expression[1], scope)
    if _dotted(expression[1]) == "os.environ":
        return os.environ.get(value(expression[2], scope), UNKNOWN)
    if isinstance(base, _Parents):
        return base.at(value(expression[2], scope))
    return base[value(expression[2], scope)]


def _many(expression: tuple[Any, ...], scope: ExpressionScope) -> list[Any]:
    found = []
    for part in expression[1]:
        if part[0] == "*":
            found += value(part[1], scope)
        else:
            found.append(value(part, scope))
    return found


def _value_add(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    left, right = value(expression[1], scope), value(expression[2], scope)
    return UNKNOWN if left is UNKNOWN or right is UNKNOWN else left + right


def _value_divide(expression: tuple[Any, ...], scope: ExpressionScope) -> Any:
    left, right = value(expression[1], scope), value(expression[2], scope)
    return _PathText(os.path.join(left, right)) if isinstance(left, _PathText) else UNKNOWN


_VALUES: dict[str, Callable[[tuple[Any, ...], ExpressionScope], Any]] = {
    "?": lambda *_: UNKNOWN,
    "c": lambda e, _: e[1],
    "n": _value_name,
    "a": _value_attribute,
    "call": _value_call,
    "and": _value_both,
    "or": _value_both,
    "not": _value_not,
    "compare": _value_compare,
    "item": _value_item,
    "slice": lambda e, scope: value(e[1], scope)[value(e[2], scope) : value(e[3], scope)],
    "list": _many,
    "tuple": lambda e, scope: tuple(_many(e, scope)),
    "+": _value_add,
    "/": _value_divide,
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Eq": lambda a, b: a == b,
    "NotEq": lambda a, b: a != b,
    "Lt": lambda a, b: a < b,
    "LtE": lambda a, b: a <= b,
    "Gt": lambda a, b: a > b,
    "GtE": lambda a, b: a >= b,
    "In": lambda a, b: a in b,
    "NotIn": lambda a, b: a not in b,
    "Is": lambda a, b: a is b,
    "IsNot": lambda a, b: a is not b,
}


def _read(source: object) -> object:
    return source if isinstance(source, SourceText) else UNKNOWN


class _PathText(str):
    """A path that may be joined with a slash, as those of pathlib."""

    __slots__ = ()

    def attribute(self, name: str) -> Any:
        if name == "parent":
            return _PathText(os.path.dirname(self))
        if name == "parents":
            return _Parents(self)
        return os.path.basename(self) if name == "name" else UNKNOWN


class _Parents:
    def __init__(self, path: str) -> None:
        self.path = path

    def at(self, count: int) -> _PathText:
        found = self.path
        for _ in range(count + 1):
            found = os.path.dirname(found)
        return _PathText(found)


def _path(*parts: str) -> _PathText:
    return _PathText(os.path.join(*parts))


def _same(path: str, *_: object) -> str:
    return _PathText(os.path.normpath(path)) if isinstance(path, _PathText) else path


def _dotted(expression: tuple[Any, ...]) -> str:
    if expression[0] == "n":
        return str(expression[1])
    if expression[0] == "a":
        return f"{_dotted(expression[1])}.{expression[2]}"
    return "?"


_FINDS = ("find_spec", "find_loader", "find_module")
_METHODS: dict[str, Callable[..., Any]] = {
    "resolve": _same,
    "absolute": _same,
    "expanduser": _same,
    "as_posix": str,
    "joinpath": _path,
    **dict.fromkeys(("read_text", "read_bytes"), SourceText),
    "read": _read,
    "startswith": lambda text, start: text.startswith(start),
}
_PATHS = ("Path", "pathlib.Path", "PurePath", "pathlib.PurePath")
_CALLS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_PATHS, _path),
    "open": SourceText,
    "compile": lambda source, *_: _read(source),
    "str": str,
    "os.fspath": str,
    "bool": bool,
    "len": len,
    "tuple": tuple,
    "list": list,
    "platform.system": platform.system,
    "platform.python_implementation": platform.python_implementation,
    "platform.machine": platform.machine,
    "os.getenv": os.environ.get,
    "os.environ.get": os.environ.get,
    "os.path.exists": os.path.exists,
    "os.path.isdir": os.path.isdir,
    "os.getcwd": lambda: ".",  # the audited root: a path that is not absolute is joined to that
    **{f"os.path.{n}": getattr(os.path, n) for n in ("dirname", "join", "basename", "normpath")},
    **dict.fromkeys(("os.path.abspath", "os.path.realpath"), os.path.normpath),
    **{n: getattr(os.path, n) for n in ("dirname", "join", "normpath")},
    **dict.fromkeys(("abspath", "realpath"), os.path.normpath),
}
_ATTRIBUTES: dict[str, Any] = {
    "sys.version_info": tuple(sys.version_info),
    "sys.version_info.major": sys.version_info.major,
    "sys.version_info.minor": sys.version_info.minor,
    "sys.hexversion": sys.hexversion,
    "sys.platform": sys.platform,
    "sys.maxsize": sys.maxsize,
    "sys.byteorder": sys.byteorder,
    "os.name": os.name,
    "os.pardir": os.pardir,
    "os.sep": os.sep,
    "os.path.pardir": os.pardir,
    "os.path.sep": os.sep,
    "sys.implementation.name": sys.implementation.name,
    "typing.TYPE_CHECKING": False,
    "t.TYPE_CHECKING": False,
    "builtins.__debug__": True,
    "importlib.import_module": IMPORT_MODULE,
}
