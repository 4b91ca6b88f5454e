#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2"]
# ///
"""Test tiers, one session each. `nox -l` lists them; arguments after `--` go to pytest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, group: str = "test") -> None:
    """Install the package with all extras and the backend, both as they stand here, and a dependency group."""
    session.install("-e", ".[all]", "-e", "compose/backend", *nox.project.dependency_groups(PROJECT, group))


def workers(session: nox.Session) -> tuple[str, ...]:
    """Return options for tests that wait for servers and processes more than they compute; a debugger wants one."""
    return () if "--pdb" in session.posargs else ("-n", "3", "--dist", "loadfile")


def tier(session: nox.Session, name: str, *options: str) -> None:
    """Run the tests of a tier, and tell a run of nothing but skips from a pass."""
    install(session)
    settings = PROJECT.get("tool", {}).get("test_framework", {})
    named = os.environ.get("TEST_FRAMEWORK_REPORTS")
    report = Path(named or settings.get("reports", "reports"), f"{name}.json")
    only_collects = {"--collect-only", "--co"} & set(session.posargs)
    if not only_collects:
        # What an earlier run has left says nothing of this one.
        report.unlink(missing_ok=True)
    ran = session.run("pytest", "--tier", name, *options, *session.posargs)
    if only_collects or ran is None:  # as by --install-only
        return
    if not report.exists():
        session.error(f"no report at {report}: no test can be said to have run")
    told = json.loads(report.read_text(encoding="utf-8"))
    if told["outcome"] in {"failed", "interrupted"} or told["gate"]["verdict"] == "red":
        why = told["gate"]["why"] or told["outcome"]
        session.error(f"{report} is red, and pytest has exited with 0: {why}")
    if told["outcome"] == "skipped":
        first = told["skips"][0]
        session.skip(f"{first['code']}: {first['message']}. {first['remedy']}")


@nox.session
def unit(session: nox.Session) -> None:
    """Tests that need nothing but Python."""
    tier(session, "unit", *workers(session))


@nox.session
def integration(session: nox.Session) -> None:
    """Tests on real servers: Docker, else embedded, else a skip that says why."""
    tier(session, "integration", *workers(session))


@nox.session
def system(session: nox.Session) -> None:
    """Engines, browsers, machines in namespaces, whole runs of our own commands: what this machine has of them."""
    tier(session, "system", *workers(session))


@nox.session
def smoke(session: nox.Session) -> None:
    """Seconds: do the services work at all?"""
    tier(session, "smoke")


@nox.session
def e2e(session: nox.Session) -> None:
    """Whole journeys through the backend: login, WebSocket, the agent's events, recovery."""
    # The default level is for a backend that has a machine to itself; here other tests run beside it.
    level = "TEST_FRAMEWORK_LEVELS_EVENT_LATENCY_SECONDS"
    session.env[level] = os.environ.get(level, "2")
    tier(session, "e2e")


@nox.session
def backend(session: nox.Session) -> None:
    """The reference backend's own tests."""
    install(session)
    with session.chdir("compose/backend"):
        # In this project it is no service.
        session.run("pytest", *(session.posargs or ["-n", "3"]), env={"TEST_FRAMEWORK_BACKEND_IMAGE": None})


@nox.session(name="e2e-staging", default=False)
def e2e_staging(session: nox.Session) -> None:
    """Tests that are safe on staging; set STAGING_…_URL."""
    tier(session, "e2e-staging")


@nox.session(name="mission-critical")
def mission_critical(session: nox.Session) -> None:
    """What must never break: nothing is left behind, no run touches another's servers, no user sees another's data."""
    tier(session, "mission-critical", *workers(session))


@nox.session
def infrastructure(session: nox.Session) -> None:
    """The repository itself: every test file in a tier, docs true, commands answer."""
    install(session, "infrastructure")
    tier(session, "infrastructure", *workers(session))


@nox.session(default=False)
def performance(session: nox.Session) -> None:
    """The benchmark beside the alternatives, or parts of it: `-- databases --quick`; `-- --help` lists them."""
    # Installed, not editable, as it is where it is used: the alternatives are too.
    session.install(".[all]", "./compose/backend", *nox.project.dependency_groups(PROJECT, "performance"))
    session.run("python", "-m", "tests.performance", *session.posargs)


@nox.session(name="audit-proof", default=False)
def audit_proof(session: nox.Session) -> None:
    """The audit's precision, recall and seconds, or parts of it: `-- real --quick`; `-- --help` lists them."""
    # Not editable: no folder of this checkout is to be found by what the audit and pytest look at.
    session.install(".[audit,e2e]", *nox.project.dependency_groups(PROJECT, "audit-proof"))
    session.run("python", "-m", "tests.audit", *session.posargs)


@nox.session(name="exec-proof", default=False)
def exec_proof(session: nox.Session) -> None:
    """Suites from PyPI by `exec` beside servers started by hand, or some: `-- huey`; `-- --help` lists them."""
    install(session)
    session.run("python", "-m", "tests.adoption", *session.posargs)


@nox.session(name="servers-catalogue", default=False)
def servers_catalogue(session: nox.Session) -> None:
    """Print newer releases of server programs as a diff of their catalogue: `nox -s servers-catalogue | git apply`."""
    install(session)
    session.run("python", "-m", "tests.servers_catalogue")


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Put in one fault at a time and show which test notices it, or for some: `-- lease`; `-- --help` says the rest."""
    install(session)
    session.run("python", "-m", "tests.mutants", *session.posargs)


@nox.session(default=False)
def shards(session: nox.Session) -> None:
    """Each tier as a whole and as 8 shards, compared: `-- smoke unit --shards 4`; `-- --help` says the rest."""
    install(session, "infrastructure")
    session.run("python", "-m", "tests.support.shards", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, and the layers of the packages."""
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Mypy, strict, over everything."""
    install(session, "typecheck")
    session.run("mypy")
    with session.chdir("compose/backend"):
        session.run("mypy")


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """The wheel and the source archive: what is in them, and an environment for each extra alone."""
    session.install("build", "twine", "uv")
    out = session.create_tmp()
    # It builds the wheel from the archive.
    session.run("python", "-m", "build", "--outdir", out, silent=True)
    made = sorted(map(str, Path(out).glob("pytest_tiers-*")))
    session.run("twine", "check", "--strict", *made)
    session.run("python", "-m", "tests.support.packages", *made)


if __name__ == "__main__":
    nox.main()
