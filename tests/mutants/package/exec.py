"""Faults of a command with servers of its own: it is told the wrong ones, or its end is not its own."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "a signal that somebody sends does not reach the command",
        "exec/child",
        "            if number in _PASSED and not everybody:",
        "            if number in () and not everybody:",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "Ctrl-C reaches the command twice",
        "exec/child",
        "            if number in _PASSED and not everybody:",
        "            if number in _PASSED:",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "a command that a signal has killed exits 0",
        "exec/child",
        "SIGNALLED + killed if killed else code",
        "code if code > 0 else 0",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "a command whose time is up goes on",
        "exec/child",
        "                self._send(self.steps.pop(0)[1])",
        "                self.steps.pop(0)",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "a command whose time is up is said to have ended by itself",
        "exec/child",
        "                self.late = True\n",
        "",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "what a command got is not told",
        "exec/child",
        "                got.append(number)\n",
        "                pass\n",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "a parent that ignores SIGCHLD loses the status",
        "exec/child",
        "    signal.signal(signal.SIGCHLD, signal.SIG_DFL)\n",
        "",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "a command cannot be stopped by SIGPIPE",
        "exec/child",
        "_IGNORED_BY_PYTHON if seconds is None else",
        "() if seconds is None else",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "a program that is not there is one that may not be run",
        "exec/child",
        "self.status = NOT_FOUND if missing else CANNOT_RUN",
        "self.status = CANNOT_RUN",
        "tests/unit/test_exec_child.py",
    ),
    _mutant(
        "a port of somebody else's server is said to be the one asked for",
        "exec/servers",
        'if dedicated.port and fields["port"] != str(dedicated.port):',
        'if dedicated.port and not fields["port"]:',
        "tests/unit/test_exec_servers.py",
    ),
    _mutant(
        "a server that asks for a password has none",
        "exec/servers",
        '    if not dedicated.password and fields["password"]:\n        raise',
        "    if False:\n        raise",
        "tests/unit/test_exec_servers.py",
    ),
    _mutant(
        "a server behind a socket is told as a host",
        "exec/servers",
        'if not parts.hostname or parts.scheme == "unix" or "host" in parse_qs(parts.query):',
        "if False:",
        "tests/unit/test_exec_servers.py",
    ),
)
