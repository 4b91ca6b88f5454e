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


def _own(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    """Return one that the backend's own tests notice, by their names."""
    return _mutant(name, file, old, new, tuple(f"compose/backend/tests/test_{test}" for test in tests))


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
    _own(
        "a run that its own process has lost is never ended",
        "agent/registry.py",
        "alive = entry.run_id in mine if process == self._process else",
        "alive = True if process == self._process else",
        "processes.py::test_a_run_that_its_own_process_has_lost_is_ended",
    ),
    _own(
        "a word of a search is a pattern",
        "storage/messages.py",
        "position(lower(word) IN lower(messages.text)) > 0",
        "messages.text ILIKE '%%' || word || '%%'",
        "events.py::test_a_word_of_a_search_is_no_pattern",
    ),
    _own(
        "places of a process that is gone are never free again",
        "websocket/places.py",
        "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)\n",
        "",
        "websocket.py::test_a_place_of_a_process_that_is_gone_runs_out",
    ),
    _own(
        "a connection that lasts loses its place",
        "websocket/connection.py",
        "                await self._resources.places.take(self.user_id, self._name)\n",
        "",
        "websocket.py::test_a_connection_that_lasts_keeps_its_place",
    ),
    _own(
        "a place is not given back",
        "websocket/places.py",
        "                await self._redis.zrem(self._keys.connections(user_id), connection_id)\n",
        "                pass\n",
        "websocket.py::test_a_user_has_so_many_connections",
    ),
    _own(
        "a user has a connection more than he may",
        "websocket/places.py",
        "redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2])",
        "redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[2])",
        "websocket.py::test_a_user_has_so_many_connections",
    ),
    _own(
        "a process has a connection more than it may",
        "websocket/places.py",
        "if self.taken >= self._most:",
        "if self.taken > self._most:",
        "websocket.py::test_a_process_has_so_many_connections",
    ),
    _own(
        "a token of the user's other session is taken on a connection",
        "websocket/connection.py",
        "if (claims.user_id, claims.session_id) != (self.user_id, self.session_id):",
        "if claims.user_id != self.user_id:",
        "websocket.py::test_a_connection_keeps_its_session",
    ),
    _own(
        "the minute of wrong passwords never ends",
        "auth/accounts.py",
        "pipe.set(key, 0, ex=_WINDOW_SECONDS, nx=True)",
        "pipe.set(key, 0, nx=True)",
        "auth.py::test_wrong_passwords_are_counted_for_a_while",
    ),
    _own(
        "each wrong password makes the minute longer",
        "auth/accounts.py",
        "            pipe.incr(key)\n",
        "            pipe.incr(key)\n            pipe.expire(key, _WINDOW_SECONDS)\n",
        "auth.py::test_wrong_passwords_are_counted_for_a_while",
    ),
    _own(
        "wrong passwords are counted anew each time",
        "auth/accounts.py",
        "ex=_WINDOW_SECONDS, nx=True)",
        "ex=_WINDOW_SECONDS)",
        "auth.py::test_wrong_passwords_are_counted_for_a_while",
    ),
    _own(
        "the time of an answer tells which addresses there are",
        "auth/passwords.py",
        "            self._hasher.verify(kept or self._nobody, password)\n",
        "            if kept:\n                self._hasher.verify(kept, password)\n",
        "auth.py::test_an_unknown_address_costs_as_much_as_a_wrong_password",
    ),
    _own(
        "a stolen refresh token does not end its session",
        "auth/sessions.py",
        "            await self.end(UUID(user), name)\n            raise RefreshReused",
        "            raise RefreshReused",
        "auth.py::test_replay_of_an_old_refresh_token_ends_the_whole_session",
    ),
    _own(
        "a code is good more than once",
        "auth/codes.py",
        "kept: Any = await self._redis.getdel(self._keys.code(digest))",
        "kept: Any = await self._redis.get(self._keys.code(digest))",
        "oauth.py::test_a_code_is_good_once_and_a_replay_ends_its_session",
    ),
    _own(
        "a code is good without its verifier",
        "auth/codes.py",
        "or not secrets.compare_digest(_challenge(verifier), grant.challenge):",
        "or not grant.challenge:",
        "oauth.py::test_an_exchange_that_does_not_fit_is_refused",
    ),
    _own(
        "a message for another thread is taken for one that came twice",
        "storage/runs.py",
        "if kept != text or thread_id not in (None, thread):",
        "if kept != text:",
        "events.py::test_an_id_belongs_to_one_thread",
    ),
    _own(
        "a user has a run more than he may",
        "agent/runner.py",
        "if self._of_user[user_id] >= self._most:",
        "if self._of_user[user_id] > self._most:",
        "events.py::test_a_user_has_so_many_runs_at_once",
    ),
    _own(
        "a run is no row of the analytics",
        "agent/runner.py",
        '            self._analytics.record("run", accepted.user_id, about)\n',
        "",
        "health.py::test_what_happens_is_a_row_each",
    ),
    _own(
        "a page begins with the last row of the one before",
        "storage/pages.py",
        "position(rows[limit - 1])",
        "position(rows[limit - 2])",
        "threads.py::test_pages_have_each_thread_once",
    ),
)
