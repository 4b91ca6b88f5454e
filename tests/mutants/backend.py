"""Faults of the reference backend: each is one that its users would see."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_TESTS = (
    "tests/e2e",
    "tests/mission_critical/test_agent_events.py",
    "tests/mission_critical/test_isolation.py",
    "tests/mission_critical/test_memory.py",
)


def _mutant(name: str, file: str, old: str, new: str, tests: tuple[str, ...] = _TESTS) -> Mutant:
    return Mutant(name, f"compose/backend/src/reference_backend/{file}", old, new, tests)


_THINKING = "    await _emit(parts, entry, events.Thinking(text=call.thought, tool=call.tool))\n"
_BETWEEN = "    name = uuid4()\n    arguments: dict[str, Any] = dict(call.arguments)\n"
_EXECUTING = "    await _emit(parts, entry, events.Executing(call_id=name, tool=call.tool, arguments=arguments))\n"

MUTANTS = (
    _mutant("two events swapped", "agent/run.py", _THINKING + _BETWEEN + _EXECUTING, _BETWEEN + _EXECUTING + _THINKING),
    _mutant(
        "an event to another user",
        "events/log.py",
        "        keys = self._keys\n        return int(",
        "        keys = self._keys\n"
        "        other, self._other = getattr(self, '_other', user_id), user_id\n"
        "        user_id = other if event['type'] == 'tool_completed' else user_id\n"
        "        return int(",
    ),
    _mutant(
        "an expired token accepted", "auth/tokens.py", '"strict_aud": True}', '"strict_aud": True, "verify_exp": False}'
    ),
    _mutant("a token of another audience accepted", "auth/tokens.py", '"strict_aud": True}', '"verify_aud": False}'),
    _mutant("a tampered token accepted", "auth/tokens.py", '"strict_aud": True}', '"verify_signature": False}'),
    _mutant(
        "a list without the user filter",
        "storage/threads.py",
        'FROM threads WHERE user_id = %s"\n    values',
        'FROM threads WHERE (user_id = %s OR true)"\n    values',
    ),
    _mutant(
        "a search without the user filter",
        "storage/messages.py",
        "WHERE user_id = %s AND role",
        "WHERE (user_id = %s OR true) AND role",
    ),
    _mutant(
        "an event lost on reconnection",
        "websocket/delivery.py",
        "begin = max(after, span.before)",
        "begin = max(after, span.before) + 1",
    ),
    _mutant(
        "an event repeated on reconnection",
        "websocket/delivery.py",
        "begin = max(after, span.before)",
        "begin = max(after, span.before) - 1",
    ),
    _mutant(
        "600 ms before each event is sent",
        "websocket/delivery.py",
        "        await self._channel.send(text)\n",
        "        await asyncio.sleep(0.6)\n        await self._channel.send(text)\n",
    ),
    _mutant(
        "1 MB kept of each session",
        "websocket/connection.py",
        "        self._ended = asyncio.Event()\n",
        "        self._ended = asyncio.Event()\n"
        "        logging._kept = [*getattr(logging, '_kept', ()), b'x' * (1 << 20)]\n",
    ),
    _mutant(
        "no last event after a fatal error",
        "agent/run.py",
        "    told_now = await _kept(parts, entry, finished)\n",
        "    told_now = ending.status == 'failed' or await _kept(parts, entry, finished)\n",
    ),
)
