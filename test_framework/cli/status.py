"""`status`: the servers that supervisors of this user hold."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from test_framework.report.wording import plural
from test_framework.supervisor.client import Holder, holders

if TYPE_CHECKING:
    import argparse

    from test_framework.config import Settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Print what each holds, this project's first; exits 0 also when there is none, and 1 when one does not answer."""
    found = [holder.told or _silent(holder) for holder in holders(os.environ)]
    found.sort(key=lambda told: told.get("root") != str(settings.root))
    if given.json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("No supervisor runs: nothing is held.")
    for told in found if not given.json else ():
        _print(told)
    return int(any("error" in told for told in found))


def _silent(holder: Holder) -> dict[str, Any]:
    return {"pid": holder.pid, "root": holder.root, "log": str(holder.address.log), "error": holder.silence}


def _print(told: dict[str, Any]) -> None:
    print(f"supervisor {told['pid']} of {told.get('root') or 'an unknown project'}: {told.get('error') or _held(told)}")
    for server in told.get("servers", ()):
        died = f"  DIED: {server['died']}" if server["died"] else ""
        where = f"{server['provider']} ({server['id']}) at {server['url']}"
        version = f" {server['version']}" if server["version"] else ""
        print(f"  {server['service']}{version} on {where}{died}")
    print(f"  log: {told['log']}")


def _held(told: dict[str, Any]) -> str:
    leases = len(told["clients"])
    return plural(leases, "lease") if leases else f"stops after {told['idle_seconds']:g} s idle"
