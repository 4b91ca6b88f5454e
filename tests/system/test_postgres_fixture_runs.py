"""The fixtures of Postgres in runs of pytest on throw-away projects: what they say when something is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.config import Settings
    from test_framework.resolution import Endpoint
    from tests.conftest import Project

TEST = "tests/integration/test_it.py"
INSERT: LiteralString = "INSERT INTO author (name) VALUES (%s)"


@pytest.fixture
def served(project: Project, postgres: Endpoint, near: Callable[[str], str]) -> Project:
    """Return the project, on our Postgres server."""
    project.configure("tiers.integration.services = ['postgres']\nservices.postgres.template = 'schema.sql'")
    project.write("schema.sql", "CREATE TABLE author (id serial, name text); INSERT INTO author VALUES (0, 'Ursula')")
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "explicit")
    project.env.setenv("TEST_FRAMEWORK_POSTGRES_URL", near(postgres.url))
    return project


def outcomes(project: Project) -> dict[str, str]:
    """Return the outcomes of the last run, by the name of the test."""
    tests = project.report("integration")["tests"]
    return {re.sub(r".*::(test_way\[)?", "", t["nodeid"]).removesuffix("]"): t["outcome"] for t in tests}


WAYS = """
import psycopg
import pytest
from psycopg.rows import dict_row

LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"

def other(tx):
    return psycopg.connect(tx.info.dsn, password=tx.info.password, autocommit=True)

def over_another(tx, statement):
    with other(tx) as connection:
        connection.execute(statement)

def unfinished(tx):
    tx.cursor().copy("COPY author FROM STDIN").__enter__()

def pipeline(tx):
    tx.pipeline().__enter__()
    tx.execute("INSERT INTO author VALUES (1, 'x')")

def stays(tx):
    left.append(other(tx))
    left[-1].execute("BEGIN")
    left[-1].execute("LOCK author IN ACCESS SHARE MODE")

def settings(tx):
    tx.row_factory = dict_row
    tx.prepare_threshold = 0
    for statement in ("SELECT 1", "SET work_mem = '1MB'", "SELECT pg_advisory_lock(1)", "LISTEN news"):
        tx.execute(statement)
    tx.commit()

left = []
seen = []
INSERT = "INSERT INTO author VALUES (1, 'x')"
WAYS = {
    "commit by SQL": lambda tx: (tx.execute(INSERT), tx.execute("COMMIT")),
    "DDL and commit": lambda tx: tx.execute("CREATE TABLE more (id int); COMMIT"),
    "commit and go on": lambda tx: (tx.execute(INSERT), tx.execute("COMMIT"), tx.execute(INSERT)),
    "prepare": lambda tx: (tx.execute(INSERT), tx.execute("PREPARE TRANSACTION 'left'")),
    "another connection": lambda tx: over_another(tx, INSERT),
    "an update over another": lambda tx: over_another(tx, "UPDATE author SET name = 'x'"),
    "DDL over another": lambda tx: over_another(tx, "CREATE INDEX by_name ON author (name)"),
    "a function over another": lambda tx: over_another(tx, "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1"),
    "a setting over another": lambda tx: over_another(tx, f"ALTER DATABASE {tx.info.dbname} SET work_mem = '1MB'"),
    "roll back by SQL": lambda tx: (tx.execute(INSERT), tx.execute("ROLLBACK")),
    "a connection that stays": stays,
    "settings": settings,
    "nothing": lambda tx: None,
    "write": lambda tx: (tx.execute(INSERT), tx.commit()),
    "DDL": lambda tx: tx.execute("CREATE TABLE more (id int); CREATE INDEX i ON more (id); TRUNCATE author"),
    "fail": lambda tx: pytest.raises(psycopg.Error, tx.execute, "SELECT 1 / 0"),
    "look over another": lambda tx: over_another(tx, "SELECT count(*) FROM author"),
    "close": lambda tx: (tx.execute(INSERT), tx.close()),
    "a block that closes": lambda tx: tx.__enter__().execute(INSERT) and tx.__exit__(None, None, None),
    "an unfinished copy": unfinished,
    "a pipeline": pipeline,
}

@pytest.mark.parametrize("way", WAYS)
def test_way(postgres_tx, way):
    assert all(tx.closed for tx in seen)
    seen.append(postgres_tx)
    assert postgres_tx.execute("SELECT 1", prepare=True).fetchone() == (1,)
    assert postgres_tx.execute("SHOW work_mem").fetchone() == ("4MB",)
    assert postgres_tx.execute(LOCKS).fetchone() == (0,)
    assert postgres_tx.execute("SELECT name FROM author").fetchall() == [("Ursula",)]
    assert postgres_tx.execute("SELECT to_regclass('more'), to_regproc('f')").fetchone() == (None, None)
    with postgres_tx.transaction(force_rollback=True):
        postgres_tx.execute("LOCK author IN ACCESS EXCLUSIVE MODE NOWAIT")
    WAYS[way](postgres_tx)
"""

LEFT = {
    "commit by SQL": "by ending the transaction: rows of author",
    "DDL and commit": "by ending the transaction: more, rows of more",
    "commit and go on": "by ending the transaction: rows of author",
    "prepare": "by ending the transaction: prepared transactions",
    "another connection": "over another connection: rows of author",
    "an update over another": "over another connection: rows of author",
    "DDL over another": "over another connection: by_name",
    "a function over another": "over another connection: rows of pg_proc",
    "a setting over another": "over another connection: the database itself",
}


def test_what_is_left_in_the_shared_database(served: Project) -> None:
    """Each test that leaves something has an error that names it, no other has one, and none finds anything.

    Nor does a test have the settings of the one before, and its connection is closed for whoever still holds it.
    """
    served.write(TEST, WAYS)
    result = served.spawn("--tier", "integration")
    found = outcomes(served)
    assert {name for name, outcome in found.items() if outcome == "error"} == {*LEFT}
    assert {outcome for name, outcome in found.items() if name not in LEFT} == {"passed"}
    for text in LEFT.values():
        result.stdout.fnmatch_lines([f"left-behind: *: postgres_tx, {text}. Undo it in the test, or use postgres_db*"])


def test_workers_share_no_transaction(served: Project) -> None:
    """Each has a database of its own, so tests that lock all of it do not wait for each other."""
    text = """
import pytest

@pytest.mark.parametrize("number", range(40))
def test_it(postgres_tx, number):
    assert postgres_tx.execute("SELECT name FROM author").fetchall() == [("Ursula",)]
    postgres_tx.execute("LOCK author IN ACCESS EXCLUSIVE MODE NOWAIT")
    postgres_tx.execute("INSERT INTO author VALUES (1, 'x')")
    postgres_tx.commit()
"""
    served.write(TEST, text)
    assert served.spawn("--tier", "integration", "-n", "2").ret == pytest.ExitCode.OK
    assert served.report("integration")["counts"]["passed"] == 40


SCOPES = """
import psycopg
import pytest

def add(endpoint):
    with psycopg.connect(endpoint.url) as connection:
        connection.execute("INSERT INTO author (name) VALUES ('x')")
        return connection.execute("SELECT count(*) FROM author").fetchone()[0]

class TestOne:
    def test_a(self, postgres_class_db):
        assert add(postgres_class_db) == 2
    def test_b(self, postgres_class_db, postgres_db):
        assert add(postgres_class_db) == 3
        assert add(postgres_db) == 2
    def test_c(self, postgres_module_db):
        assert add(postgres_module_db) == 2

class TestTwo:
    def test_d(self, postgres_class_db):
        assert add(postgres_class_db) == 2
    def test_fails(self, postgres_class_db):
        assert add(postgres_class_db) == 0
    def test_e(self, postgres_class_db, postgres_module_db):
        assert add(postgres_class_db) == 4
        assert add(postgres_module_db) == 3
        assert postgres_class_db.provider == postgres_module_db.provider

def test_f(postgres_module_db, postgres_class_db):
    assert add(postgres_module_db) == 4
    assert add(postgres_class_db) == 2
"""


def test_a_database_of_a_class_or_a_module(served: Project, postgres: Endpoint, framework_settings: Settings) -> None:
    """Tests find what those before them have left, and no others; the one in which a test failed is kept."""
    if postgres.provider == "explicit":
        pytest.skip("a server of somebody else's is left as it was")
    served.env.delenv("TEST_FRAMEWORK_POSTGRES_URL")
    served.env.setenv("TEST_FRAMEWORK_PROVIDERS", postgres.provider)
    served.env.setenv("TEST_FRAMEWORK_POSTGRES_IMAGE", framework_settings.service("postgres").image)
    served.env.setenv("TEST_FRAMEWORK_IDLE_SECONDS", "60")
    served.env.setenv("COLUMNS", "500")
    served.write(TEST, SCOPES)
    result = served.spawn("--tier", "integration")
    try:
        assert {name for name, outcome in outcomes(served).items() if outcome != "passed"} == {"test_fails"}
        tests = served.report("integration")["tests"]
        assert [t["services"]["postgres"]["provider"] for t in tests] == [postgres.provider] * 7
        line = result.outlines[result.outlines.index("kept for you to look at:") + 1]
        found = re.fullmatch(r"  postgres (\S+) of (\S+) \((\S+)\)", line)
        assert found is not None
        assert found[2] == f"{TEST}::TestTwo"
        assert found[3] == f"{TEST}::TestTwo::test_e"
        with psycopg.connect(found[1]) as connection:
            assert connection.execute("SELECT count(*) FROM author").fetchone() == (4,)
    finally:
        served.stop_supervisors()


PAIR = "class TestIt:\n    def test_a(self, {fixture}): pass\n    def test_b(self, {fixture}): pass\n"
FIXTURES = ["postgres_class_db", "postgres_module_db", "postgres_tx", "postgres_connection"]


@pytest.mark.parametrize("fixture", FIXTURES)
def test_a_server_that_cannot_be_had(no_service: Project, fixture: str) -> None:
    """Every test that would share it is skipped with the reason, not only the first."""
    no_service.write(
        TEST, f"class TestIt:\n    def test_a(self, {fixture}): pass\n    def test_b(self, {fixture}): pass\n"
    )
    assert no_service.spawn("--tier", "integration").ret == pytest.ExitCode.OK
    assert [skip["code"] for skip in no_service.report("integration")["skips"]] == ["socket-missing"] * 2


@pytest.mark.parametrize("fixture", FIXTURES)
def test_a_template_that_is_broken(served: Project, fixture: str) -> None:
    """Every test that would share the database has the error, not only the first."""
    served.write("schema.sql", "CREATE TABEL author (id int)")
    served.write(TEST, PAIR.format(fixture=fixture))
    result = served.spawn("--tier", "integration")
    assert served.report("integration")["counts"] == {"passed": 0, "failed": 0, "errors": 2, "skipped": 0}
    result.stdout.fnmatch_lines(["template-failed: *schema.sql failed: syntax error*"] * 2)


OPEN = """
import asyncio
import psycopg
import pytest
import sqlalchemy

left = []

@pytest.mark.parametrize("number", range(5))
def test_it(postgres_db, postgres_connection, postgres_engine, postgres_async_engine, number):
    assert postgres_connection.execute("SELECT name FROM author").fetchall() == [("Ursula",)]
    left.append(psycopg.connect(postgres_db.url))
    left[-1].execute("INSERT INTO author VALUES (1, 'x')")
    left.append(postgres_engine.connect())
    left[-1].execute(sqlalchemy.text("INSERT INTO author VALUES (1, 'x')"))
    postgres_connection.execute("INSERT INTO author VALUES (1, 'x')")

    async def look():
        async with postgres_async_engine.connect() as connection:
            await connection.execute(sqlalchemy.text("SELECT 1"))

    asyncio.run(look())
"""


def test_the_database_of_a_failed_test_on_a_server_of_somebody_elses(served: Project) -> None:
    """It is gone with the run, as all that was made there, so nobody is told to look at it."""
    served.env.setenv("TEST_FRAMEWORK_IDLE_SECONDS", "60")
    served.write(TEST, "def test_fails(postgres_db):\n    assert 0\n")
    result = served.spawn("--tier", "integration")
    served.stop_supervisors()
    assert outcomes(served) == {"test_fails": "failed"}
    result.stdout.no_fnmatch_line("*kept for you*")


def test_connections_that_are_left_open(served: Project) -> None:
    """They hold nobody up, and the next test has a fresh database."""
    served.write(TEST, OPEN)
    served.spawn("--tier", "integration", "-W", "ignore::ResourceWarning")
    assert served.report("integration")["counts"] == {"passed": 5, "failed": 0, "errors": 0, "skipped": 0}


@pytest.mark.parametrize(
    ("fixture", "module", "install"),
    [
        ("postgres_engine", "sqlalchemy", "pip install sqlalchemy"),
        ("postgres_async_engine", "sqlalchemy", "pip install 'sqlalchemy[[]asyncio]'"),
        ("postgres_async_engine", "greenlet", "pip install 'sqlalchemy[[]asyncio]'"),
    ],
)
def test_what_is_not_installed(served: Project, fixture: str, module: str, install: str) -> None:
    """It is one failure that says what to install, and the other fixtures need it not."""
    served.write("conftest.py", f"import sys\nsys.modules[{module!r}] = None\n")
    served.write(TEST, f"def test_it({fixture}): pass\ndef test_other(postgres_connection): pass\n")
    result = served.spawn("--tier", "integration")
    assert outcomes(served) == {"test_it": "error", "test_other": "passed"}
    result.stdout.fnmatch_lines([f"sdk-missing: *cannot be imported: *{module}*Run: {install}"])
