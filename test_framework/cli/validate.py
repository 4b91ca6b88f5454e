"""`validate`: is everything in place for a migration, or for CI? Nothing is started, and no test is run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from test_framework.config import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print a line for each thing; returns 0 when all are ok, else 1."""
    from test_framework.cli.progress import Progress
    from test_framework.health.validation import validate

    progress = Progress()
    try:
        lines = validate(settings, os.environ, progress if progress.on else None)
    finally:
        progress.end()
    ok = all(line.ok for line in lines)
    if args.json:
        print(json.dumps({"ok": ok, "checks": [line.to_json() for line in lines]}, indent=2))
        return 0 if ok else 1
    for line in lines:
        print(f"{'ok    ' if line.ok else 'NOT OK'} {line.check}: {line.message}")
        if line.remedy:
            print(f"       {line.remedy}")
    return 0 if ok else 1
