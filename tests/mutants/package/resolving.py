"""Faults of the choice of a provider: the wrong one serves, or nobody hears why none does."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "what is broken goes on to the next provider",
        "resolve",
        "            if refused.reason.broken:\n                break\n",
        "",
        "tests/unit/test_resolve.py",
    ),
    _mutant(
        "what is unavailable ends the search",
        "resolve",
        "            if refused.reason.broken:",
        "            if not refused.reason.broken:",
        "tests/unit/test_resolve.py",
    ),
    _mutant(
        "a provider that is switched off is tried",
        "resolve",
        "        if provider in disabled:",
        "        if provider in ():",
        "tests/unit/test_resolve.py",
    ),
    _mutant(
        "the providers that nobody asked for are not named",
        "resolve",
        'for p in names("providers") if p not in order]',
        "for p in () if p not in order]",
        "tests/unit/test_resolve.py",
    ),
    _mutant(
        "a fault of ours goes on to the next provider",
        "resolve",
        "time.monotonic() - begin, at=at))\n            break",
        "time.monotonic() - begin, at=at))",
        "tests/unit/test_resolve.py",
    ),
    _mutant(
        "a server gets what it cannot reach",
        "resolve",
        "for provider in order if provider in allowed)",
        "for provider in order)",
        "tests/unit/test_needs.py",
    ),
    _mutant(
        "a broken dependency is one that is not there",
        "resolve",
        "Code.DEPENDENCY_BROKEN if reason.broken else",
        "Code.DEPENDENCY_BROKEN if not reason else",
        "tests/unit/test_needs.py",
    ),
    _mutant(
        "a backend of ours writes to a server elsewhere",
        "supervisor/needs",
        "            refuse_remote(server.endpoint)\n",
        "            pass\n",
        "tests/unit/test_needs.py",
    ),
    _mutant(
        "what a whole run has to itself may be of another machine",
        "supervisor/resolver",
        "                refuse_remote(server.endpoint)\n",
        "                pass\n",
        "tests/integration/test_supervisor_core.py::test_a_dedicated_server_is_none_of_another_machine",
    ),
    _mutant(
        "a port that another server has is not noticed",
        "supervisor/dedicated",
        "if port and (why := why_taken(port)):",
        "if False and (why := why_taken(port)):",
        "tests/unit/test_exec.py::test_a_port_that_is_taken_ends_it_before_the_start",
    ),
    _mutant(
        "a port that another server has on IPv6 is not noticed",
        "supervisor/dedicated",
        'socket.AF_INET6: "::1"}',
        "}",
        "tests/unit/test_exec.py",
    ),
    _mutant(
        "a question is asked more than once a run",
        "memo",
        "            if key not in self._answers:",
        "            if True:",
        "tests/unit/test_memo.py",
    ),
    _mutant(
        "workers that ask at once ask twice",
        "memo",
        "        with lock:\n",
        "        if True:\n",
        "tests/unit/test_memo.py",
    ),
    _mutant(
        "a failed question is asked again",
        "memo",
        "                    self._answers[key] = (None, error)",
        "                    raise",
        "tests/unit/test_memo.py",
    ),
    _mutant(
        "one question waits for another",
        "memo",
        "lock = self._locks.setdefault(key, threading.Lock())",
        'lock = self._locks.setdefault("", threading.Lock())',
        "tests/unit/test_memo.py",
    ),
    _mutant(
        "a message that is cut off is read",
        "supervisor/wire",
        "                    return None\n                self._read += received",
        '                    received = b"\\n"\n                self._read += received',
        "tests/unit/test_wire.py",
    ),
    _mutant(
        "a request for a server of one's own is one for a shared one",
        "supervisor/wire",
        'Dedicated(**data["dedicated"]) if data["dedicated"] else None',
        "None",
        "tests/unit/test_wire.py",
    ),
)
