"""The front door: `invoke -l` lists what there is."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.tasks import task

if TYPE_CHECKING:
    from invoke.context import Context

ROOT = Path(__file__).parent
BUILT = ("build", "dist", "reports", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache")


def framework(c: Context, *arguments: str) -> None:
    """Run a command of the package in the Python that runs invoke, and end with its exit status."""
    with c.cd(str(ROOT)):
        result = c.run(shlex.join([sys.executable, "-m", "test_framework", *arguments]), pty=False, warn=True)
    if result and result.exited:
        sys.exit(result.exited)


@task(help={"keywords": "run only tests whose names match this expression, as pytest's -k"})
def smoke(c: Context, keywords: str = "") -> None:
    """Run the smoke tier in this Python: do the services work at all?"""
    chosen = ["-k", keywords] if keywords else []
    with c.cd(str(ROOT)):
        result = c.run(shlex.join([sys.executable, "-m", "pytest", "--tier", "smoke", *chosen]), pty=False, warn=True)
    if result and result.exited:
        sys.exit(result.exited)


@task(
    help={
        "json": "print JSON",
        "require": "exit 1 when this tier would not run here",
        "settings": "print each setting and where its value came from",
    }
)
def doctor(c: Context, json: bool = False, require: str = "", settings: bool = False) -> None:
    """Show what this machine has, and what each tier would run on here."""
    flags = [name for name, on in (("--json", json), ("--settings", settings)) if on]
    framework(c, "doctor", *flags, *(["--require", require] if require else []))


@task(help={"json": "print JSON"})
def status(c: Context, json: bool = False) -> None:
    """Show the servers that are held warm, and by whom."""
    framework(c, "status", *(["--json"] if json else []))


@task(help={"force": "also stop servers that a run still uses"})
def clean(c: Context, force: bool = False) -> None:
    """Stop this project's servers; remove reports, caches and what was built."""
    framework(c, "clean", *(["--force"] if force else []))
    for name in BUILT:
        shutil.rmtree(ROOT / name, ignore_errors=True)


@task(help={"force": "build again, even if they are up to date"})
def images(c: Context, force: bool = False) -> None:
    """Build the Postgres and Redis images from Debian packages, for machines that reach no registry."""
    c.run(shlex.join([str(ROOT / "compose/images/build.sh"), *(["--force"] if force else [])]), pty=False)
