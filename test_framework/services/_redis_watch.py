"""Detects what tests change on a Redis server outside of their databases, in one round trip."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hiredis import ReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from test_framework.services._resp import RedisConnection

_KEYS = re.compile(r"^db(\d+):keys=(\d+)", re.M)
_CALLS = re.compile(
    r"^cmdstat_(acl|config|function|flushall|swapdb)(\|\w+)?:calls=(\d+),.*?(?:failed_calls=(\d+))?$", re.M
)
_READS = ("|get", "|help", "|list", "|users", "|whoami", "|getuser", "|cat", "|log", "|genpass", "|dryrun", "|stats")
_MOST_KEYS_NAMED = 3
"""How many keys are named of a database in which there should be none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the server at one moment.

    Attributes:
        keys: How many each database has that has any.
        calls: How often commands that change the whole server were called, by the command.
        facts: What these can change, by the command.
    """

    keys: Mapping[int, int]
    calls: Mapping[str, int]
    facts: Mapping[str, Mapping[str, object]]


class ServerWatch:
    """Compares snapshots of a server, over a connection that is in database 0; for one thread at a time.

    A snapshot is cheap: the numbers of keys, and how often the few commands were called by which a test can change the
    whole server. Only when one was called, what it can change is read.

    Args:
        connection: To the server.
        whole: Whether to look at more than the numbers of keys.
    """

    def __init__(self, connection: RedisConnection, *, whole_server: bool) -> None:
        self._connection = connection
        self._groups = tuple(_FACTS) if whole_server else ()
        self._last = Snapshot({}, {}, {})

    def snapshot(self) -> Snapshot:
        """Take a snapshot."""
        keys, stats = self._connection.ask_all(("INFO", "keyspace"), ("INFO", "commandstats"))
        calls: dict[str, int] = {}
        for command, sub, called, failed in _CALLS.findall(_text(stats)):
            if sub not in _READS:
                calls[command] = calls.get(command, 0) + int(called) - int(failed or 0)
        last = self._last
        facts = {
            # Not equal, and not more: CONFIG RESETSTAT begins to count anew.
            group: last.facts[group]
            if group in last.facts and calls.get(group) == last.calls.get(group)
            else self._facts(group)
            for group in self._groups
        }
        numbers = {int(number): int(count) for number, count in _KEYS.findall(_text(keys))}
        self._last = Snapshot(numbers, calls, facts)
        return self._last

    def changes(self, before: Snapshot, taken: Collection[int]) -> list[str]:
        """Return what has changed since a snapshot, except in the databases that are in use.

        Keys that became fewer are no change: they may have expired. Scripts neither: the server keeps each one that was
        ever run, by its content.
        """
        now = self.snapshot()
        found = [
            self._keys(number, count, before.keys.get(number, 0))
            for number, count in now.keys.items()
            if number not in taken and count > before.keys.get(number, 0)
        ]
        found += [
            f"{command.upper()} was called, which reaches the databases of other tests"
            for command in ("flushall", "swapdb")
            if now.calls.get(command, 0) > before.calls.get(command, 0)
        ]
        for group, facts in now.facts.items():
            found += [f"{group} {name}" for name in _differing(before.facts[group], facts)]
        return found

    def _keys(self, number: int, count: int, before: int) -> str:
        """Return the sentence on new keys of a database; it names keys where all are new."""
        names = ""
        if not before:
            _, scanned, _ = self._connection.ask_all(("SELECT", number), ("SCAN", 0), ("SELECT", 0))
            if not isinstance(scanned, ReplyError):
                shown = sorted(bytes(key).decode(errors="replace") for key in scanned[1])
                names = f": {', '.join(shown[:_MOST_KEYS_NAMED])}{' …' if count > _MOST_KEYS_NAMED else ''}"
        more = count - before
        return f"database {number} has {more} new key{'s' if more != 1 else ''}{names}"

    def _facts(self, group: str) -> Mapping[str, object]:
        """Return what a group of commands can change, by name; nothing where the server does not tell."""
        command, read = _FACTS[group]
        (answer,) = self._connection.ask_all(command)
        return {} if isinstance(answer, ReplyError) else read(answer)


def _differing(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Return the names alone: a value may be a secret."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _text(answer: Any) -> str:
    """Return the text of an INFO, which has lines as on Windows; a server that refuses it tells nothing."""
    return "" if isinstance(answer, ReplyError) else bytes(answer).decode(errors="replace").replace("\r\n", "\n")


def _pairs(answer: list[bytes]) -> dict[str, object]:
    return {name.decode(): value for name, value in zip(answer[::2], answer[1::2], strict=True)}


def _users(answer: list[bytes]) -> dict[str, object]:
    return {f"user {line.split()[1].decode()}": line for line in answer}


def _libraries(answer: list[list[Any]]) -> dict[str, object]:
    return {f"library {_pairs(library)['library_name'].decode()}": library for library in answer}  # type: ignore[attr-defined]  # bytes


_FACTS: dict[str, tuple[tuple[str, ...], Callable[[Any], dict[str, object]]]] = {
    "config": (("CONFIG", "GET", "*"), _pairs),
    "acl": (("ACL", "LIST"), _users),
    "function": (("FUNCTION", "LIST"), _libraries),
}
