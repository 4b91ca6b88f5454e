"""Mocks for unit tests of code that talks to a language model or tells a browser of a run.

Each is made from the real class and checked against it: a method that the class does not have, or arguments that it
does not take, are errors at once. They are for unit tests alone. No service is one of these, and no provider ever
falls back to one: what cannot be had for real is skipped, with the reason.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import create_autospec

from test_framework.e2e.events import EVENT_ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["BadSpec", "Emitted", "MockFactory", "ScriptedLLM", "WatchedBridge"]


class BadSpec(TypeError):
    """The mock asked for does not fit the real class: it names what is missing, and what there is."""


@dataclass(frozen=True, slots=True)
class ScriptedLLM:
    """A mock of a language model that answers from a list.

    Attributes:
        mock: What the code under test is given.
        prompts: The first argument of each call so far.
    """

    mock: Any
    prompts: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Emitted:
    """One call of the bridge: which event it tells, and its arguments by name."""

    type: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class WatchedBridge:
    """A mock of what tells a client of an agent's run.

    Attributes:
        mock: What the code under test is given.
        emitted: The events that it has told, in order.
    """

    mock: Any
    emitted: list[Emitted] = field(default_factory=list)

    @property
    def types(self) -> tuple[str, ...]:
        """The types of the events, to compare with `EVENT_ORDER`."""
        return tuple(event.type for event in self.emitted)


class MockFactory:
    """Makes mocks. A `spec` is a class, or the name of one: `package.module:Class`."""

    def generic(self, spec: type | str, **attributes: Any) -> Any:
        """Return a mock of an instance; coroutine methods are awaited, as the real ones are.

        Args:
            spec: The class.
            attributes: For a method, what it returns, or an exception that it raises; for anything else its value.

        Raises:
            BadSpec: There is no such class, or it has no attribute of such a name.
        """
        kind = _class(spec)
        mock = create_autospec(_with_annotated(kind), instance=True, spec_set=True)
        for name, value in attributes.items():
            if not hasattr(mock, name):
                raise BadSpec(f"{kind.__name__} has no attribute {name!r}; there are {_names(dir(mock))}")
            if not callable(getattr(kind, name, None)):
                setattr(mock, name, value)
            elif isinstance(value, BaseException):
                getattr(mock, name).side_effect = value
            else:
                getattr(mock, name).return_value = value
        return mock

    def llm_manager(self, spec: type | str, replies: Iterable[Any] = (), *, method: str = "generate") -> ScriptedLLM:
        """Return a language model whose `method` answers with `replies`, one after the other.

        A reply that is an exception is raised. A call for which none is left is an `AssertionError`.

        Raises:
            BadSpec: The class has no such method.
        """
        kind = _class(spec)
        scripted = ScriptedLLM(self.generic(kind))
        script = list(replies)

        def answer(arguments: dict[str, Any]) -> Any:
            scripted.prompts.append(next(iter(arguments.values()), None))
            asked = len(scripted.prompts)
            if asked > len(script):
                raise AssertionError(f"call {asked} of {kind.__name__}.{method}, and {len(script)} replies were given")
            reply = script[asked - 1]
            if isinstance(reply, BaseException):
                raise reply
            return reply

        _watch(kind, scripted.mock, method, answer)
        return scripted

    def websocket_bridge(self, spec: type | str) -> WatchedBridge:
        """Return a bridge that keeps what it is told: for each event the method whose name ends with its name.

        `notify_agent_started`, `on_agent_started` and `agent_started` all are the method of `agent_started`.

        Raises:
            BadSpec: The class has no method for one of the five events, or two.
        """
        kind = _class(spec)
        bridge = WatchedBridge(self.generic(kind))

        def keep(event: str) -> Callable[[dict[str, Any]], None]:
            return lambda arguments: bridge.emitted.append(Emitted(event, arguments))

        for event in EVENT_ORDER:
            found = [name for name in _methods(kind) if name.endswith(event)]
            if len(found) != 1:
                has = f"has no method for {event}" if not found else f"has {len(found)} methods for {event}"
                raise BadSpec(f"{kind.__name__} {has}; there are {_names(_methods(kind))}")
            _watch(kind, bridge.mock, found[0], keep(event))
        return bridge


def _class(spec: type | str) -> type:
    if isinstance(spec, type):
        return spec
    module, _, name = spec.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadSpec(f"{spec!r} is not package.module:Class of a class that can be imported: {error}") from error
    if not isinstance(found, type):
        raise BadSpec(f"{spec!r} is {found!r}, which is no class")
    return found


def _with_annotated(kind: type) -> type:
    """Return the class with the attributes that it only announces, as protocols and data classes do."""
    announced = {name for base in kind.__mro__ for name in inspect.get_annotations(base)}
    missing = dict.fromkeys(sorted(announced - set(dir(kind))))
    return type(kind.__name__, (kind,), missing) if missing else kind


def _methods(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))]


def _watch(kind: type, mock: Any, method: str, react: Callable[[dict[str, Any]], Any]) -> None:
    """Let `react` answer the calls of a method; it is given their arguments by name, checked by the mock before."""
    if method not in _methods(kind):
        raise BadSpec(f"{kind.__name__} has no method {method!r}; there are {_names(_methods(kind))}")
    # The method as an instance has it, without `self`.
    signature = inspect.signature(getattr(mock, method))

    def called(*args: Any, **kwargs: Any) -> Any:
        return react(dict(signature.bind(*args, **kwargs).arguments))

    getattr(mock, method).side_effect = called


def _names(names: Iterable[str]) -> str:
    return ", ".join(name for name in names if not name.startswith("_")) or "none"
