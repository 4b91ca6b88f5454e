"""Faults of bounds: what hangs is waited for, and holds up what does not."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_PROBE = "test_framework/providers/docker/probe.py"
_SEVERAL = "tests/system/test_docker_several.py::TestSeveral"
_HUNG = "tests/system/test_docker_hung.py::TestHung"

MUTANTS = (
    Mutant(
        "a Docker daemon that hangs is waited for ten seconds",
        _PROBE,
        "_SECONDS = 1.0",
        "_SECONDS = 10.0",
        (f"{_HUNG}::test_daemon_that_never_answers",),
    ),
    Mutant(
        "the time that a probe is given is not its own",
        _PROBE,
        "return try_each(candidates(env, home or home_of(env)), env, seconds=seconds)",
        "return try_each(candidates(env, home or home_of(env)), env)",
        (f"{_HUNG}::test_budget_is_the_callers",),
    ),
    Mutant(
        "a Docker socket that hangs leaves no time for the next",
        _PROBE,
        "_HEAD_START = 0.5",
        "_HEAD_START = 1.0",
        (f"{_SEVERAL}::test_hung_ones_leave_time_for_a_healthy_one",),
    ),
    Mutant(
        "a fault of one Docker socket does not let the next one start",
        _PROBE,
        "            if not self._running:\n",
        "            if not self._running and (not self.faults or time.monotonic() > head_start_ends):\n",
        (f"{_SEVERAL}::test_fault_lets_the_next_one_start_at_once",),
    ),
    Mutant(
        "each Docker socket that hangs is waited for by itself",
        _PROBE,
        "    race = _Race([candidate for candidate in tried if candidate not in absent], env, ends, seconds)\n"
        "    if engine := race.run():\n"
        "        return engine\n",
        "    race = _Race([], env, ends, seconds)\n"
        "    for candidate in tried:\n"
        "        one = _Race([candidate], env, time.monotonic() + seconds, seconds)\n"
        "        if engine := one.run():\n"
        "            return engine\n"
        "        race.faults |= one.faults\n",
        (f"{_SEVERAL}::test_all_hung_take_one_budget",),
    ),
    Mutant(
        "the system's resolver is waited for",
        "test_framework/net.py",
        "    thread.join(seconds)\n",
        "    thread.join()\n",
        ("tests/integration/test_net.py::test_a_resolver_that_hangs",),
    ),
    Mutant(
        "an attempt takes no time",
        "test_framework/resolve.py",
        "attempts.append(Attempt(provider, None, time.monotonic() - begin, at=at))",
        "attempts.append(Attempt(provider, None, 0.0, at=at))",
        ("tests/unit/test_resolve.py::test_each_attempt_says_how_long_it_took",),
    ),
)
