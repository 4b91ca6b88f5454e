"""What a database of its own costs a test, beside the alternatives, on one server and in one run.

    python tests/performance/databases.py [--tests 200] [--tables 5 40] [--workers 0 2] [--rounds 3] [--json FILE]

Each alternative runs the same tests, which connect, read, and either write to two tables or do not. A figure is the
time of the whole run, less that of as many tests without a database, for each test. The alternatives take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from uuid import uuid4

from test_framework.config import load
from test_framework.supervisor.client import connect
from test_framework.supervisor.wire import Want

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_SECONDS = 900
OURS = "test-framework: postgres_db"
TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(int(os.environ["TESTS"])))
def test_database(connection, number):
    assert connection.execute("SELECT count(*) FROM t0").fetchone() == (3,)
    assert connection.execute("SELECT count(*) FROM t1").fetchone() == (0,)
    if os.environ["WRITE"] == "1":
        connection.execute("INSERT INTO t1 (name) VALUES ('x')")
        connection.execute("INSERT INTO t2 (name) VALUES ('x')")
"""
NOTHING = """
import os
import pytest

@pytest.mark.parametrize("number", range(int(os.environ["TESTS"])))
def test_nothing(number):
    pass
"""
ONE = """
import os
import uuid
from pathlib import Path
import psycopg
import pytest

SERVER = os.environ["SERVER"]

def made(name, template="template1"):
    with psycopg.connect(SERVER, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")

def dropped(name):
    with psycopg.connect(SERVER, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

@pytest.fixture(scope="session")
def database():
    name = "bench_" + uuid.uuid4().hex
    made(name)
    with psycopg.connect(SERVER, dbname=name, autocommit=True) as connection:
        connection.execute(Path("schema.sql").read_text())
    yield name
    dropped(name)
"""
CONFTESTS = {
    OURS: """
import psycopg
import pytest

@pytest.fixture
def connection(postgres_db):
    with psycopg.connect(postgres_db.url) as connection:
        yield connection
""",
    "pytest-postgresql: a clone per test": """
import os
from pathlib import Path
from urllib.parse import urlsplit
from pytest_postgresql import factories

at = urlsplit(os.environ["SERVER"])
postgresql_noproc = factories.postgresql_noproc(
    host=at.hostname, port=at.port, user=at.username, password=at.password, load=[Path("schema.sql").resolve()]
)
connection = factories.postgresql("postgresql_noproc")
""",
    "CREATE DATABASE … TEMPLATE, and DROP": f"""{ONE}
@pytest.fixture
def connection(database):
    name = "bench_" + uuid.uuid4().hex
    made(name, database)
    with psycopg.connect(SERVER, dbname=name) as connection:
        yield connection
    dropped(name)
""",
    "one database, TRUNCATE of all tables": f"""{ONE}
@pytest.fixture
def connection(database):
    with psycopg.connect(SERVER, dbname=database) as connection:
        yield connection
    with psycopg.connect(SERVER, dbname=database) as cleaning:
        tables = [row[0] for row in cleaning.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        cleaning.execute(f"TRUNCATE {{', '.join(tables)}} RESTART IDENTITY")
        cleaning.execute("INSERT INTO t0 (name) VALUES ('a'), ('b'), ('c')")
""",  # noqa: S608  # a test's own text
    "one database, a transaction rolled back": f"""{ONE}
@pytest.fixture
def connection(database):
    with psycopg.connect(SERVER, dbname=database) as connection:
        yield connection
        connection.rollback()
""",
    "testcontainers: a container per test": """
import os
from pathlib import Path
import psycopg
import pytest
from testcontainers.community.postgres import PostgresContainer

@pytest.fixture
def connection():
    with PostgresContainer(os.environ["TEST_FRAMEWORK_POSTGRES_IMAGE"], driver=None) as container:
        with psycopg.connect(container.get_connection_url()) as connection:
            connection.execute(Path("schema.sql").read_text())
            connection.commit()
            yield connection
""",
}
SLOW = "testcontainers: a container per test"
SLOW_TESTS = 3


def main() -> int:
    """Measure, print a Markdown table for each number of tables and workers, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=200, help="tests in each run (200)")
    parser.add_argument(
        "--tables", type=int, nargs="+", default=[5, 40], help="tables of the schema, 3 at least (5 40)"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[0], help="workers of pytest-xdist, 0 for none (0)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    figures = {}
    for tables, workers in product(given.tables, given.workers):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), given, tables, workers)
        figures[f"{tables} tables, {workers} workers"] = found
        print("\n".join(table(found, tables, workers, given)), flush=True)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(root: Path, given: argparse.Namespace, tables: int, workers: int) -> dict[str, dict[str, list[float]]]:
    """Return the milliseconds per test of each alternative: reading, writing; one figure a round."""
    names = [name for name in CONFTESTS if can(name)]
    write_project(root, names, tables)
    found: dict[str, dict[str, list[float]]] = {name: {"read": [], "write": []} for name in names}
    settings = load(root)
    with closing(connect(settings, {}, uuid4().hex, lambda _: None)) as client:
        endpoint = client.resolve(Want.of("postgres", settings, None)).endpoint
        if endpoint is None:
            sys.exit("there is no Postgres here: see python -m test_framework doctor")
        env = {**os.environ, "SERVER": endpoint.url, "TESTCONTAINERS_RYUK_DISABLED": "true"}
        # One round more than is counted: the first writes byte code.
        for number, name, kind in product(range(given.rounds + 1), names, ("read", "write")):
            tests = SLOW_TESTS if name == SLOW else given.tests
            run = {**env, "TESTS": str(tests), "WRITE": str(int(kind == "write"))}
            seconds = timed(root, f"case{names.index(name)}", run, workers) - timed(root, "nothing", run, workers)
            if number:
                found[name][kind].append(1000 * seconds / tests)
    return found


def can(name: str) -> bool:
    """Whether an alternative is here."""
    if name == SLOW:
        images = ["docker", "image", "inspect", os.environ.get("TEST_FRAMEWORK_POSTGRES_IMAGE", "")]
        try:
            return subprocess.run(images, capture_output=True, check=False).returncode == 0
        except OSError:
            return False
    return not name.startswith("pytest-postgresql") or find_spec("pytest_postgresql") is not None


def write_project(root: Path, names: list[str], tables: int) -> None:
    """Write a project with the same tests for each alternative."""
    schema = "".join(f"CREATE TABLE t{n} (id serial PRIMARY KEY, name text);\n" for n in range(tables))
    files = {
        "schema.sql": schema + "INSERT INTO t0 (name) VALUES ('a'), ('b'), ('c');\n",  # noqa: S608  # likewise
        "pyproject.toml": "[tool.test_framework]\nidle_seconds = 60\nservices.postgres.template = 'schema.sql'\n",
        "nothing/test_nothing.py": NOTHING,
    }
    for number, name in enumerate(names):
        files |= {f"case{number}/conftest.py": CONFTESTS[name], f"case{number}/test_database.py": TESTS}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def timed(root: Path, folder: str, env: dict[str, str], workers: int) -> float:
    """Run the tests of a folder and return the seconds."""
    parallel = ["-n", str(workers)] if workers else []
    begin = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *parallel, folder],
        cwd=root,
        env=env,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    if result.returncode:
        sys.exit(f"{folder} did not pass:\n{result.stdout[-3000:]}{result.stderr[-3000:]}")
    return time.monotonic() - begin


def table(
    found: dict[str, dict[str, list[float]]], tables: int, workers: int, given: argparse.Namespace
) -> Iterator[str]:
    """Yield a Markdown table: medians with their spread, and how often ours goes into each."""
    yield f"\n{tables} tables, {workers or 'no'} workers: ms for each of {given.tests} tests, {given.rounds} rounds\n"
    yield "| | reads | min .. max | ratio | writes | min .. max | ratio |"
    yield "|---|---|---|---|---|---|---|"
    for name, kinds in found.items():
        cells = [name]
        for kind, values in kinds.items():
            middle, ours = median(values), median(found[OURS][kind])
            cells += [f"{middle:.1f}", f"{min(values):.1f} .. {max(values):.1f}", f"{middle / ours:.1f}"]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
