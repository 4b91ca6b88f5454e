"""Faults of the supervisor: a server ends too early or never, or a run is told what is another's."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "what is beside the parts goes while another run goes on",
        "supervisor/core",
        "                if databases and not self._runs:",
        "                if databases:",
        "tests/integration/test_supervisor_core.py::test_what_is_beside_the_parts_goes_with_the_last_run",
    ),
    _mutant(
        "what is beside the parts stays for the next run",
        "supervisor/core",
        "                    databases.tidy()",
        "                    pass",
        "tests/integration/test_supervisor_core.py::test_what_is_beside_the_parts_goes_with_the_last_run",
    ),
    _mutant(
        "what a run has to itself stays when it leaves",
        "supervisor/core",
        "            self.end_dedicated(run)\n            for databases",
        "            for databases",
        "tests/integration/test_supervisor_core.py::test_what_a_run_has_to_itself_ends_with_its_last_client",
    ),
    _mutant(
        "what a killed worker had is never given back",
        "supervisor/core",
        "            self.give_back(client, name, retain=False)\n",
        "            pass\n",
        "tests/integration/test_supervisor_core.py::test_a_client_that_leaves_gives_back_what_it_has",
    ),
    _mutant(
        "a run ends with the first of its workers",
        "supervisor/core",
        "            known.clients += 1",
        "            known.clients = 1",
        "tests/integration/test_supervisor_core.py::test_what_a_run_has_to_itself_ends_with_its_last_client",
    ),
    _mutant(
        "a run that ends takes the servers of others with it",
        "supervisor/resolver",
        "for key in list(self._servers) if key.run == run.id]",
        "for key in list(self._servers)]",
        "tests/integration/test_supervisor_core.py::test_what_a_run_has_to_itself_ends_with_its_last_client",
    ),
    _mutant(
        "a server is forgotten and not ended",
        "supervisor/managed",
        "        self.server.stop()\n        for checkout",
        "        for checkout",
        "tests/integration/test_supervisor_core.py::test_what_a_run_has_to_itself_ends_with_its_last_client",
    ),
    _mutant(
        "a server that was started for a run that is over stays",
        "supervisor/resolver",
        "if self.closing or (context.dedicated and run.over):",
        "if self.closing:",
        "tests/integration/test_supervisor_core.py::test_a_run_that_is_over_holds_no_server",
    ),
    _mutant(
        "who wants a server to himself gets the shared one",
        "supervisor/resolver",
        "{request.order} {request.dedicated}",
        "{request.order}",
        "tests/integration/test_supervisor_core.py::test_what_a_run_has_to_itself_is_not_the_shared_one",
    ),
    _mutant(
        "two runs at once start two servers",
        "supervisor/resolver",
        "with nullcontext() if request.dedicated else self._lock_of(service):",
        "with nullcontext():",
        "tests/integration/test_supervisor_core.py::test_two_runs_at_once_start_one_server",
    ),
    _mutant(
        "a run does not hear that its server died",
        "supervisor/core",
        "for name in names if name in run.servers]",
        "for name in names if name not in run.servers and False]",
        "tests/integration/test_supervisor_core.py::test_a_server_that_dies_is_told_and_replaced",
    ),
    _mutant(
        "who came later is not counted when somebody is blamed",
        "supervisor/core",
        "            self._clients_ever += 1\n",
        "            self._clients_ever += not known.clients - 1\n",
        "tests/integration/test_supervisor_core.py::test_only_who_was_alone_is_to_blame",
    ),
    _mutant(
        "who shares a server is blamed for others",
        "supervisor/core",
        "self._clients_ever if alone else 0)",
        "self._clients_ever)",
        "tests/integration/test_supervisor_core.py::test_only_who_was_alone_is_to_blame",
    ),
    _mutant(
        "what a living run has on somebody else's server is swept",
        "owner",
        "return found is not None and not alive(found[1])",
        "return found is not None",
        "tests/system/test_left_elsewhere.py::test_nobody_elses_is_dropped",
    ),
    _mutant(
        "what a run of another machine has on somebody else's server is swept",
        "owner",
        "(\\d+_\\d+)_{_HERE}_\\d+_\\d+",
        "(\\d+_\\d+)_\\w+_\\d+_\\d+",
        "tests/system/test_left_elsewhere.py::test_nobody_elses_is_dropped",
    ),
    _mutant(
        "a port that was taken meanwhile ends the start",
        "providers/embedded",
        'if "ddress already in use" not in refused.log or',
        'if "no such words" not in refused.log or',
        "tests/integration/test_supervisor_core.py::test_another_port_where_somebody_was_faster",
    ),
    Mutant(
        "the socket of a supervisor that was killed at a fork stays",
        "test_framework/supervisor/guard.py",
        "            if time.monotonic() > deadline:\n                return",
        "            return",
        ("tests/unit/test_supervisor_closed.py::test_a_child_that_still_has_the_lock_is_waited_for",),
    ),
    Mutant(
        "a guard that takes its time ends a test with a warning of Python's",
        "test_framework/supervisor/guard.py",
        """threading.Thread(target=process.wait, daemon=True, name="wait for the guard").start()""",
        "pass",
        ("tests/unit/test_supervisor_closed.py::test_a_guard_that_takes_its_time_is_nobodys_warning",),
    ),
)
