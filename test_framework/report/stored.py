"""Reports read back, whole and checked: what the page, the summary and a merge are made of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from test_framework.config.tiers import is_name
from test_framework.report.fixtures import FixtureTime
from test_framework.report.parsing import count, seconds
from test_framework.report.record import (
    COUNTED,
    COUNTS,
    EXPECTED,
    CollectionCounts,
    Failure,
    Record,
    Shard,
    TestEntry,
    read,
)
from test_framework.resolution import Skip

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

_KEYS = ("tier", "outcome", "counts", "services", "skips", "tests", "gate")
_OUTCOMES = ("interrupted", "failed", "passed", "skipped", "empty")


@dataclass(frozen=True, slots=True)
class Report:
    """A run with what the gate said of it; `why` holds what is wrong, also where it let that pass."""

    record: Record
    strict: bool
    red_gate: bool
    why: str | None

    @classmethod
    def of(cls, record: Record, gate: Mapping[str, Any]) -> Report:
        """Return the report of a run that has just been judged."""
        return cls(record, gate["strict"], gate["verdict"] == "red", gate["why"])

    @property
    def name(self) -> str:
        """The tier, for a person."""
        return self.record.tier or "no tier"

    @property
    def red(self) -> bool:
        """Whether it must not be taken for a success."""
        empty = self.record.outcome == "empty" and not self.record.is_part
        return self.red_gate or empty or self.record.outcome in {"failed", "interrupted"}


def stored(folder: Path, tiers: Iterable[str]) -> tuple[list[Report], list[str]]:
    """Return the reports of the tiers that have one, and a line for each that cannot be used."""
    found, unusable = [], []
    for tier in tiers:
        path = folder / f"{tier}.json"
        if not path.is_file():
            continue
        try:
            found.append(load(path))
        except (ValueError, OSError) as error:
            unusable.append(str(error))
    return found, unusable


def load(path: Path) -> Report:
    """Read a report.

    Raises:
        ValueError: It is none, or says what cannot be; the message names the file.
        OSError: It cannot be read.
    """
    data = read(path, _KEYS)
    try:
        record = _record(data)
        gate = data["gate"]
        if not isinstance(gate["strict"], bool) or gate["verdict"] not in {"red", "green"}:
            raise ValueError(f"its gate is {gate!r}")
        return Report.of(record, {**gate, "why": _text(gate["why"]) if gate["why"] is not None else None})
    except KeyError as error:
        raise ValueError(f"{path} is not a report: something in it has no {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a report: {error}") from error


def _record(data: dict[str, Any]) -> Record:
    record = Record(
        None if data["tier"] is None else _tier(data["tier"]),
        tests={t.nodeid: t for t in map(_test, data["tests"])},
        skips={s.nodeid: s for s in map(_skip, data["skips"])},
        services={_text(name): _service(told) for name, told in data["services"].items()},
        interrupted=_one_of(data["outcome"], _OUTCOMES) == "interrupted",
        started=seconds(data["started"]) if "started" in data else None,
        seconds=seconds(data.get("seconds", 0)),
        require=tuple(map(_text, data.get("require", ()))),
        fixtures=[_fixture(f) for f in data.get("fixtures", ())],
        shard=_shard(data["shard"]) if "shard" in data else None,
        collection=_collection(data["collection"]) if "collection" in data else None,
        shards=[_part(part) for part in data.get("shards", ())],
    )
    # What somebody has cut or added is noticed: a skip is one of a test, and the counts are those of the tests.
    if alone := record.skips.keys() - record.tests.keys():
        raise ValueError(f"it says of {min(alone)!r} why it was skipped, and has no such test")
    counts = _counts(data["counts"])
    if (counts, data["outcome"]) != (record.counts, record.outcome):
        raise ValueError(f"it says {data['outcome']}, {counts}, and its tests say {record.outcome}, {record.counts}")
    return record


def _counts(data: dict[str, object]) -> dict[str, int]:
    return {key: count(data[key]) for key in (*COUNTS, *(key for key in EXPECTED if key in data))}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _tier(value: object) -> str:
    """Return the name of a tier, from which the names of files are made."""
    if not is_name(name := _text(value)):
        raise ValueError(f"{name!r} is not the name of a tier")
    return name


def _one_of(value: object, choices: Collection[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{value!r} is not one of {', '.join(choices)}")
    return value


def _test(data: dict[str, Any]) -> TestEntry:
    return TestEntry(
        _text(data["nodeid"]),
        _one_of(data["outcome"], ("", *COUNTED)),
        seconds(data["seconds"]),
        {_text(name): {key: _known(on[key]) for key in ("provider", "version")} for name, on in _items(data)},
        [_text(url) for url in data.get("kept", ())],
        [_text(what) for what in data.get("left", ())],
        seconds(data["start"]) if "start" in data else None,
        _text(data.get("worker", "")),
        _failure(data["failure"]) if "failure" in data else None,
        data.get("collected", True) is not False,
    )


def _items(data: dict[str, Any]) -> Iterable[tuple[object, dict[str, object]]]:
    services: dict[object, dict[str, object]] = data["services"]
    return services.items()


def _known(value: object) -> str | None:
    return None if value is None else _text(value)


def _service(data: dict[str, Any]) -> dict[str, Any]:
    attempts = [
        {key: _known(attempt[key]) for key in ("code", "kind", "message", "remedy")}
        | {"provider": _text(attempt["provider"]), "seconds": seconds(attempt["seconds"])}
        | ({"at": seconds(attempt["at"])} if "at" in attempt else {})
        for attempt in data["attempts"]
    ]
    told = {"provider": _known(data["provider"]), "version": _known(data["version"]), "attempts": attempts}
    return told | {"note": _text(data["note"])} if "note" in data else told


def _skip(data: dict[str, Any]) -> Skip:
    return Skip(**{spec.name: _text(data[spec.name]) for spec in fields(Skip)})


def _failure(data: dict[str, Any]) -> Failure:
    return Failure(_text(data["message"]), _text(data["file"]), count(data["line"]), _text(data["text"]))


def _fixture(data: dict[str, Any]) -> FixtureTime:
    name, where, scope, test = (_text(data[key]) for key in ("name", "where", "scope", "test"))
    return FixtureTime(
        name, where, scope, count(data["setups"]), seconds(data["seconds"]), seconds(data["slowest"]), test
    )


def _shard(data: dict[str, Any]) -> Shard:
    shard = Shard(count(data["index"]), count(data["count"]), _text(data.get("source", "")))
    if not 1 <= shard.index <= shard.count:
        raise ValueError(f"there is no shard {shard.index} of {shard.count}")
    return shard


def _collection(data: dict[str, Any]) -> CollectionCounts:
    return CollectionCounts(count(data["tests"]), _text(data["sha256"]), count(data["selected"]))


def _part(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a merged report says of one of its shards."""
    services = {_text(name): _known(provider) for name, provider in data["services"].items()}
    told = {"index": count(data["index"]), "outcome": _one_of(data["outcome"], _OUTCOMES), "services": services}
    return told | {"counts": _counts(data["counts"]), "seconds": seconds(data["seconds"])}
