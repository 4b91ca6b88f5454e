"""`report`: one page of HTML, the reports of shards as one, and the durations by which shards are cut."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from test_framework.config import BadSetting

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from test_framework.config import Settings
    from test_framework.gate import Verdict
    from test_framework.report.merge import Merged
    from test_framework.report.stored import Report

_T = TypeVar("_T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their options."""
    commands = parser.add_subparsers(dest="report", required=True, metavar="html|merge|durations")
    meaning = "write an HTML page with the last run of each tier"
    html = commands.add_parser("html", help=meaning, description=meaning)
    html.add_argument("files", nargs="*", type=Path, metavar="FILE", help="reports (default: all in the report folder)")
    html.add_argument(
        "--out", type=Path, metavar="FILE", help="page to write (default: index.html in the report folder)"
    )
    meaning = "merge the reports of a tier's shards, and give one verdict"
    merge = commands.add_parser("merge", help=meaning, description=meaning)
    merge.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="folders that contain reports, directly or one level below"
    )
    merge.add_argument("--out", type=Path, metavar="FILE", required=True, help="where")
    merge.add_argument("--tier", metavar="NAME", help="tier to merge, if there are reports of several")
    merge.add_argument("--shards", metavar="N", help="number of shards, if the reports do not contain it")
    meaning = "record how long each test took; shards are balanced by this file"
    durations = commands.add_parser("durations", help=meaning, description=meaning)
    durations.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="reports (default: all in the report folder)"
    )


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Do it; returns 0 when all is well, 1 when what was merged is red, 2 when it cannot be determined."""
    try:
        if args.report == "html":
            return _html(args.files, args.out, settings)
        return _merge(args, settings) if args.report == "merge" else _durations(args.files, settings)
    except ValueError as error:
        print(f"test-framework: {error}", file=sys.stderr)
    except OSError as error:
        if error.filename is None:  # of the output, and of no report
            raise
        print(f"test-framework: {error.filename}: {error.strerror}", file=sys.stderr)
    return 2


def _html(files: list[Path], args: Path | None, settings: Settings) -> int:
    from test_framework.report.page import write_page
    from test_framework.report.wording import plural

    reports = _loaded(files, settings)
    out = args or settings.reports_folder / "index.html"
    with _writing(out) if args else _keeping(out, settings):
        write_page(out, settings.root.name, reports)
    print(f"{plural(len(reports), 'report')}: {out}")
    return 0


def _loaded(files: list[Path], settings: Settings) -> list[Report]:
    """Return the reports of these files, else the last one of each tier that has one."""
    from test_framework.report.stored import load

    there = (settings.reports_folder / f"{tier}.json" for tier in settings.tiers)
    return [_read(load, path) for path in files or filter(Path.is_file, there)]


def _read(read: Callable[[Path], _T], path: Path) -> _T:
    """Read a file; an error that comes when it is open already would not name it."""
    try:
        return read(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def _writing(out: Path, key: str = "--out", source: str = "the command line") -> Iterator[None]:
    """Say of a file that cannot be written what names it."""
    try:
        yield
    except OSError as error:
        raise BadSetting.value(key, str(out), source, f"writable: {error.strerror}") from error


@contextmanager
def _keeping(out: Path, settings: Settings) -> Iterator[None]:
    """Say of a file of the report folder, which nobody has named, where that folder came from."""
    try:
        yield
    except OSError as error:
        where = f"{out} in the report folder ({settings.origin('reports')})"
        raise BadSetting(f"{where} cannot be written: {error.strerror}.") from error


def _durations(files: list[Path], settings: Settings) -> int:
    """Take what is in the reports; keep what they do not name, unless its file is gone."""
    from test_framework.report.durations import durations_of, read, write
    from test_framework.report.wording import plural

    found = durations_of(report.record for report in _loaded(files, settings))
    if not found:
        raise ValueError(f"no test has passed in {', '.join(map(str, files)) or settings.reports_folder}.")
    path = settings.root / settings.durations
    before = _read(read, path)
    kept = {nodeid for nodeid in before if (settings.root / nodeid.partition("::")[0]).is_file()}
    with _writing(path, "durations", settings.origin("durations")):
        write(path, {nodeid: before[nodeid] for nodeid in kept} | found)
    print(f"{settings.durations}: {plural(len(kept | found.keys()), 'test')}, {len(found):,} of them from reports")
    return 0


def _merge(args: argparse.Namespace, settings: Settings) -> int:
    from test_framework.report.markdown import append
    from test_framework.report.merge import merge
    from test_framework.report.stored import Report, load
    from test_framework.report.wording import headline

    shards = None if args.shards is None else _count(args.shards)
    tier, files = _found(args.folders, args.tier, settings)
    loaded = [(path, _read(load, path)) for path in files]
    # What the merge before this one has left there is no shard.
    reports = [(path, r) for path, r in loaded if not (r.record.shards and path.resolve() == args.out.resolve())]
    if not reports:
        raise ValueError(f"no report of a shard of {tier} in {', '.join(map(str, args.folders))}.")
    for path, report in reports:
        if report.record.tier != tier:
            raise ValueError(f"{path} is a report of {report.name}, and not of {tier}.")
    merged = merge(reports, shards)
    verdict = _judged(merged, settings)
    with _writing(args.out):
        merged.record.write(args.out, verdict.to_json())
    whole = Report.of(merged.record, verdict.to_json())
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        append(summary, [whole])
    print(f"{'RED' if whole.red else 'green'}: {headline([whole])}")
    if verdict.why and not verdict.red:
        print(f"gate (lenient): {'; '.join(verdict.why)}")
    print(f"{len(reports)} reports: {args.out}")
    return 1 if whole.red else 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise BadSetting.value("--shards", text, "the command line", "a whole number, 1 or more")
    return int(text)


def _found(folders: Iterable[Path], tier: str | None, settings: Settings) -> tuple[str, list[Path]]:
    """Return the tier, and its report in each of the folders: a shard that has none is missing."""
    if tier is not None and tier not in settings.tiers:
        raise BadSetting.unknown("tier", tier, "--tier", settings.tiers)
    found: dict[str, list[Path]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BadSetting.value("DIR", str(folder), "the command line", "a folder")
        for name in [tier] if tier else settings.tiers:
            there = sorted({folder / f"{name}.json", *folder.glob(f"*/{name}.json")})
            found.setdefault(name, []).extend(path for path in there if path.is_file())
    tiers = [name for name, paths in found.items() if paths]
    if len(tiers) > 1:
        raise ValueError(f"there are reports of {', '.join(tiers)}: name one with --tier.")
    if not tiers:
        of = f"of {tier}" if tier else "of a tier"
        raise ValueError(f"no report {of} in {', '.join(map(str, folders))}.")
    return tiers[0], list(dict.fromkeys(found[tiers[0]]))


def _judged(merged: Merged, settings: Settings) -> Verdict:
    """Ask the gate, as for a single run; a part that is missing is red however lenient it is, and one that was red."""
    from test_framework.gate import Verdict, is_strict, judge

    strict = merged.strict or is_strict(settings, os.environ, required=False)
    verdict = judge(merged.record, settings, strict=strict, require=merged.record.require)
    why = (*merged.faults, *verdict.why)
    # What made a shard red on its machine, and is nothing by the settings here, is not green for that.
    return Verdict(strict or bool(merged.faults), why or merged.red_shards)
