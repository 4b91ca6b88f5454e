"""`health`: a baseline, what has become worse since, and a page with the trends."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.config import BadSetting
from test_framework.report.wording import plural

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.config import Settings
    from test_framework.health import Check, SuiteSnapshot

_SHOWN = 20
"""Files named for each check; `--json` names all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands and their options."""
    commands = parser.add_subparsers(dest="health", required=True, metavar="save|check|page")
    for name, meaning in (
        ("save", "save the current state of the suite as the baseline"),
        ("check", "compare the suite with the baseline, and append to the history"),
        ("page", "write an HTML page with the trends"),
    ):
        command = commands.add_parser(name, help=meaning, description=meaning)
        if name == "check":
            command.add_argument("--json", action="store_true", help="print JSON")
        if name == "page":
            command.add_argument("--output", type=Path, metavar="FILE", help="where; health.html of the report folder")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Do it; returns 0 when all is well, 1 when the suite has drifted, 2 when it cannot be determined."""
    from test_framework.health import HealthError

    try:
        if args.health == "save":
            return _save(settings)
        if args.health == "check":
            return _check(settings, as_json=args.json)
        return _page(settings, args.output or settings.reports_folder / "health.html")
    except HealthError as error:
        print(f"test-framework: {error}", file=sys.stderr)
        return 2


def _take(settings: Settings, slower_than: Callable[[float], bool]) -> SuiteSnapshot:
    from test_framework.cli.progress import Progress
    from test_framework.health import take

    progress = Progress()
    try:
        return take(settings, slower_than, progress if progress.on else None)
    finally:
        progress.end()


def _save(settings: Settings) -> int:
    from test_framework.health import write_baseline

    path = settings.root / settings.health.baseline
    # The first audit may have had no cache: the second is what later ones are compared with.
    snapshot = _take(settings, lambda _: True)
    write_baseline(path, snapshot)
    told = [f"{plural(snapshot.files, 'test file')}, {len(snapshot.broken)} of which cannot be imported"]
    told += [plural(sum(snapshot.findings.values()), "finding"), f"reports of {', '.join(snapshot.tiers) or 'no tier'}"]
    print(f"{'; '.join(told)}\nbaseline: {path}. Commit it.")
    return 0


def _check(settings: Settings, *, as_json: bool) -> int:
    from test_framework.gate import is_strict
    from test_framework.health import HealthRun, append, compare, read_baseline
    from test_framework.health.regressions import slower_than

    before = read_baseline(settings.root / settings.health.baseline)
    strict = is_strict(settings, os.environ, required=False)
    # With nothing to compare yet: a setting that cannot be used ends this before the audit.
    compare(before, before, settings, strict=strict)
    now = _take(settings, lambda seconds: slower_than(before, settings.health, seconds))
    checks = compare(before, now, settings, strict=strict)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    append(settings.root / settings.health.history, HealthRun.of(at, now, checks), settings.health.history_runs)
    ok = all(c.ok for c in checks)
    if as_json:
        told = {"ok": ok, "at": at, "baseline": settings.health.baseline, "checks": [c.to_json() for c in checks]}
        print(json.dumps(told | {"now": now.to_json()}, indent=2))
    else:
        print("\n".join(_text(checks)))
    return 0 if ok else 1


def _text(checks: Sequence[Check]) -> Iterator[str]:
    """Yield what has drifted, after what has not."""
    for check in sorted(checks, key=lambda c: not c.ok):
        subject = f" {check.subject}" if check.subject else ""
        yield f"{'ok     ' if check.ok else 'DRIFTED'} {check.name}{subject}: {check.message}"
        yield from (f"          {item}" for item in check.items[:_SHOWN])
        if len(check.items) > _SHOWN:
            yield f"          and {len(check.items) - _SHOWN} more: see --json"
    drifted = sum(not c.ok for c in checks)
    yield ""
    if drifted:
        yield (
            f"{drifted} of {plural(len(checks), 'check')} drifted. Fix the cause; or, if the change is intended, run"
            " `python -m test_framework health save` and commit the baseline."
        )
    else:
        yield f"all {plural(len(checks), 'check')} are within the limits of the baseline"


def _page(settings: Settings, output: Path) -> int:
    from test_framework.atomic import replace_file
    from test_framework.health import read_baseline, read_history
    from test_framework.health.page import page

    baseline = settings.root / settings.health.baseline
    runs, lost = read_history(settings.root / settings.health.history)
    text = page(settings.root.name, runs, read_baseline(baseline) if baseline.exists() else None, lost)
    try:
        replace_file(output, text.encode())
    except OSError as error:
        raise BadSetting.value("--output", str(output), "the command line", f"writable: {error.strerror}") from error
    print(f"{plural(len(runs), 'check')}: {output}")
    return 0
