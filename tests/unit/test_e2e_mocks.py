"""Mocks: each use is checked against the real class, and what they keep is what was said."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import pytest

from test_framework.e2e.events import EVENT_ORDER
from test_framework.e2e.mocks import BadSpec, MockFactory

FACTORY = MockFactory()


class Manager(Protocol):
    """A language model as an application has it."""

    name: str

    async def generate(self, prompt: str, *, temperature: float = 0.0) -> str:
        """Return an answer."""

    def count_tokens(self, text: str) -> int:
        """Return how many there are."""


class Bridge:
    """Tells a client of a run, as an application does."""

    async def notify_agent_started(self, run_id: str) -> None:
        """Tell it."""

    async def notify_agent_thinking(self, run_id: str, text: str) -> None:
        """Tell it."""

    async def notify_tool_executing(self, run_id: str, tool: str) -> None:
        """Tell it."""

    async def notify_tool_completed(self, run_id: str, tool: str, result: object = None) -> None:
        """Tell it."""

    def notify_agent_completed(self, run_id: str) -> bool:
        """Tell it."""
        return bool(run_id)

    def close(self) -> None:
        """End."""


async def agent(manager: Any, bridge: Any, question: str) -> str:
    """Do what code under test does."""
    await bridge.notify_agent_started("r1")
    await bridge.notify_agent_thinking("r1", text="hm")
    await bridge.notify_tool_executing("r1", "calculator")
    await bridge.notify_tool_completed("r1", tool="calculator")
    answer: str = await manager.generate(question, temperature=0.5)
    bridge.notify_agent_completed("r1")
    return answer


def test_code_is_run_on_mocks() -> None:
    """The answers are those of the list, the prompts and the events are kept in order, by the names of arguments."""
    manager = FACTORY.llm_manager(Manager, ["forty-two", "again"])
    bridge = FACTORY.websocket_bridge(Bridge)
    assert asyncio.run(agent(manager.mock, bridge.mock, "6 * 7?")) == "forty-two"
    assert asyncio.run(agent(manager.mock, bridge.mock, "once more")) == "again"
    assert manager.prompts == ["6 * 7?", "once more"]
    assert bridge.types == EVENT_ORDER * 2
    assert bridge.emitted[1].arguments == {"run_id": "r1", "text": "hm"}
    assert isinstance(manager.mock, object)
    assert isinstance(bridge.mock, Bridge)


def test_an_answer_too_many_is_an_error() -> None:
    """The text says which call, and how many replies there were; a reply may be an exception."""
    manager = FACTORY.llm_manager(Manager, [TimeoutError("slow")])
    with pytest.raises(TimeoutError, match="slow"):
        asyncio.run(manager.mock.generate("one"))
    with pytest.raises(AssertionError, match=r"call 2 of Manager\.generate, and 1 replies were given"):
        asyncio.run(manager.mock.generate("two"))
    assert manager.prompts == ["one", "two"]


def test_another_method_is_scripted() -> None:
    """One that is no coroutine answers at once."""
    manager = FACTORY.llm_manager(Manager, [7], method="count_tokens")
    assert manager.mock.count_tokens(text="hello") == 7
    assert manager.prompts == ["hello"]


@pytest.mark.parametrize(
    "use",
    [
        lambda manager: manager.generte("x"),
        lambda manager: manager.generate(),
        lambda manager: manager.generate("x", 0.5),
        lambda manager: manager.generate("x", temprature=0.5),
        lambda manager: setattr(manager, "generte", None),
    ],
)
def test_a_use_that_the_real_class_refuses_is_an_error(use: Any) -> None:
    """A wrong name, or arguments that do not fit; a plain mock would take all of it."""
    for mock in (FACTORY.llm_manager(Manager, ["x"]).mock, FACTORY.generic(Manager)):
        with pytest.raises((AttributeError, TypeError)):
            use(mock)


def test_a_use_of_the_bridge_is_checked() -> None:
    """What is refused is not kept."""
    bridge = FACTORY.websocket_bridge(Bridge)
    with pytest.raises(TypeError, match="run_id"):
        bridge.mock.notify_agent_completed()
    assert bridge.emitted == []


def test_methods_return_what_they_are_told_to() -> None:
    """Coroutines are awaited, exceptions raised, and what is no method has its value."""
    mock = FACTORY.generic(Manager, generate="hello", count_tokens=ValueError("no"), name="a model")
    assert asyncio.run(mock.generate("x")) == "hello"
    with pytest.raises(ValueError, match="no"):
        mock.count_tokens("x")
    assert mock.name == "a model"
    mock.generate.assert_awaited_once_with("x")


def test_attributes_that_do_not_exist_are_refused() -> None:
    """With the names of those that do."""
    with pytest.raises(BadSpec, match=r"Manager has no attribute 'generte'; there are .*count_tokens, generate"):
        FACTORY.generic(Manager, generte="hello")


def test_a_class_that_lacks_what_is_scripted_is_refused() -> None:
    """With the names of the methods that it has."""
    with pytest.raises(BadSpec, match="Bridge has no method 'generate'; there are close, notify_agent_completed"):
        FACTORY.llm_manager(Bridge)
    with pytest.raises(BadSpec, match="Manager has no method for agent_started; there are count_tokens, generate"):
        FACTORY.websocket_bridge(Manager)


def test_two_methods_for_one_event_are_refused() -> None:
    """It could not be told which one tells it."""
    doubled = type("Doubled", (Bridge,), {"on_agent_started": Bridge.close})
    with pytest.raises(BadSpec, match="Doubled has 2 methods for agent_started"):
        FACTORY.websocket_bridge(doubled)


def test_a_class_can_be_named() -> None:
    """It is imported; the mock passes for an instance."""
    mock = FACTORY.generic("test_framework.e2e.events:EventRecorder", of_run=[])
    assert mock.of_run("r1") == []
    with pytest.raises(TypeError, match="too many"):
        mock.of_run("r1", "r2")


@pytest.mark.parametrize(
    "name", ["", "json", "no.such.module:X", "json:NoSuchClass", "json:dumps", "json:", ":JSONDecoder"]
)
def test_a_name_that_is_no_class_is_refused(name: str) -> None:
    """The error names it."""
    with pytest.raises(BadSpec, match=f"'{name}' is "):
        FACTORY.generic(name)
