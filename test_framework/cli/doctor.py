"""`doctor`: the diagnosis, for people or as JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from test_framework.cli._parser import completed
from test_framework.config import BadSetting, Settings, refuse_missing_files
from test_framework.config.values import SINGLE
from test_framework.doctor import Diagnosis, TierFinding, examine, services_in_use
from test_framework.report.screen import Block, fitted
from test_framework.report.terminal import Obstacle
from test_framework.report.wording import NOTHING_TO_DO, columns

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--all", action="store_true", help="show all services, not only those that the project uses")
    tier = parser.add_argument("--require", metavar="TIER", help="exit 1 if this tier would not run here")
    completed(tier, lambda settings: settings.tiers)
    parser.add_argument("--settings", action="store_true", help="print each setting and the source of its value")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print the diagnosis; exits 0 whatever it finds, but for `--require`."""
    if args.settings:
        print("\n".join(_columns(_settings(settings))))
        return 0
    if args.require is not None and args.require not in settings.tiers:
        raise BadSetting.unknown("tier", args.require, "--require", settings.tiers)
    refuse_missing_files(settings)
    diagnosis = examine(settings, os.environ)
    if args.json:
        print(json.dumps(diagnosis.to_json(), indent=2))
    else:
        services = settings.service_names if args.all else services_in_use(settings)
        columns, _ = shutil.get_terminal_size()
        for line, _ in fitted(_page(diagnosis, services), columns, sys.maxsize):
            print(line)
    runs = [t for t in diagnosis.tiers if t.tier == args.require and t.reason is None]
    return 1 if args.require is not None and not runs else 0


def _page(diagnosis: Diagnosis, services: tuple[str, ...]) -> Iterator[Block]:
    """Yield what a person reads of these services: the answer first, then why it is not another one."""
    found = [finding for finding in diagnosis.services if finding.service in services]
    rows: dict[str, str] = {}
    spare: dict[str, list[str]] = {}
    obstacles: dict[tuple[str, str], Obstacle] = {}
    remedies: dict[str, list[str]] = {}
    for one in found:
        chosen, _ = one.choice(one.order)
        rows[one.service] = f"{one.versions[chosen] or ''} on {chosen}".strip() if chosen else "unavailable"
        for attempt in one.attempts:
            reason = attempt.reason
            if reason is None and attempt.provider != chosen:
                spare.setdefault(attempt.provider, []).append(f"{one.service} {one.versions[attempt.provider] or ''}")
            if reason is None or reason.code in NOTHING_TO_DO:
                continue
            obstacle = obstacles.setdefault((attempt.provider, reason.code), Obstacle(attempt.provider, reason.code))
            obstacle.add(one.service, reason.message)
            remedies.setdefault(reason.remedy, []).append(one.service)
    yield Block("services:", [f"{name}: {row}" for name, row in rows.items()], rows=None, markup=_BOLD)
    yield Block("tiers:", [_tier(tier) for tier in diagnosis.tiers], rows=_ALL, markup=_BOLD)
    also = [f"{provider}: {', '.join(map(str.strip, names))}" for provider, names in spare.items()]
    yield Block("also available:", also, rows=_ALL, markup=_BOLD)
    yield Block("not available:", [str(obstacle) for obstacle in obstacles.values()], rows=_ALL, markup=_BOLD)
    fetches = [told for name, told in diagnosis.fetches.items() if name in services]
    yield Block("can be downloaded:", fetches, rows=_ALL, markup=_BOLD)
    todo = [f"{', '.join(dict.fromkeys(names))}: {remedy}" for remedy, names in remedies.items()]
    yield Block("what to do:", todo, rows=_ALL, markup=_BOLD)
    if others := [one.service for one in diagnosis.services if one not in found]:
        yield Block("", [f"Not used by this project: {', '.join(others)}. --all shows all services."], rows=_ALL)


def _tier(tier: TierFinding) -> str:
    if tier.reason:
        return f"{tier.tier}: would not run: {tier.reason}"
    return f"{tier.tier}: {', '.join(f'{s} on {p}' for s, p in tier.on.items()) or 'needs no service'}"


_ALL = 1000
"""Lines of an item: the diagnosis leaves nothing out."""

_BOLD = {"bold": True}


def _columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    return (f"  {line}" for line in columns(rows))


def _settings(settings: Settings) -> Iterator[tuple[str, str, str]]:
    tables: list[tuple[str, object]] = [("", settings)]
    tables += [(f"{name}.", getattr(settings, name)) for name in SINGLE]
    tables += [(f"services.{name}.", table) for name, table in settings.services.items()]
    tables += [(f"tiers.{name}.", table) for name, table in settings.tiers.items()]
    tables += [(f"layers.{name}.", table) for name, table in settings.layers.items()]
    tables += [(f"modes.{name}.", table) for name, table in settings.modes.items()]
    for prefix, table in tables:
        for spec in fields(table):  # type: ignore[arg-type]  # each is a dataclass
            if "meaning" in spec.metadata:
                value = getattr(table, spec.name)
                shown = "***" if spec.metadata.get("secret") and value else _shown(value)
                key = prefix + spec.metadata.get("key", spec.name)
                yield key, shown, settings.origin(key)


def _shown(value: object) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)
