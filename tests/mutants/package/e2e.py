"""Faults of what end-to-end tests call: a check passes that must not."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "a percentile is the next smaller value",
        "e2e/levels",
        "max(0, math.ceil(len(values) * q / 100) - 1)",
        "max(0, int(len(values) * q / 100) - 1)",
        "tests/unit/test_e2e_levels.py",
    ),
    _mutant(
        "a level that was exceeded passes",
        "e2e/levels",
        "if measured > bound else None",
        "if measured > 2 * bound else None",
        "tests/unit/test_e2e_levels.py",
    ),
    _mutant(
        "a level that was not measured passes",
        "e2e/levels",
        '            return f"{name}: nothing was measured; {judged} must not exceed {bound:g} s"',
        "            return None",
        "tests/unit/test_e2e_levels.py",
    ),
    _mutant(
        "the worst latency is judged",
        "e2e/levels",
        '"event_latency": "p95"',
        '"event_latency": "max"',
        "tests/unit/test_e2e_levels.py",
    ),
    _mutant(
        "latency is told by the slowest run",
        "e2e/levels",
        "ahead = min((events",
        "ahead = max((events",
        "tests/unit/test_e2e_levels.py",
    ),
    _mutant(
        "a block that failed is measured",
        "e2e/levels",
        "        yield\n        self.add(name, time.monotonic() - begin)",
        "        try:\n            yield\n        finally:\n            self.add(name, time.monotonic() - begin)",
        "tests/unit/test_e2e_levels.py",
    ),
    _mutant(
        "a gap in the sequences passes",
        "e2e/events",
        "if after != before + 1:",
        "if after <= before:",
        "tests/unit/test_e2e_events.py",
    ),
    _mutant(
        "an event after the last one passes",
        "e2e/events",
        "    if types.count(expected[-1]) > 1 or types[-1] != expected[-1]:",
        "    if types.count(expected[-1]) > 1:",
        "tests/unit/test_e2e_events.py",
    ),
    _mutant(
        "a call that was never completed passes",
        "e2e/events",
        'return f"the calls {calls} were never completed" if calls else None',
        "return None",
        "tests/unit/test_e2e_events.py",
    ),
    _mutant(
        "calls that end crosswise pass",
        "e2e/events",
        "calls.pop() != call",
        "calls.pop(0) != call",
        "tests/unit/test_e2e_events.py",
    ),
    _mutant(
        "a time without a zone passes",
        "e2e/events",
        "datetime.fromisoformat(value).tzinfo is not None",
        "datetime.fromisoformat(value) is not None",
        "tests/unit/test_e2e_events.py",
    ),
    _mutant(
        "events of others pass",
        "e2e/events",
        "if event.run_id not in mine]",
        "if not mine]",
        "tests/unit/test_e2e_events.py",
    ),
    _mutant(
        "no event at all is right",
        "e2e/events",
        "        if not (events := self.events):\n            raise",
        "        if (events := self.events) is None:\n            raise",
        "tests/unit/test_e2e_events.py",
    ),
    _mutant(
        "an id that comes twice passes",
        "e2e/events",
        "if other := first.get(event.id):",
        "if (other := first.get(event.id)) and other is event:",
        "tests/unit/test_e2e_events.py",
    ),
    _mutant(
        "more users are under way than wanted",
        "e2e/load",
        "asyncio.Semaphore(most)",
        "asyncio.Semaphore(count)",
        "tests/unit/test_e2e_load.py",
    ),
    _mutant(
        "who is late is not told",
        "e2e/load",
        "        if task in late:",
        "        if task in ():",
        "tests/unit/test_e2e_load.py",
    ),
    _mutant(
        "only the first failure is told",
        "e2e/load",
        "list(failures.values()))",
        "list(failures.values())[:1])",
        "tests/unit/test_e2e_load.py",
    ),
    _mutant(
        "a leak is taken for warm-up",
        "e2e/memory",
        "len(self._samples) // 3 :]",
        "-3 :]",
        "tests/unit/test_e2e_memory.py",
    ),
    _mutant(
        "one step is a leak",
        "e2e/memory",
        "return median(slopes) / sessions",
        "return max(slopes) / sessions",
        "tests/unit/test_e2e_memory.py",
    ),
    _mutant(
        "growth is told for all sessions together",
        "e2e/memory",
        "return median(slopes) / sessions",
        "return median(slopes)",
        "tests/unit/test_e2e_memory.py",
    ),
    _mutant(
        "a model that is asked too often answers again",
        "e2e/mocks",
        "if asked > len(script):",
        "if not script:",
        "tests/unit/test_e2e_mocks.py",
    ),
    _mutant(
        "an error in the script is an answer",
        "e2e/mocks",
        "            if isinstance(reply, BaseException):\n                raise reply\n",
        "",
        "tests/unit/test_e2e_mocks.py",
    ),
    _mutant(
        "a mock takes attributes that the class does not have",
        "e2e/mocks",
        "instance=True, spec_set=True",
        "instance=True",
        "tests/unit/test_e2e_mocks.py",
    ),
    _mutant(
        "the WebSocket of an https backend has no TLS",
        "e2e/deployment",
        '"wss" if backend.scheme == "https" else "ws"',
        '"ws"',
        "tests/unit/test_e2e_deployment.py",
    ),
    _mutant(
        "a password in an address is taken",
        "e2e/deployment",
        "if parts.username is not None or parts.query",
        "if parts.query",
        "tests/unit/test_e2e_deployment.py",
    ),
    _mutant(
        "a condition that is true at once is not looked at",
        "e2e/waiting",
        "    while True:\n        try:\n            if value := condition():",
        "    while True:\n        time.sleep(wait.pause())\n        try:\n            if value := condition():",
        "tests/unit/test_e2e_waiting.py",
    ),
    _mutant(
        "a wait on the WebSocket ends without what was waited for",
        "e2e/operation",
        "            error = step.late",
        '            error = TimeoutError("late")',
        "tests/system/test_e2e_websocket.py::test_nothing_waits_for_ever",
    ),
    _mutant(
        "the end of a WebSocket is an error of the library",
        "e2e/operation",
        "            error = ended(closed)",
        "            error = closed",
        "tests/system/test_e2e_websocket.py::test_a_bad_token_ends_the_connection",
    ),
    _mutant(
        "only one client of the WebSocket can resume",
        "e2e/websocket_async",
        "    resume = _method(Conversation.resume)\n",
        "",
        "tests/unit/test_e2e_websocket.py",
    ),
)
