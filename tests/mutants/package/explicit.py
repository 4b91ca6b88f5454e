"""Faults on servers of somebody else's: what a run makes there stays, or what others have made goes."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_TESTS = "tests/system/test_left_elsewhere.py"
_OWNER = "test_framework/owner.py"
_CORE = "test_framework/supervisor/core.py"
_POSTGRES = "test_framework/services/_postgres_databases.py"
_REDIS = "test_framework/services/_redis_databases.py"


def _tests(*names: str) -> tuple[str, ...]:
    return tuple(f"{_TESTS}::{name}" for name in names)


MUTANTS = (
    Mutant(
        "a run on another machine loses its databases",
        _OWNER,
        r'_SIGNED = re.compile(rf"(\d+_\d+)_{_HERE}_\d+_\d+")',
        r'_SIGNED = re.compile(r"(\d+_\d+)_\w+_\d+_\d+")',
        ("tests/unit/test_owner.py",),
    ),
    Mutant(
        "a run on the same machine loses its databases",
        _OWNER,
        "return found is not None and not alive(found[1])",
        "return found is not None",
        ("tests/unit/test_owner.py",),
    ),
    Mutant(
        "what a killed run has left is never dropped",
        _POSTGRES,
        "        if not self._ours:\n            self._sweep()\n",
        "",
        _tests("test_nobody_elses_is_dropped"),
    ),
    Mutant(
        "a run that ends takes the databases of another with it",
        _POSTGRES,
        "self._admin.names(self._name_prefix)",
        "self._admin.names(_PREFIX + owner.MARK)",
        _tests("test_another_run_of_the_same_process"),
    ),
    Mutant(
        "what a run has made is not dropped when it ends",
        _POSTGRES,
        'left = "" if self._ours else self._drop_all()',
        'left = ""',
        _tests("test_a_run_that_ends"),
    ),
    Mutant(
        "pytest ends before its databases are gone, and so does the supervisor",
        "test_framework/supervisor/server.py",
        "if any(server.external for server in run.servers.values()):",
        "if run is None:",
        _tests("test_what_cannot_be_dropped_is_told"),
    ),
    Mutant(
        "the supervisor ends while it still drops what a killed run has made",
        _CORE,
        "            self._run_left.wait_for(lambda: not self._leaving, _LEAVE_SECONDS)\n",
        "            pass\n",
        _tests("test_a_run_that_is_killed"),
    ),
    Mutant(
        "a supervisor that is told to end leaves what a run has made",
        _CORE,
        "        for run in runs:\n            self.end_dedicated(run)\n",
        "",
        _tests("test_a_supervisor_that_is_told_to_end"),
    ),
    Mutant(
        "nobody is told what could not be dropped",
        _CORE,
        "        run.not_removed.append(",
        "        list().append(",
        _tests("test_what_cannot_be_dropped_is_told"),
    ),
    Mutant(
        "one database that cannot be dropped keeps all others",
        _POSTGRES,
        "            if self._admin.connection_lost:\n                raise\n",
        "            raise\n",
        _tests("test_what_cannot_be_dropped_is_told"),
    ),
    Mutant(
        "a numbered database of a killed run is lost for a day",
        _REDIS,
        "        if not self._ours:\n            self._sweep()\n",
        "",
        _tests("test_numbered_databases_of_a_dead_process"),
    ),
    Mutant(
        "keys of a run stay in numbered databases",
        _REDIS,
        "lambda: self._flush(*numbers))",
        "lambda: None)",
        _tests("test_numbered_databases_when_the_run_ends"),
    ),
)
