"""`status`: the servers that supervisors of this user hold."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from test_framework.report.wording import plural
from test_framework.supervisor.client import RunningSupervisor, running_supervisors

if TYPE_CHECKING:
    import argparse

    from test_framework.config import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print what each holds, this project's first; exits 0 also when there is none, and 1 when one does not answer."""
    found = [found.status or _silent(found) for found in running_supervisors(os.environ)]
    found.sort(key=lambda status: status.get("root") != str(settings.root))
    if args.json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("No supervisor is running, so no servers are warm.")
    for status in found if not args.json else ():
        _print(status)
    return int(any("error" in status for status in found))


def _silent(found: RunningSupervisor) -> dict[str, Any]:
    return {"pid": found.pid, "root": found.root, "log": str(found.address.log), "error": found.description}


def _print(status: dict[str, Any]) -> None:
    root, state = status.get("root") or "an unknown project", status.get("error") or _describe_leases(status)
    print(f"supervisor {status['pid']} of {root}: {state}")
    for server in status.get("servers", ()):
        died = f"  DIED: {server['died']}" if server["died"] else ""
        where = f"{server['provider']} ({server['id']}) at {server['url']}"
        version = f" {server['version']}" if server["version"] else ""
        print(f"  {server['service']}{version} on {where}{died}")
    print(f"  log: {status['log']}")


def _describe_leases(status: dict[str, Any]) -> str:
    leases = len(status["clients"])
    return plural(leases, "lease") if leases else f"stops after {status['idle_seconds']:g} s idle"
