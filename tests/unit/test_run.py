"""`run`: each option has an effect, and a test here that fails when it has none."""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import run as command
from tests.support.runs import PASSES, SEEN, Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Project

pytestmark = pytest.mark.timeout(600)  # each runs pytest in several processes

FAILS = "def test_first(): assert 0\ndef test_second(): pass\n"
NEEDS = "def test_needs(postgres): pass\n"


@pytest.fixture
def runs(project: Project, capfd: pytest.CaptureFixture[str]) -> Runs:
    """Return a project with a test in each of three tiers."""
    return Runs.of_three_tiers(project, capfd)


@pytest.fixture
def nothing_there(no_service: Project, capfd: pytest.CaptureFixture[str]) -> Runs:
    """Return a project with a test that needs what cannot be had here."""
    made = Runs(no_service, capfd)
    made.tests(unit=PASSES + NEEDS)
    return made


def test_a_category(runs: Runs) -> None:
    """It runs, and no other does; given twice, both do."""
    told = runs.run("--category", "smoke")
    assert (told.status, runs.ran()) == (0, {"smoke"})
    assert told.last == "green: 1 test passed in 1 tier"
    runs.run("--category", "smoke", "--category", "integration")
    assert runs.ran() == {"smoke", "integration"}


def test_categories(runs: Runs) -> None:
    """Each of them runs, in the order in which they are named, and has a line at the end."""
    told = runs.run("--categories", "integration, unit")
    assert (told.status, runs.ran()) == (0, {"unit", "integration"})
    assert told.out.index("run: integration (1 of 2)") < told.out.index("run: unit (2 of 2)")
    assert told.line("integration").startswith("integration green")
    assert told.last == "green: 2 tests passed in 2 tiers"


def test_the_list_of_categories(runs: Runs) -> None:
    """A line of four words for each, files counted as a tier has them; nothing is run."""
    runs.project.write("tests/e2e/test_journey.py", PASSES)
    runs.project.write("tests/e2e/staging/test_there.py", PASSES)
    runs.project.write("tests/unit/helper.py", "")
    told = runs.run("--list-categories")
    found = {name: rest for name, *rest in (line.split() for line in told.out.splitlines())}
    assert found["unit"] == ["1", "-", "tests/unit"]
    assert found["e2e"] == ["1", "postgres,redis", "tests/e2e"]
    assert (found["e2e-staging"][0], found["performance"][0]) == ("1", "0")
    assert (told.status, (runs.path / "reports").exists()) == (0, False)


def test_collecting_only(runs: Runs) -> None:
    """Tests are counted and not run; what cannot be collected makes it red."""
    runs.tests(unit="from pathlib import Path\ndef test_a(): Path('ran').touch()\ndef test_b(): pass\n")
    told = runs.run("--collect-only", "--categories", "unit,smoke")
    assert (told.status, (runs.path / "ran").exists(), runs.ran()) == (0, False, set())
    assert told.line("unit").endswith("2 tests in 1 file")
    assert told.last == "green: 3 tests collected in 2 tiers"
    runs.project.write("tests/unit/test_broken.py", "import nowhere\n")
    told = runs.run("--collect-only", "--categories", "unit,smoke")
    assert told.status == 2
    assert told.line("unit").endswith("2 tests in 1 file, 1 error")
    assert told.line("smoke").endswith("1 test in 1 file")
    assert told.last == "RED: unit: 2 tests in 1 file, 1 error"


@pytest.mark.parametrize(
    ("environment", "providers"),
    [
        ([], ["explicit", "docker", "embedded", "staging"]),
        (["local"], ["explicit", "docker", "embedded"]),
        (["staging"], ["staging"]),
    ],
)
def test_the_environment(runs: Runs, environment: list[str], providers: list[str]) -> None:
    """Local never uses staging, and staging nothing else."""
    runs.tests(unit=SEEN)
    runs.run("--category", "unit", *(f"--environment={name}" for name in environment))
    assert runs.seen()["providers"] == providers


def test_no_docker(runs: Runs) -> None:
    """It is not among the providers."""
    runs.tests(unit=SEEN)
    assert runs.run("--category", "unit", "--no-docker").status == 0
    assert runs.seen()["providers"] == ["explicit", "embedded", "staging"]


@pytest.mark.parametrize(
    ("others", "providers"),
    [
        ([], ["explicit", "staging"]),
        (["--environment", "local"], ["explicit"]),
        (["--environment", "staging"], ["staging"]),
    ],
)
def test_remote_services(runs: Runs, others: list[str], providers: list[str]) -> None:
    """Nothing is started, whatever the settings would try."""
    runs.configure("services.postgres.providers = ['docker', 'embedded']")
    runs.tests(unit=SEEN)
    assert runs.run("--category", "unit", "--remote-services", *others).status == 0
    assert runs.seen()["providers"] == providers


def test_real_services(nothing_there: Runs) -> None:
    """A test whose service cannot be had is skipped without the option, and fails with it."""
    assert nothing_there.run("--category", "unit").status == 0
    assert nothing_there.outcomes() == {"test_passes": "passed", "test_needs": "skipped"}
    assert nothing_there.run("--category", "unit", "--real-services").status == 1
    assert nothing_there.outcomes()["test_needs"] in {"failed", "error"}


def test_a_pattern(runs: Runs) -> None:
    """Words are a part of the path; with a wildcard they are the whole of it, or of the name."""
    for name in ("test_login", "test_logout", "auth/test_token"):
        runs.project.write(f"tests/unit/{name}.py", f"def test_{name[-5:]}(): pass\n")
    for pattern, tests in (
        ("auth", {"test_token"}),
        ("test_log*", {"test_login", "test_ogout"}),
        ("tests/unit/*/test_*", {"test_token"}),
        ("tests/unit/*", {"test_login", "test_ogout", "test_token", "test_passes"}),
    ):
        assert runs.run("--category", "unit", "--pattern", pattern).status == 0
        assert runs.outcomes().keys() == tests, pattern


def test_pytest_has_the_pattern_too(project: Project) -> None:
    """With a tier or without; a file that is named by itself is taken all the same, as pytest does."""
    for name in ("test_login", "auth/test_token"):
        project.write(f"tests/unit/{name}.py", PASSES)
    for args, files in (
        (["--pattern", "auth"], ["auth/test_token.py"]),
        (["--pattern", "auth", "tests/unit/test_login.py"], ["test_login.py"]),
        (["--tier", "unit", "--pattern", "test_log*"], ["test_login.py"]),
    ):
        result = project.run("--collect-only", "-q", *args)
        assert [line for line in result.outlines if "::" in line] == [f"tests/unit/{f}::test_passes" for f in files]


def test_a_pattern_and_a_tier_s_files(runs: Runs) -> None:
    """A tier whose files are named one by one has only those that fit."""
    runs.configure("tiers.unit.paths = ['tests/unit/test_unit.py', 'tests/other/test_other.py']")
    runs.project.write("tests/other/test_other.py", "def test_other(): pass\n")
    runs.run("--category", "unit", "--pattern", "other")
    assert runs.outcomes() == {"test_other": "passed"}


def test_fast_fail(runs: Runs) -> None:
    """The first failure ends its tier, and no other is begun; without the option all run."""
    runs.tests(unit=FAILS)
    told = runs.run("--categories", "unit,smoke", "--fast-fail")
    assert (told.status, runs.outcomes()) == (1, {"test_first": "failed"})
    assert told.line("smoke") == "smoke not run --fast-fail: unit is red"
    assert told.last == "RED: unit: 1 of 1 test failed; not run: smoke"
    assert runs.run("--categories", "unit,smoke").status == 1
    assert runs.outcomes() == {"test_first": "failed", "test_second": "passed"}
    assert runs.outcomes("smoke") == {"test_passes": "passed"}


def test_concurrent_users(runs: Runs) -> None:
    """The tests are told so."""
    runs.tests(unit=SEEN)
    assert runs.run("--category", "unit", "--concurrent-users", "25").status == 0
    assert runs.seen()["users"] == 25


def test_a_collection_that_takes_too_long(runs: Runs) -> None:
    """It ends the tier, which is red; within its time nothing changes."""
    runs.tests(unit="import time\ntime.sleep(30)\n" + PASSES)
    told = runs.run("--category", "unit", "--collection-timeout", "0.2")
    assert told.status == 2
    assert "run incomplete" in told.last
    assert "collection took longer than 0.2 s (--collection-timeout)" in told.out


def test_an_execution_mode(runs: Runs) -> None:
    """Its tiers run in its order, and no others."""
    told = runs.run("--execution-mode", "development")
    assert (told.status, runs.ran()) == (0, {"unit", "smoke", "integration"})
    assert told.line("integration").startswith("core_integration integration green")
    assert "run: integration" not in runs.run("--execution-mode", "fast_feedback").out


def test_a_shard(runs: Runs) -> None:
    """Each part of a tier runs what the others do not, and one that is left with nothing is not red."""
    runs.tests(unit="def test_one(): pass\ndef test_two(): pass\n")
    told = []
    for shard in ("1/3", "2/3", "3/3"):
        assert runs.run("--category", "unit", "--shard", shard).status == 0
        told.append(list(runs.outcomes()))
    assert sorted(told) == [[], ["test_one"], ["test_two"]]


def test_arguments_for_pytest(runs: Runs) -> None:
    """What follows `--` goes to the pytest of each tier."""
    runs.tests(unit=FAILS, smoke=FAILS)
    assert runs.run("--categories", "unit,smoke", "--", "-k", "second").status == 0
    assert runs.outcomes("unit") == runs.outcomes("smoke") == {"test_second": "passed"}


@pytest.mark.parametrize(("on_path", "status"), [("", 2), ("[tool.pytest.ini_options]\npythonpath = ['.']", 0)])
def test_imports_are_those_of_pytest(runs: Runs, on_path: str, status: int) -> None:
    """What `pytest --tier` cannot import, `run` cannot: neither looks into the folder that it is started in."""
    runs.configure(on_path)
    runs.project.write("shop.py", "PRICE = 1\n")
    runs.tests(unit="import shop\ndef test_price(): assert shop.PRICE == 1\n")
    program = f"{sysconfig.get_path('scripts')}/pytest"
    alone = subprocess.run([program, "-p", "test_framework", "--tier", "unit"], check=False, timeout=60)
    assert (alone.returncode, runs.run("--category", "unit").status) == (status, status)


def test_coverage(runs: Runs) -> None:
    """Of all tiers together; a line that one of them runs is covered, and with the option nothing is measured."""
    runs.configure("[tool.pytest.ini_options]\npythonpath = ['.']")
    runs.project.write("shop/__init__.py", "def price():\n    return 1\n\ndef stock():\n    return 2\n")
    runs.tests(
        unit="import shop\ndef test_price(): assert shop.price() == 1\n",
        smoke="import shop\ndef test_stock(): assert shop.stock() == 2\n",
    )
    told = runs.run("--category", "unit", coverage=True)
    assert "\ncoverage: 75 %: " in told.out
    told = runs.run("--categories", "unit,smoke", coverage=True)
    assert "\ncoverage: 100 %: " in told.out
    assert (runs.path / "reports/coverage.xml").read_text().count('hits="1"') == 4
    told = runs.run("--categories", "unit,smoke")
    assert "coverage:" not in told.out


def test_help_imports_next_to_nothing() -> None:
    """So that it answers at once: neither what runs tests, nor the other commands."""
    code = (
        "import sys\nfrom test_framework.cli import main\n"
        "try: main(['run', '--help'])\n"
        "except SystemExit: print(*sorted(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = result.stderr.split()
    assert "--execution-mode" in result.stdout
    assert "test_framework.cli.run" in loaded
    packages = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("test_framework.")}
    few = ("cli", "config", "inherited", "inputs", "redaction", "version", "_secret")
    assert packages == {f"test_framework.{name}" for name in few}
    assert not {"pytest", "coverage", "docker", "psycopg", "redis", "json", "socket", "asyncio"} & set(loaded)


OPTIONS: dict[str, Callable[..., None]] = {
    "--category": test_a_category,
    "--categories": test_categories,
    "--list-categories": test_the_list_of_categories,
    "--collect-only": test_collecting_only,
    "--environment": test_the_environment,
    "--no-docker": test_no_docker,
    "--real-services": test_real_services,
    "--remote-services": test_remote_services,
    "--pattern": test_a_pattern,
    "--shard": test_a_shard,
    "--fast-fail": test_fast_fail,
    "--no-coverage": test_coverage,
    "--execution-mode": test_an_execution_mode,
    "--concurrent-users": test_concurrent_users,
    "--collection-timeout": test_a_collection_that_takes_too_long,
    "arguments": test_arguments_for_pytest,
}
"""Which test fails when an option is ignored."""


def test_each_option_has_a_test_of_its_effect() -> None:
    """One that is added here without a test is noticed."""
    parser = argparse.ArgumentParser(add_help=False)
    command.add_arguments(parser)
    there = [(action.option_strings or [action.dest])[0] for action in parser._actions]
    assert there
    assert set(there) == set(OPTIONS)
