"""Faults of Postgres' databases: a test finds what another one has left, or a server is not left as it was."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_SERVICES = "test_framework/services/_postgres_"
_POOL = "tests/integration/test_postgres_pool.py"
_STRANGERS = "tests/integration/test_postgres_leaks.py"
_FIXTURES = "tests/integration/test_postgres_fixtures.py"
_TEMPLATES = "tests/system/test_fixture_runs.py"


def _way(name: str) -> tuple[str, ...]:
    return (f"{_POOL}::test_the_next_test_finds_the_template[{name}]",)


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"{_SERVICES}{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "a database somebody is still in is said to be left",
        "admin",
        "time.monotonic() > deadline:\n                return False",
        "time.monotonic() > deadline:\n                return True",
        f"{_POOL}::test_a_session_that_stays_is_told",
    ),
    _mutant(
        "a database with a prepared transaction is not dropped",
        "admin",
        "            self._roll_back_prepared(name)\n            self._run",
        "            self._run",
        *_way("it prepares a transaction"),
    ),
    _mutant(
        "settings of a database stay for the next test",
        "admin",
        "(SELECT array_agg(r::text ORDER BY r::text) FROM pg_db_role_setting r WHERE r.setdatabase = d.oid)",
        "NULL",
        *_way("it sets"),
    ),
    _mutant(
        "the comment on a database stays for the next test",
        "admin",
        "(SELECT array_agg(c::text) FROM pg_shdescription c WHERE c.objoid = d.oid)",
        "NULL",
        *_way("it comments"),
    ),
    _mutant(
        "a limit of connections stays for the next test",
        "admin",
        "s.stats_reset, d::text",
        "s.stats_reset, NULL",
        *_way("it limits connections"),
    ),
    _mutant(
        "a test that resets the counts hides what it did",
        "admin",
        "s.stats_reset, d::text",
        "NULL, d::text",
        *_way("it resets the counts"),
    ),
    _mutant(
        "deleted rows are not noticed",
        "admin",
        "s.tup_updated, s.tup_deleted",
        "s.tup_updated, 0",
        *_way("it deletes one"),
    ),
    _mutant(
        "emptying a table empties those that inherit from it",
        "shape",
        "TRUNCATE ONLY {} RESTART",
        "TRUNCATE {} RESTART",
        *_way("it inserts above rows of the template"),
    ),
    _mutant(
        "a table is taken for full that only those below it are",
        "shape",
        "EXISTS (SELECT FROM ONLY {})",
        "EXISTS (SELECT FROM {})",
        *_way("it inserts above rows of the template"),
    ),
    _mutant(
        "a sequence is at its start that had advanced in the template",
        "shape",
        "asked = self.advanced.union(touched)",
        "asked = frozenset(touched)",
        *_way("it inserts where a sequence has advanced"),
    ),
    _mutant(
        "changed rows of the template stay",
        "shape",
        "        if not changed <= self.emptied.keys():\n            return False\n",
        "        changed &= self.emptied.keys()\n",
        *_way("it changes a row of the template"),
    ),
    _mutant(
        "rows of the template go with the table that they refer to",
        "shape",
        "if not others & full}",
        "if oid not in full}",
        *_way("it inserts below a table of the template"),
    ),
    _mutant(
        "triggers of a test's schema fire when its tables are emptied",
        "shape",
        '            clone.execute("SET session_replication_role = replica")\n',
        "",
        *_way("it inserts a long text"),
    ),
    _mutant(
        "a table is emptied without those that refer to it",
        "shape",
        "for to, by in references:",
        "for by, to in references:",
        *_way("it inserts"),
    ),
    _mutant(
        "a sequence that was set stays so",
        "pool",
        "now == before and not now.touched",
        "now == before",
        f"{_POOL}::test_a_sequence_that_was_touched_before_may_have_been_set",
    ),
    _mutant(
        "what is not in the counts is not compared",
        "pool",
        "now is None or now.facts != before.facts",
        "now is None",
        *_way("it sets"),
    ),
    _mutant(
        "a clone that could not be made counts as out for ever",
        "pool",
        "                clones.out -= 1\n            raise",
        "                pass\n            raise",
        f"{_POOL}::test_a_template_whose_clone_failed_is_not_held",
    ),
    _mutant(
        "what was made stays on somebody else's server",
        "databases",
        'left = "" if self._ours else self._drop_all()',
        'left = ""',
        f"{_POOL}::test_nothing_stays_on_a_server_of_somebody_elses",
    ),
    _mutant(
        "kept databases are never too many",
        "databases",
        "to_drop = self._retained[:-_MOST_RETAINED]",
        "to_drop = self._retained[:0]",
        f"{_POOL}::test_of_databases_that_are_kept_the_oldest_goes",
    ),
    _mutant(
        "databases of a dead run are never swept",
        "databases",
        "        if not self._ours:\n            self._sweep()\n",
        "",
        "tests/system/test_left_elsewhere.py::test_nobody_elses_is_dropped",
    ),
    _mutant(
        "roles of a template are taken for those of a test",
        "databases",
        "                    self._leaked_objects.accept_existing()",
        "                    pass",
        f"{_STRANGERS}::test_the_roles_of_a_template_stay",
    ),
    _mutant(
        "a template by code is not built anew in the next run",
        "templates",
        'f"{run} {entry}" if is_callable',
        "entry if is_callable",
        f"{_POOL}::test_a_template_by_code_is_built_for_each_run",
    ),
    _mutant(
        "a changed schema does not count",
        "templates",
        "if known is None or known[0] != stamp:",
        "if known is None:",
        f"{_POOL}::test_another_schema",
    ),
    _mutant(
        "a template that failed leaves its database",
        "templates",
        "        except Refused:\n            self._drop(name)\n            raise",
        "        except Refused:\n            raise",
        f"{_POOL}::test_a_template_that_fails_leaves_nothing",
    ),
    _mutant(
        "a template is kept that should be forgotten",
        "templates",
        "if known != name}",
        "if known is not None}",
        f"{_POOL}::test_another_schema_and_back",
    ),
    _mutant(
        "the line of a faulty statement is off by one",
        "templates",
        'text.count("\\n", 0, start) + 1',
        'text.count("\\n", 0, start)',
        f"{_TEMPLATES}::test_a_database_template_that_fails_is_shown",
    ),
    _mutant(
        "a role of a session that is still open is removed",
        "leaks",
        "if open_now or sessions != self._sessions:",
        "if sessions != self._sessions:",
        f"{_STRANGERS}::test_what_an_open_session_makes_beside_all_tests_stays",
    ),
    _mutant(
        "a role of a session that has ended is removed",
        "leaks",
        "if open_now or sessions != self._sessions:",
        "if open_now:",
        f"{_STRANGERS}::test_what_is_made_beside_all_tests_stays_for_them",
    ),
    _mutant(
        "a test's role stays once somebody was in another database",
        "leaks",
        "                self._sessions = sessions\n",
        "",
        f"{_STRANGERS}::test_a_session_counts_once",
    ),
    _mutant(
        "what was there before a run counts in it",
        "leaks",
        '"""Count external sessions from now on, since a run begins: the health checks before it do not count."""\n'
        "        with self._lock:\n            self._sessions, _ = self._external_sessions()",
        '"""Count external sessions from now on, since a run begins: the health checks before it do not count."""\n'
        "        with self._lock:\n            pass",
        f"{_STRANGERS}::test_a_session_before_the_run_does_not_count",
    ),
    _mutant(
        "a role goes while another test may use it",
        "leaks",
        "                if not who.intersection(others):\n                    del",
        "                if who:\n                    del",
        f"{_STRANGERS}::test_while_another_test_may_have_made_it_it_stays",
    ),
    _mutant(
        "a role stays whose maker is known",
        "leaks",
        "who.intersection(self._databases_using(leaked)) or who",
        "who",
        f"{_STRANGERS}::test_a_role_goes_with_the_test_whose_database_has_it",
    ),
    _mutant(
        "settings of everybody stay",
        "leaks",
        'name if leaked.name else sql.SQL("ALL")',
        "name",
        f"{_STRANGERS}::test_the_next_test_finds_none_of_it[settings of everybody]",
    ),
    _mutant(
        "a role stays that owns tables",
        "leaks",
        "                    _drop_owned(inside.execute, name)",
        "                    pass",
        f"{_STRANGERS}::test_a_failed_tests_database_keeps_its_rows",
    ),
    _mutant(
        "rows go with the role that owns them",
        "leaks",
        '    execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))\n',
        "",
        f"{_STRANGERS}::test_a_failed_tests_database_keeps_its_rows",
    ),
)
