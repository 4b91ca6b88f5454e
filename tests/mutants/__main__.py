"""Puts one fault at a time into a copy of the project, and shows which test notices it: `nox -s mutants`.

A mutant that no test notices ends the run with status 1. So does one whose text is no longer in the code, and a test
that fails without any fault.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tests.mutants import backend, package
from tests.mutants.mutant import Mutant, Outdated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 400
OPTIONS = ("-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", "--ignore=tests/e2e/staging")


def all_mutants() -> list[Mutant]:
    """Return the faults of the backend and of each subject of the package, in a stable order."""
    names = sorted(module.name for module in iter_modules(package.__path__))
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return [*backend.MUTANTS, *(mutant for module in modules for mutant in module.MUTANTS)]


def copy_project(folder: Path) -> None:
    """Copy the files that git tracks, and those that it would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def failures(root: Path, tests: Iterable[str], *, docker: bool, first: bool) -> list[str]:
    """Run tests in a copy of the project, and return those that failed.

    Args:
        root: The copy.
        tests: Arguments for pytest.
        docker: Whether they may use Docker.
        first: Whether one failure is enough.

    Raises:
        RuntimeError: The run itself went wrong, or took longer than `RUN_SECONDS`.
    """
    environment = {
        # Some of the tests are those of the backend's own project, in which it is no service.
        **{name: value for name, value in os.environ.items() if name != "TEST_FRAMEWORK_BACKEND_IMAGE"},
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "compose" / "backend" / "src")]),
        "TEST_FRAMEWORK_PROVIDERS": "docker,embedded" if docker else "embedded",
        "TEST_FRAMEWORK_IDLE_SECONDS": "0",
        "TEST_FRAMEWORK_GATE": "lenient",
        "TEST_FRAMEWORK_REPORTS": str(root / "reports"),
    }
    command = [sys.executable, "-m", "pytest", *OPTIONS, *(["--maxfail=1"] if first else []), *tests]
    try:
        result = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"pytest did not end within {RUN_SECONDS} s: {' '.join(tests)}") from error
    lines = [line for line in result.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    # Python itself ends with 1 when it has no pytest.
    if result.returncode != 0 and not (result.returncode == 1 and lines):
        raise RuntimeError(f"pytest ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return [line.partition(" ")[2].partition(" - ")[0].removeprefix("tests/") for line in lines]


def by_file(mutants: Iterable[Mutant]) -> list[tuple[bool, list[str]]]:
    """Return the tests of these mutants, those of one file together, and whether they may use Docker."""
    found: dict[tuple[bool, str], set[str]] = {}
    for mutant in mutants:
        for test in mutant.tests:
            if test.startswith("-"):
                continue  # an option of pytest's, for the run with the fault
            found.setdefault((mutant.docker, test.partition("::")[0]), set()).add(test)
    return [(docker, sorted(tests)) for (docker, _), tests in sorted(found.items())]


def try_without(docker: bool, tests: list[str], copies: SimpleQueue[Path]) -> list[str]:  # noqa: FBT001  # of a pair
    """Return those of the tests that fail without any fault."""
    copy = copies.get()
    try:
        return failures(copy, tests, docker=docker, first=False)
    finally:
        copies.put(copy)


def try_one(mutant: Mutant, copies: SimpleQueue[Path]) -> tuple[str, float]:
    """Return the test that notices a mutant, or an empty text, and the seconds that it took."""
    copy = copies.get()
    begin = time.monotonic()
    try:
        with mutant.applied(copy):
            failed = failures(copy, mutant.tests, docker=mutant.docker, first=True)
    finally:
        copies.put(copy)
    return ", ".join(failed), time.monotonic() - begin


@contextmanager
def project_copies(number: int) -> Iterator[SimpleQueue[Path]]:
    """Copy the project, so many times, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        Path(folder).chmod(0o755)  # some tests are another user's
        copies: SimpleQueue[Path] = SimpleQueue()
        for index in range(number):
            copy_project(copy := Path(folder) / str(index))
            copies.put(copy)
        yield copies


def main(words: list[str], jobs: int) -> int:
    """Try the mutants whose name or file holds one of the words, or all; return the exit status."""
    mutants = [m for m in all_mutants() if not words or any(word in f"{m.name} {m.file}" for word in words)]
    if not mutants:
        print(f"no mutant has one of these words in its name or file: {', '.join(words)}", file=sys.stderr)
        return 2
    begin = time.monotonic()
    with project_copies(jobs) as copies, ThreadPoolExecutor(jobs) as pool:
        sound = [pool.submit(try_without, *group, copies) for group in by_file(mutants)]
        if failed := [test for trial in sound for test in trial.result()]:
            print(f"these tests fail without any fault: {', '.join(failed)}", file=sys.stderr)
            return 1
        print("| mutant | noticed by | seconds |\n|---|---|---|")
        missed = 0
        for mutant, trial in [(m, pool.submit(try_one, m, copies)) for m in mutants]:
            try:
                noticed, seconds = trial.result()
            except (Outdated, RuntimeError) as error:
                noticed, seconds = "", 0.0
                print(error, file=sys.stderr)
            missed += not noticed
            print(f"| {mutant.name} | {noticed or '**nobody**'} | {seconds:.0f} |", flush=True)
    minutes = (time.monotonic() - begin) / 60
    print(f"\n{len(mutants)} mutants, {len(mutants) - missed} noticed, {minutes:.0f} minutes")
    return int(missed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="nox -s mutants --", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", help="words in the names or files of the mutants to try")
    parser.add_argument("--jobs", type=int, default=2, help="how many to try at once (default: 2)")
    arguments = parser.parse_args()
    sys.exit(main(arguments.words, arguments.jobs))
