"""A project of ten lines adopts it, by hand and by `init`: what changes, and that it runs on real servers."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from test_framework.config import load
from tests.support.adoption import LIBRARY, files, make
from tests.support.run import RUN_SECONDS

if TYPE_CHECKING:
    from tests.support.place import Place

PAGE = (Path(__file__).parents[2] / "docs/how-to/adopt.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.M | re.S))
BY_HAND = {"tests/test_shelf.py": BLOCKS["tests/test_shelf.py"]}


class Library:
    """The project, and programs that run in it as in its own environment."""

    def __init__(self, place: Place, provider: str = "embedded") -> None:
        self.root = make(place.path / "library", LIBRARY)
        subprocess.run(["git", "init", "--quiet"], cwd=self.root, check=True)
        # The environment of these tests has plugins that no project asked for.
        self.env = place.env | {
            "PYTEST_PLUGINS": "test_framework.plugin",
            "PYTHONPATH": str(self.root),
            "TEST_FRAMEWORK_PROVIDERS": provider,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        self.before = files(self.root)

    def run(self, *module: str) -> str:
        """Run a module to a good end, and return what it prints."""
        result = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=3 * RUN_SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stdout
        return result.stdout

    def changes(self) -> tuple[int, int, int, int]:
        """Return how many files are new, the lines in them, and the lines that other files gained and lost."""
        found = {name: data for name, data in files(self.root).items() if not name.startswith((".nox/", ".pytest_"))}
        new = [data for name, data in found.items() if name not in self.before]
        told = [
            line[:2]
            for name, data in self.before.items()
            for line in difflib.ndiff(data.decode().splitlines(), found[name].decode().splitlines())
        ]
        return len(new), sum(len(data.splitlines()) for data in new), told.count("+ "), told.count("- ")

    def ran(self, tier: str) -> tuple[int, set[str]]:
        """Return how many tests of a tier passed, and on which providers."""
        report = json.loads((self.root / "build/reports" / f"{tier}.json").read_text(encoding="utf-8"))
        return report["counts"]["passed"], {told["provider"] for told in report["services"].values()}


def figures(how: str) -> tuple[int, ...]:
    """Return what the page says that a way changes."""
    (row,) = re.findall(rf"^\| {how} \| (.*) \|$", PAGE, re.M)
    return tuple(map(int, row.split(" | ")))


def commands() -> list[list[str]]:
    """Return the commands that run at once, as the page has them."""
    (block,) = re.findall(r"^```console\n(nox .*?)^```$", PAGE, re.M | re.S)
    words = [line.removeprefix("python -m ").split() for line in block.splitlines()]
    # What has to be installed is there; nox would ask an index.
    return [[*line, "--no-venv", "--no-install", "--no-color"] if line[0] == "nox" else line for line in words]


def test_the_page_shows_the_project() -> None:
    """Its blocks are the files of these tests, of ten lines."""
    assert {name: text for name, text in BLOCKS.items() if name not in BY_HAND} == LIBRARY
    assert sum(len(text.splitlines()) for text in LIBRARY.values()) == 10


def test_the_settings_of_the_page_are_valid(tmp_path: Path) -> None:
    """The table that names folders says what it is to say."""
    make(tmp_path, {"pyproject.toml": re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)[1]})
    tier = load(tmp_path, {}).tier("integration")
    assert (tier.paths, tier.services) == (("tests/db",), ("postgres",))


def test_by_hand(place: Place, provider: str) -> None:
    """One test in a new file; what the page says of it is so."""
    library = Library(place, provider)
    make(library.root, BY_HAND)
    assert library.changes() == figures("by hand")
    told = library.run("pytest", "-p", "no:cacheprovider")
    assert "2 passed" in told
    assert f" on {provider}: 1 test" in told


@pytest.mark.timeout(300)
def test_by_init(place: Place, provider: str) -> None:
    """What is written runs at once: by nox, by invoke and by pytest, each on real servers."""
    library = Library(place, provider)
    library.run("test_framework", "init", "--yes")
    assert library.changes() == figures("by `init`")
    after = files(library.root)
    told = [library.run(*command) for command in commands()]
    assert [re.findall(r"\* (\w+): success", text) for text in told] == [["unit", "integration", "smoke"], [], []]
    assert library.ran("unit") == (1, set())
    assert library.ran("integration") == library.ran("smoke") == (1, {provider})
    assert "nothing to do" in library.run("test_framework", "init")
    assert {name: data for name, data in files(library.root).items() if name in after} == after


def test_without_a_service_nox_says_so(embedded_place: Place) -> None:
    """A run of nothing but skips is no success, and the reason is told."""
    library = Library(embedded_place, "explicit")
    library.run("test_framework", "init", "--yes")
    told = library.run("nox", "--no-venv", "--no-install", "--no-color", "-s", "integration")
    assert "Session integration skipped: not-configured: " in told
    assert "was successful" not in told


def test_nox_reads_the_report_where_it_is_written(embedded_place: Place) -> None:
    """A folder that the environment names counts, and what an earlier run has left in the usual one does not."""
    library = Library(embedded_place, "explicit")
    library.run("test_framework", "init", "--yes")
    session = ("nox", "--no-venv", "--no-install", "--no-color", "-s")
    library.run(*session, "integration")
    stale = library.root / "build/reports/integration.json"
    stale.rename(stale.with_name("unit.json"))
    library.env["TEST_FRAMEWORK_REPORTS"] = "out"
    assert "Session unit was successful" in library.run(*session, "unit")
    assert (library.root / "out/unit.json").is_file()


@pytest.mark.parametrize("needs", [["redis"], ["redis", "psycopg"]])
def test_the_first_test_on_redis(embedded_place: Place, needs: list[str]) -> None:
    """What is written for a project with Redis runs too, on a schema of its own where there is one."""
    library = Library(embedded_place)
    project = {"pyproject.toml": LIBRARY["pyproject.toml"] + f"dependencies = {needs}\n"}
    make(library.root, project | {"schema.sql": "CREATE TABLE book (title text);\n"})
    library.run("test_framework", "init", "--yes")
    library.run("pytest", "--tier", "integration")
    library.run("pytest", "--tier", "smoke")
    assert library.ran("integration") == library.ran("smoke") == (len(needs), {"embedded"})
