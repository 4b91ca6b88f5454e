"""The reports of a tier's shards as one, which is judged like that of a single run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from test_framework.report.fixtures import merge_fixture_times
from test_framework.report.record import CollectionCounts, Record, TestEntry
from test_framework.report.wording import plural, unavailable_attempts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from test_framework.report.stored import Report
    from test_framework.resolution import Skip

_WORST = ("failed", "error", "xpassed", "xfailed", "passed", "skipped", "")
_LISTED = 8
"""So many missing shards in a row are named one by one."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What the shards were together.

    Attributes:
        record: All their tests, with the worker `1/gw0` for `gw0` of the first; its times are those of each shard.
        strict: Whether one of them was judged strictly.
        faults: Why it is not the whole tier, which nothing makes good.
        red: What the gate said of each shard that it found red.
    """

    record: Record
    strict: bool
    faults: tuple[str, ...]
    red_shards: tuple[str, ...] = ()


def merge(shards: Sequence[tuple[Path, Report]], count: int | None = None) -> Merged:
    """Put the reports of shards together.

    Args:
        shards: Each with the file that it was read from; one at least.
        count: How many there have to be; None when the reports say so themselves.

    Raises:
        ValueError: They are not the shards of one run; the message names the file.
    """
    numbered, of = _numbered(shards, count)
    records = [(index, report.record) for index, report in numbered]
    first = records[0][1]
    missing = _missing(shards, [index for index, _ in records], of)
    twice = _duplicate_tests([record for _, record in records])
    require = first.require
    services = [record.services for _, record in records]
    tests, skips = _tests(records)
    merged = Record(
        first.tier,
        tests=tests,
        skips=skips,
        services={name: _service(name, services, require) for name in dict.fromkeys(n for s in services for n in s)},
        interrupted=bool(missing) or any(record.interrupted for _, record in records),
        started=min((r.started for _, r in records if r.started is not None), default=None),
        seconds=max(record.seconds for _, record in records),
        require=require,
        fixtures=merge_fixture_times(fixture for _, record in records for fixture in record.fixtures),
        shards=[_shard_summary(index, record) for index, record in records],
    )
    unlike = _collection_mismatches(records)
    # Where a file could not be collected, pytest runs no test: that is red by itself, as it is in a single run.
    stopped = any(t.outcome == "error" and not t.collected for t in merged.tests.values())
    lost = [] if missing or unlike or stopped else _unrun_tests(records)
    strict = any(report.strict for _, report in shards)
    red = tuple(f"shard {index} was red: {report.why}" for index, report in numbered if report.red_gate)
    return Merged(merged, strict, (*missing, *unlike, *lost, *twice), red)


def _numbered(shards: Sequence[tuple[Path, Report]], count: int | None) -> tuple[list[tuple[int, Report]], int]:
    """Return the shards in their order, and how many there have to be; refuse those of different runs."""
    path, first = shards[0]
    found: dict[int, tuple[Path, Report]] = {}
    for at, report in shards:
        shard, wanted = report.record.shard, first.record.shard
        if (shard is None) != (wanted is None):
            one = path if shard else at
            raise ValueError(f"{one} is not the report of a shard, and others are.")
        if shard and wanted and shard.count != (count or wanted.count):
            of = f"{count}, which --shards asks for" if count else f"{wanted.count}, as {path} is"
            raise ValueError(f"{at} is a shard of {shard.count}, and not of {of}.")
        if report.record.require != first.record.require:
            mine, others = (", ".join(r.record.require) or "nothing" for r in (report, first))
            raise ValueError(f"{at} required {mine}, and {path} {others}: they are not of one run.")
        index = shard.index if shard else len(found) + 1
        if index in found:
            raise ValueError(f"{at} and {found[index][0]} are both shard {index}.")
        found[index] = at, report
    of_all = count or (first.record.shard.count if first.record.shard else None)
    if of_all is None:
        raise ValueError(f"{path} does not say which shard it is. Say with --shards how many there have to be.")
    if len(found) > of_all:
        raise ValueError(f"there are {len(found)} reports, and --shards asks for {of_all}.")
    return [(index, found[index][1]) for index in sorted(found)], of_all


def _missing(shards: Sequence[tuple[Path, Report]], indexes: Sequence[int], of: int) -> list[str]:
    if len(indexes) == of:
        return []
    if shards[0][1].record.shard is None:
        return [f"{of - len(indexes)} of {of} shards are missing"]
    many = of - len(indexes)
    return [f"shard{'s' if many > 1 else ''} {', '.join(_gaps(indexes, of))} of {of} missing"]


def _gaps(indexes: Sequence[int], of: int) -> Iterator[str]:
    """Yield what is not among sorted numbers from 1 on: each number, or the first and the last of many."""
    before = 0
    for index in (*indexes, of + 1):
        first, last = before + 1, index - 1
        if last - first < _LISTED:
            yield from map(str, range(first, last + 1))
        else:
            yield f"{first}-{last}"
        before = index


def _duplicate_tests(records: Sequence[Record]) -> list[str]:
    """Return what is wrong when the shards overlap: they were not cut from the same tests."""
    seen: set[str] = set()
    twice: list[str] = []
    for record in records:
        ran = [nodeid for nodeid, test in record.tests.items() if test.collected]
        twice += [nodeid for nodeid in ran if nodeid in seen]
        seen.update(ran)
    return [f"{plural(len(twice), 'test')} ran in more than one shard, such as {twice[0]}"] if twice else []


def _collection_mismatches(records: Sequence[tuple[int, Record]]) -> list[str]:
    """Return what is wrong when the machines have collected different tests: then no parts of these are a whole."""
    told = [(index, record.collection) for index, record in records if record.collection]
    if not told:
        return []
    first, whole = told[0]
    return [
        f"shard {index} has collected {plural(other.tests, 'test')}, and shard {first} "
        + (f"{whole.tests:,}" if other.tests != whole.tests else "others")
        for index, other in told[1:]
        if other.sha256 != whole.sha256
    ]


def _unrun_tests(records: Sequence[tuple[int, Record]]) -> list[str]:
    """Return which shards ended early, else how many tests no shard had."""
    short = []
    for index, record in records:
        ran = sum(test.collected for test in record.tests.values())
        if record.collection and ran < record.collection.selected:
            short.append(f"shard {index} ran {ran:,} of its {plural(record.collection.selected, 'test')}")
    whole = records[0][1].collection
    ran_all = CollectionCounts.of(nodeid for _, record in records for nodeid, t in record.tests.items() if t.collected)
    if short or whole is None or ran_all.sha256 == whole.sha256:
        return short
    return [f"{plural(ran_all.tests, 'test')} ran in the shards, and {whole.tests:,} were collected"]


def _tests(records: Iterable[tuple[int, Record]]) -> tuple[dict[str, TestEntry], dict[str, Skip]]:
    """Return each test once, and its skip; what cannot be collected, or is skipped as a whole file, is in every shard.

    A test of which a part was skipped has a skip too, whatever came of it.
    """
    found: dict[str, TestEntry] = {}
    skips: dict[str, Skip] = {}
    for shard, record in records:
        for nodeid, test in record.tests.items():
            before = found.get(nodeid)
            if before is None or _WORST.index(test.outcome) < _WORST.index(before.outcome):
                found[nodeid] = replace(test, worker=f"{shard}/{test.worker}" if test.worker else str(shard))
                skips.pop(nodeid, None)
                if skip := record.skips.get(nodeid):
                    skips[nodeid] = skip
    return found, skips


def _service(name: str, services: Iterable[dict[str, Any]], require: tuple[str, ...]) -> dict[str, Any]:
    """Return what the service ran on, on the shard where that was the least.

    The gate must not miss what is less than is required; where it is not, the shard where most was tried in vain says
    why there was not more.
    """
    told = [shard[name] for shard in services if name in shard]
    had = [t for t in told if t["provider"]]
    lesser = [t for t in had if require and t["provider"] not in require]
    chosen = max(lesser or had or told, key=lambda t: len(unavailable_attempts(t)))
    # When it was tried is a time of that shard's clock.
    attempts = [{key: value for key, value in a.items() if key != "at"} for a in chosen["attempts"]]
    return {**chosen, "attempts": attempts}


def _shard_summary(index: int, record: Record) -> dict[str, Any]:
    services = {name: told["provider"] for name, told in record.services.items()}
    told = {"index": index, "outcome": record.outcome, "counts": record.counts}
    return told | {"seconds": round(record.seconds, 3), "services": services}
