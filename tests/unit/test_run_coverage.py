"""`run`: what is measured, how tiers and shards are put together, and which total is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.runs import Runs

if TYPE_CHECKING:
    from tests.conftest import Project

pytestmark = pytest.mark.timeout(600)  # each runs pytest in several processes

SHOP = "def price():\n    return 1\n\ndef stock():\n    return 2\n"


@pytest.fixture
def runs(project: Project, capfd: pytest.CaptureFixture[str]) -> Runs:
    """Return a project with a package of two functions, each of which one tier tests."""
    made = Runs(project, capfd)
    made.configure("[tool.pytest.ini_options]\npythonpath = ['.']")
    project.write("shop/__init__.py", SHOP)
    made.tests(
        unit="import shop\ndef test_price(): assert shop.price() == 1\n",
        smoke="import shop\ndef test_stock(): assert shop.stock() == 2\n",
    )
    return made


def covered(told: str) -> str:
    """Return what is said of coverage, without the path."""
    (line,) = (line for line in told.splitlines() if line.startswith("coverage: "))
    return line


def coverage_settings(runs: Runs, text: str) -> None:
    """Configure coverage in its own file."""
    runs.project.write(".coveragerc", text)


@pytest.mark.parametrize(
    ("name", "text", "total"),
    [
        ("till/__init__.py", "OPEN = 1\n", "60 %"),
        ("src/desk/__init__.py", "OPEN = 1\n", "0 %"),
        (".coveragerc", "[run]\nsource = tests\n", "100 %"),
    ],
)
def test_what_is_measured(runs: Runs, name: str, text: str, total: str) -> None:
    """The packages at the top, or src, where the project's configuration of coverage says nothing; tests are not."""
    runs.project.write(name, text)
    assert covered(runs.run("--category", "unit", coverage=True).out).startswith(f"coverage: {total}: ")


def test_modules_without_a_package(runs: Runs) -> None:
    """Of a project of modules they are measured, also those that no test imports; its tests and its tools are not."""
    (runs.path / "shop/__init__.py").rename(runs.path / "shop.py")
    (runs.path / "shop").rmdir()
    for name in ("noxfile.py", "tasks.py", "setup.py", "conftest.py", "checks/conftest.py", "tests/help.py"):
        runs.project.write(name, "LINE = 1\n")
    runs.project.write("checks/test_more.py", "def test_more(): pass\n")
    runs.configure("tiers.e2e.paths = ['checks']\n[tool.pytest.ini_options]\npythonpath = ['.']")
    runs.project.write("till.py", "OPEN = 1\n")
    runs.project.write("left_out.py", "OUT = 1\n")
    coverage_settings(runs, "[report]\nomit = left_out.py\n")
    # Three of the four lines of the shop, and none of the one of the till.
    assert covered(runs.run("--category", "unit", coverage=True).out).startswith("coverage: 60 %: ")
    page = (runs.path / "reports/coverage.xml").read_text(encoding="utf-8")
    assert set(re.findall(r'filename="([^"]+)"', page)) == {"shop.py", "till.py"}


def test_the_total_that_is_asked_for(runs: Runs) -> None:
    """All tiers together are held to it: it is the project's, and says what it is."""
    coverage_settings(runs, "[report]\nfail_under = 90\n")
    told = runs.run("--categories", "unit,smoke", coverage=True)
    assert (told.status, covered(told.out).partition(" %")[0]) == (0, "coverage: 100")
    runs.tests(smoke="def test_nothing(): pass\n")
    told = runs.run("--", "--verbose", coverage=True)
    assert (told.status, told.last) == (1, "RED: coverage is too low")
    assert covered(told.out).endswith(", which is less than coverage's own setting fail_under = 90")
    assert " unit green " in told.line("unit")


@pytest.mark.parametrize(
    ("args", "addopts"),
    [
        (["--pattern", "unit"], ""),
        (["--category", "unit"], ""),
        (["--", "-k", "price"], ""),
        (["--", "--pattern=unit"], ""),
        (["--", "tests/unit"], ""),
        ([], " -k price"),
    ],
)
def test_a_part_is_not_held_to_it(runs: Runs, args: list[str], addopts: str) -> None:
    """Neither some of the tiers nor some of their tests, whoever leaves the others out; it is told all the same."""
    coverage_settings(runs, "[report]\nfail_under = 90\n")
    runs.env.setenv("PYTEST_ADDOPTS", f"-p no:cacheprovider{addopts}")
    told = runs.run(*args, coverage=True)
    assert covered(told.out).endswith(
        "(coverage's own setting fail_under = 90 is for all tiers as a whole, and is not applied)"
    )
    assert told.status == 0


def test_what_no_mode_has_is_no_part_of_all(runs: Runs) -> None:
    """A tier that is only run when it is asked for leaves the total of the others as it is."""
    coverage_settings(runs, "[report]\nfail_under = 90\n")
    runs.tests(smoke="def test_nothing(): pass\n", performance="def test_slow(): pass\n")
    assert runs.run(coverage=True).last == "RED: coverage is too low"
    runs.tests(integration="def test_more(): pass\n")
    assert runs.run(coverage=True).status == 0


def test_a_layer_that_is_not_run(runs: Runs) -> None:
    """What an earlier run has measured of it does not count."""
    assert runs.run("--category", "smoke", coverage=True).status == 0
    runs.tests(unit="def test_fails(): assert 0\n")
    told = runs.run("--categories", "unit,smoke", "--fast-fail", coverage=True)
    assert covered(told.out) == "coverage: not measured: No data to report."


def test_without_pytest_cov(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says that nothing is measured, and how it would be."""
    monkeypatch.setitem(sys.modules, "pytest_cov", None)
    told = runs.run("--category", "unit", coverage=True)
    assert told.status == 0
    assert covered(told.out) == (
        "coverage: off, since pytest-cov is not installed: pip install 'pytest-tiers[coverage]'"
    )
    assert not (runs.path / "reports/coverage.xml").exists()


def test_a_configuration_that_cannot_be_used(runs: Runs) -> None:
    """It is refused before anything runs."""
    coverage_settings(runs, "[run]\nbranch = perhaps\n")
    told = runs.run(coverage=True)
    assert (told.status, told.out) == (2, "")
    assert "the configuration of coverage cannot be used: Couldn't read config file .coveragerc: Not a" in told.err


def test_shards_together(runs: Runs) -> None:
    """The command of the documentation puts their data together, and leaves them as they are."""
    runs.tests(unit="import shop\ndef test_price(): shop.price()\ndef test_stock(): shop.stock()\n")
    folders = []
    for shard, name in enumerate(("price", "stock"), 1):
        told = runs.run("--category", "unit", "--", "-k", name, coverage=True)
        assert covered(told.out).startswith("coverage: 75 %: ")
        (runs.path / "reports").rename(runs.path / f"shard-{shard}")
        folders.append(f"shard-{shard}/coverage/unit.data")
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "combine", "--keep", *folders], cwd=runs.path, check=True, timeout=60)
    command = [*coverage, "report", "--format=total"]
    total = subprocess.run(command, cwd=runs.path, check=True, timeout=60, capture_output=True, text=True).stdout
    assert total == "100\n"
    assert all((runs.path / path).exists() for path in folders)


def test_workers(runs: Runs) -> None:
    """What they measure is put together by pytest-cov."""
    told = runs.run("--", "-p", "xdist", "-n", "2", coverage=True)
    assert (told.status, covered(told.out).partition(" %")[0]) == (0, "coverage: 100")
