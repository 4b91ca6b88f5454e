"""Faults of Redis' keyspaces: a test finds the keys of another one, or nobody hears what it left."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_SERVICES = "test_framework/services/_redis_"
_TESTS = "tests/integration/test_redis_keyspaces.py"
_RUNS = "tests/system/test_redis_keyspace_runs.py"
"""Where whole runs show it."""


def _mutant(name: str, file: str, old: str, new: str, test: str) -> Mutant:
    return Mutant(name, f"{_SERVICES}{file}.py", old, new, (test if "::" in test else f"{_TESTS}::{test}",))


MUTANTS = (
    _mutant(
        "a database with somebody's keys is handed out",
        "databases",
        "number in self._in_use or number in seen.keys",
        "number in self._in_use",
        "test_a_database_with_keys_is_not_handed_out",
    ),
    _mutant(
        "two runs have the same database",
        "databases",
        "if not self._ours and not self._connection.ask(\n",
        "if not self._ours and not (lambda *_: True)(\n",
        "test_two_runs_have_different_databases",
    ),
    _mutant(
        "the claim on a database is another run's, and it is taken",
        "databases",
        'self._owner_mark, "NX", "EX", _CLAIM_SECONDS',
        'self._owner_mark, "EX", _CLAIM_SECONDS',
        "test_two_runs_have_different_databases",
    ),
    _mutant(
        "a claim on a database lasts for ever",
        "databases",
        'self._owner_mark, "NX", "EX", _CLAIM_SECONDS',
        'self._owner_mark, "NX"',
        "test_two_runs_have_different_databases",
    ),
    _mutant(
        "a claim stays when its database is given back",
        "databases",
        'claim = () if self._ours else (("DEL", _claim_key(number)),)',
        "claim = ()",
        "test_a_database_that_was_given_back_can_be_had_again",
    ),
    _mutant(
        "databases run out, though they were given back",
        "databases",
        "            self._in_use.discard(number)\n",
        "",
        "test_a_database_that_was_given_back_can_be_had_again",
    ),
    _mutant(
        "a database is handed out that the server does not have",
        "databases",
        "self._next = self._next % (self._count - 1) + 1",
        "self._next = self._next % self._count + 1",
        "test_a_database_that_was_given_back_can_be_had_again",
    ),
    _mutant(
        "keys of a test are there for the next one",
        "databases",
        '("SELECT", number), ("FLUSHDB",), ("SELECT", 0), *claim)',
        '("SELECT", number), ("SELECT", 0), *claim)',
        "test_a_database_that_was_given_back_can_be_had_again",
    ),
    _mutant(
        "the next command goes to the database that was flushed",
        "databases",
        '("FLUSHDB",), ("SELECT", 0), *claim)',
        '("FLUSHDB",), *claim)',
        "test_a_database_that_was_given_back_can_be_had_again",
    ),
    _mutant(
        "of kept databases one too few stays",
        "databases",
        "if len(self._retained) <= MOST_RETAINED:",
        "if len(self._retained) < MOST_RETAINED:",
        "test_of_databases_that_are_kept_the_oldest_goes",
    ),
    _mutant(
        "what a failed test had is flushed when the run ends",
        "databases",
        "if number not in {*self._in_use, *also_spared}]",
        "if number not in also_spared]",
        f"{_RUNS}::test_what_is_left_is_told_in_each_run[database]",
    ),
    _mutant(
        "a server of somebody else's is emptied",
        "databases",
        "            return\n        with self._lock, suppress(OSError):\n            strays",
        "            pass\n        with self._lock, suppress(OSError):\n            strays",
        "test_a_server_of_somebody_elses_is_not_emptied",
    ),
    _mutant(
        "more keys beside those that were there are not noticed",
        "watch",
        "count > before.keys.get(number, 0)\n",
        "number not in before.keys\n",
        "test_more_keys_than_before_are_noticed",
    ),
    _mutant(
        "a test is blamed for keys that expired",
        "watch",
        "number not in taken and count > before.keys.get(number, 0)",
        "number not in taken and count != before.keys.get(number, 0)",
        "test_fewer_keys_than_before_are_no_change",
    ),
    _mutant(
        "a test is blamed for the databases of others",
        "watch",
        "if number not in taken and count",
        "if count",
        "test_keys_in_a_database_that_is_out_are_no_change",
    ),
    _mutant(
        "a test is blamed for a command that the server refused",
        "watch",
        "calls.get(command, 0) + int(called) - int(failed or 0)",
        "calls.get(command, 0) + int(called)",
        "test_a_command_that_was_refused_is_no_change",
    ),
    _mutant(
        "a change of the server's configuration is not noticed",
        "watch",
        "for group, facts in now.facts.items():",
        'for group, facts in (item for item in now.facts.items() if item[0] != "config"):',
        f"{_RUNS}::test_what_is_left_beside_a_database",
    ),
    _mutant(
        "what a killed run has left is never swept",
        "prefixes",
        "self._remove([name for name in users if owner.abandoned(name, _PREFIX)])",
        "self._remove([])",
        "test_a_server_of_somebody_elses_is_left_as_it_was",
    ),
    _mutant(
        "users of a living run are swept",
        "prefixes",
        "if owner.abandoned(name, _PREFIX)])",
        "if name.startswith(_PREFIX)])",
        "test_a_server_of_somebody_elses_is_left_as_it_was",
    ),
    _mutant(
        "what is kept stays on somebody else's server",
        "prefixes",
        "names = [*self._retained, *self._checked_out]",
        "names = [*self._checked_out]",
        "test_a_server_of_somebody_elses_is_left_as_it_was",
    ),
    _mutant(
        "what is out stays on somebody else's server",
        "prefixes",
        "names = [*self._retained, *self._checked_out]",
        "names = [*self._retained]",
        "test_a_server_of_somebody_elses_is_left_as_it_was",
    ),
    _mutant(
        "of many keys only the first page is removed",
        "prefixes",
        'if cursor == "0":',
        'if cursor == "0" or True:',
        "test_a_prefix_leaves_nothing",
    ),
    _mutant(
        "who has a prefix may look at the keys of all",
        "prefixes",
        '"-scan", "-dbsize"',
        '"-dbsize"',
        "test_a_prefix_cannot_be_left[scan]",
    ),
    _mutant(
        "who has a prefix may read the keys of others",
        "prefixes",
        'f"~{prefix}*", "resetchannels"',
        '"~*", "resetchannels"',
        "test_a_prefix_cannot_be_left[read]",
    ),
    _mutant(
        "who has a prefix hears the channels of others",
        "prefixes",
        '"resetchannels", f"&{prefix}*"',
        '"allchannels"',
        "test_a_prefix_cannot_be_listened_to",
    ),
    _mutant(
        "what a failed test had under a prefix goes when the run ends",
        "prefixes",
        "for name in (*self._checked_out, *self._retained))",
        "for name in self._checked_out)",
        f"{_RUNS}::test_what_is_left_is_told_in_each_run[prefix]",
    ),
)
