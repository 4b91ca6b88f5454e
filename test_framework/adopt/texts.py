"""The files that `init` writes, in parts: what a project has already is left out of them.

The parts of the noxfile are those of this repository's own, which a test compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WIDTH = 88  # the default of the formatters

SESSIONS = {
    "unit": "Tests that need nothing but Python.",
    "integration": "Tests on real servers: Docker, else embedded, else a skip that says why.",
    "smoke": "Seconds: do the services work at all?",
}


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file in parts, each of them by the name that it binds.

    Attributes:
        head: What a new file begins with, up to its first function.
        base: The import without which nothing can be added.
        listing: Names of invoke's collections, which would have to name what is added.
        decorator: The name of what makes a function a session or a task.
        imports: Modules of the standard library that the helpers use.
        constants: What the helpers use beside these.
        helpers: What the rest calls: the last one, which calls the others.
        offered: The sessions or the tasks.
    """

    head: str
    base: tuple[str, ...]
    listing: tuple[str, ...]
    decorator: str
    imports: tuple[str, ...]
    constants: Mapping[str, str]
    helpers: Mapping[str, str]
    offered: Mapping[str, str]

    @property
    def main(self) -> str:
        """The name of the helper that the rest calls."""
        return list(self.helpers)[-1]

    def whole(self) -> str:
        """Return it as a new file."""
        return "\n\n\n".join([self.head, *self.helpers.values(), *self.offered.values()]) + "\n"


_NOXFILE = '''\
"""Test tiers, one session each; arguments after `--` go to pytest."""

import json
import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")'''

_TIER = '''\
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
        session.skip(f"{first['code']}: {first['message']}. {first['remedy']}")'''

_INSTALL = '''\
def install(session: nox.Session) -> None:
    """Install the project as it stands here, and what its tests need."""
'''

_SESSION = '''\
@nox.session
def {name}(session: nox.Session) -> None:
    """{meaning}"""
    tier(session, "{name}")'''


def noxfile(needs: Sequence[str], names: Iterable[str]) -> Module:
    """Return a noxfile.

    Args:
        needs: What `session.install` is given, as Python writes it.
        names: The tiers that have a session.
    """
    call = f"    session.install({', '.join(needs)})"
    if len(call) > _WIDTH:
        call = "\n".join(["    session.install(", *(f"        {need}," for need in needs), "    )"])
    return Module(
        head=_NOXFILE,
        base=("import nox",),
        listing=(),
        decorator="session",
        imports=("import json", "import os", "from pathlib import Path"),
        constants={"PROJECT": _NOXFILE.rpartition("\n")[2]},
        helpers={"install": _INSTALL + call, "tier": _TIER},
        offered={name: _SESSION.format(name=name, meaning=SESSIONS[name]) for name in names},
    )


_TASKS = '''\
"""The front door: `invoke -l` lists what there is."""

import shlex
import sys

from invoke import task'''

_MODULE = '''\
def module(c, *arguments):
    """Run a module in the Python that runs invoke."""
    c.run(shlex.join([sys.executable, "-m", *arguments]))'''

_SMOKE = '''\
@task
def smoke(c):
    """Run the smoke tier in this Python: do the services work at all?"""
    module(c, "pytest", "--tier", "smoke")'''

_DOCTOR = '''\
@task
def doctor(c):
    """Show what this machine has, and what each tier would run on here."""
    module(c, "test_framework", "doctor")'''


def tasks() -> Module:
    """Return a file of tasks for invoke."""
    return Module(
        head=_TASKS,
        base=("from invoke import task", "from invoke.tasks import task"),
        listing=("ns", "namespace"),
        decorator="task",
        imports=("import shlex", "import sys"),
        constants={},
        helpers={"module": _MODULE},
        offered={"smoke": _SMOKE, "doctor": _DOCTOR},
    )


_USES = {
    "postgres": '''\
def test_a_book_is_kept(postgres_db):
    with psycopg.connect(postgres_db.url) as connection:
        connection.execute("CREATE TABLE reading_list (title text)")
        connection.execute("INSERT INTO reading_list VALUES ('The Dispossessed')")
        (title,) = connection.execute("SELECT title FROM reading_list").fetchone()
    assert title == "The Dispossessed"''',
    "redis": '''\
def test_the_page_is_remembered(redis_db):
    with redis.Redis.from_url(redis_db.url, decode_responses=True) as client:
        client.set("page", "42")
        assert client.get("page") == "42"''',
}
_ANSWERS = {
    "postgres": """\
def test_postgres_answers(postgres):
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)""",
    "redis": """\
def test_redis_answers(redis_db):
    with redis.Redis.from_url(redis_db.url) as client:
        assert client.ping()""",
}
_CLIENTS = {"postgres": "import psycopg", "redis": "import redis"}


def first_test(services: Iterable[str]) -> str:
    """Return the first integration test, on these services."""
    return _test("Real servers: what a test writes is for itself alone, and gone after it.", services, _USES)


def smoke_test(services: Iterable[str]) -> str:
    """Return the first smoke test, of these services."""
    return _test("Do the services answer at all?", services, _ANSWERS)


def _test(meaning: str, services: Iterable[str], tests: Mapping[str, str]) -> str:
    wanted = list(services)
    head = "\n".join([f'"""{meaning}"""', "", *(_CLIENTS[name] for name in wanted)])
    return "\n\n\n".join([head, *(tests[name] for name in wanted)]) + "\n"
