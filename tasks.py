"""The front door: `invoke -l` lists what there is."""

from __future__ import annotations

import json as to_json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.tasks import task

if TYPE_CHECKING:
    from collections.abc import Callable

    from invoke.context import Context

    from test_framework.stack import Stack

ROOT = Path(__file__).parent
BUILT = ("build", "dist", "reports", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache")


def module(c: Context, *arguments: str) -> None:
    """Run a module in the Python that runs invoke, and end with its exit status."""
    with c.cd(str(ROOT)):
        result = c.run(shlex.join([sys.executable, "-m", *arguments]), pty=False, warn=True)
    if result.exited:
        sys.exit(result.exited)


def framework(c: Context, *arguments: str) -> None:
    """Run a command of the package."""
    module(c, "test_framework", *arguments)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201  # tasks print


def with_stack(command: Callable[[Stack], None]) -> None:
    """Do something with the compose stack; where it cannot be done, say why and exit 1."""
    from test_framework.config import BadSetting, load
    from test_framework.stack import Stack, StackError

    try:
        command(Stack(load(ROOT, os.environ), os.environ, say))
    except (BadSetting, StackError) as error:
        sys.exit(str(error))


@task(help={"out": "the file; index.html in the report folder when it is not given"})
def report(c: Context, out: str = "") -> None:
    """Write one page with the last run of each tier."""
    framework(c, "report", "html", *(["--out", out] if out else []))


@task(help={"keywords": "run only tests whose names match this expression, as pytest's -k"})
def smoke(c: Context, keywords: str = "") -> None:
    """Run the smoke tier in this Python: do the services work at all?"""
    module(c, "pytest", "--tier", "smoke", *(["-k", keywords] if keywords else []))


@task(
    help={
        "json": "print JSON",
        "require": "exit 1 if this tier would not run here",
        "settings": "print each setting and the source of its value",
    }
)
def doctor(c: Context, json: bool = False, require: str = "", settings: bool = False) -> None:
    """Show what this machine has, and what each tier would run on here."""
    flags = [name for name, on in (("--json", json), ("--settings", settings)) if on]
    framework(c, "doctor", *flags, *(["--require", require] if require else []))


@task(help={"clickhouse": "start ClickHouse too"})
def up(c: Context, clickhouse: bool = False) -> None:  # noqa: ARG001  # invoke hands it over
    """Start the compose stack: Postgres, Redis and the backend, on ports of this machine only."""
    with_stack(lambda stack: stack.up(clickhouse=clickhouse))


@task
def down(c: Context) -> None:  # noqa: ARG001
    """Remove the compose stack and all that it holds."""
    with_stack(lambda stack: stack.down())


@task(help={"service": "of one service only", "follow": "go on until Ctrl-C", "tail": "how many lines"})
def logs(c: Context, service: str = "", follow: bool = False, tail: int = 100) -> None:  # noqa: ARG001
    """Show the logs of the compose stack."""
    with_stack(lambda stack: stack.logs(service, follow=follow, tail=tail))


@task(
    help={
        "broken": "break one thing; an unknown name is told the choices",
        "env_file": "write the variables there",
        "seconds": "end after so long; without it, at Ctrl-C",
    }
)
def staging_stand_in(c: Context, broken: str = "", env_file: str = "", seconds: float = 0.0) -> None:
    """Put a staging environment on this machine, whole or broken, and say which variables lead to it."""
    given = {"--broken": broken, "--env-file": env_file, "--seconds": seconds}
    framework(c, "stand-in", *(part for option, value in given.items() if value for part in (option, str(value))))


@task(
    help={
        "paths": "files and folders, with spaces between; all tests when empty",
        "json": "write all findings as JSON into this file",
        "sarif": "write all findings as SARIF into this file",
        "explain": "explain a cause or a rule, and exit",
    }
)
def audit(c: Context, paths: str = "", json: str = "", sarif: str = "", explain: str = "") -> None:
    """Say which test files pytest cannot import and why, which no tier runs, and which tests cannot fail."""
    given = {"--json": json, "--sarif": sarif, "--explain": explain}
    options = [part for option, value in given.items() if value for part in (option, value)]
    framework(c, "audit", *options, *shlex.split(paths))


@task(help={"json": "print JSON"})
def status(c: Context, json: bool = False) -> None:
    """Show the servers that are held warm, by whom, and the compose stack."""
    if not json:
        try:
            framework(c, "status")
        finally:
            with_stack(lambda stack: stack.status())
        return
    command = shlex.join([sys.executable, "-m", "test_framework", "status", "--json"])
    with c.cd(str(ROOT)):
        held = c.run(command, hide="stdout", pty=False, warn=True)
    supervisors = to_json.loads(held.stdout or "[]")
    with_stack(lambda stack: say(to_json.dumps({"supervisors": supervisors, "stack": stack.to_json()}, indent=2)))
    sys.exit(held.exited)


@task(help={"force": "also stop servers that a run still uses, or that do not answer"})
def clean(c: Context, force: bool = False) -> None:
    """Stop this project's servers; remove reports, caches and what was built."""
    framework(c, "clean", *(["--force"] if force else []))
    for name in BUILT:
        shutil.rmtree(ROOT / name, ignore_errors=True)


@task(help={"force": "build again, even if they are up to date"})
def images(c: Context, force: bool = False) -> None:
    """Build the images of Postgres, Redis and the backend here, for machines that reach no registry."""
    c.run(shlex.join([str(ROOT / "compose/images/build.sh"), *(["--force"] if force else [])]), pty=False)


@task(name="save")
def health_save(c: Context) -> None:
    """Take the suite as it is for the baseline of its health."""
    framework(c, "health", "save")


@task(name="check", help={"json": "print JSON"})
def health_check(c: Context, json: bool = False) -> None:
    """Compare the suite with its baseline; with what has drifted, exit 1."""
    framework(c, "health", "check", *(["--json"] if json else []))


@task(name="page", help={"output": "the file; health.html in the report folder by default"})
def health_page(c: Context, output: str = "") -> None:
    """Write one page of HTML with the trends of the suite's health."""
    framework(c, "health", "page", *(["--output", output] if output else []))


@task(help={"json": "print JSON"})
def validate(c: Context, json: bool = False) -> None:
    """Say whether everything is in place for a migration or for CI, and what to do about it; nothing is started."""
    framework(c, "validate", *(["--json"] if json else []))


@task(
    name="fix",
    help={
        "apply": "write the changes instead of showing the diff",
        "batch": "number of files to write before each audit (default: 50)",
    },
)
def imports_fix(c: Context, apply: bool = False, batch: int = 50) -> None:
    """Rewrite names that have moved; what breaks a test file is taken back."""
    framework(c, "imports", "fix", *(["--apply"] if apply else []), "--batch", str(batch))


@task(name="registry", help={"check": "write nothing; exit 1 if the file is out of date", "file": "the registry"})
def imports_registry(c: Context, check: bool = False, file: str = "") -> None:
    """Write where each public name is to be imported from."""
    flags = ["--check"] if check else []
    framework(c, "imports", "registry", *flags, *(["--file", file] if file else []))


@task(name="check")
def imports_check(c: Context) -> None:
    """Show how far each folder keeps the rules of import."""
    framework(c, "imports", "check")


ns = Collection(smoke, doctor, audit, report, up, down, logs, staging_stand_in, status, clean, images, validate)
_health = Collection("health", health_save, health_page)
_health.add_task(health_check, default=True)
ns.add_collection(_health)
ns.add_collection(Collection("imports", imports_fix, imports_registry, imports_check))
