"""`doctor`: the diagnosis, for people or as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from typing import TYPE_CHECKING

from test_framework.cli._parser import completed
from test_framework.config import BadSetting, Settings
from test_framework.config.values import SINGLE
from test_framework.doctor import Diagnosis, ServiceFinding, examine
from test_framework.reasons import Code
from test_framework.report.wording import columns

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")
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
    diagnosis = examine(settings, os.environ)
    if args.json:
        print(json.dumps(diagnosis.to_json(), indent=2))
    else:
        print("\n".join(_page(diagnosis)))
    runs = [t for t in diagnosis.tiers if t.tier == args.require and t.reason is None]
    return 1 if args.require is not None and not runs else 0


def _page(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield three parts: services and providers, tiers, and what to do for more."""
    yield "Services"
    yield from _columns([row for service in diagnosis.services for row in _rows(service)])
    yield ""
    yield "Tiers on this machine"
    rows = []
    for tier in diagnosis.tiers:
        on = ", ".join(f"{service} on {provider}" for service, provider in tier.on.items()) or "needs no service"
        rows.append((tier.tier, f"would not run: {tier.reason}" if tier.reason else on))
    yield from _columns(rows)
    if diagnosis.fetches:
        yield ""
        yield "Servers to fetch, of the versions asked for"
        yield from (f"  {told}" for told in diagnosis.fetches)
    remedies = dict.fromkeys(
        a.reason.remedy for s in diagnosis.services for a in s.attempts if a.reason and a.reason.code not in _NOT_MORE
    )
    if remedies:
        yield ""
        yield "For more"
        yield from (f"  {remedy}" for remedy in remedies)


_NOT_MORE = (Code.PROVIDER_DISABLED, Code.NOT_CONFIGURED)


def _rows(found: ServiceFinding) -> Iterator[tuple[str, ...]]:
    chosen, _ = found.choice(found.order)
    for attempt in found.attempts:
        mark = "->" if attempt.provider == chosen else ""
        if attempt.reason:
            told = f"{attempt.reason.code}: {attempt.reason.message}"
        else:
            told = found.versions[attempt.provider] or "here"
        yield found.service, mark, attempt.provider, f"{attempt.seconds * 1000:.0f} ms", told


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
