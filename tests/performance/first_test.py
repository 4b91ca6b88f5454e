"""Seconds from the command to the first line of the first test, beside the alternatives, all in one run.

    python tests/performance/first_test.py [--rounds 7] [--json FILE]

The cases take turns, so that a machine that slows down slows all of them. What cannot run here is named.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from test_framework.providers.docker.probe import probe
from test_framework.verdict import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUN_SECONDS = 180
POSTGRES, REDIS = "TEST_FRAMEWORK_POSTGRES_IMAGE", "TEST_FRAMEWORK_REDIS_IMAGE"
MARK = "    import os, time; open(os.environ['FIRST'], 'w').write(repr(time.time()))\n"
FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['-q']\n[tool.test_framework]\nidle_seconds = 60\n",
    "tests/unit/test_bare.py": f"def test_first():\n{MARK}",
    "tests/integration/test_services.py": f"def test_first(postgres_db, redis_db):\n{MARK}",
    "tests/containers/test_containers.py": f"""
import os
import pytest
from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.redis import RedisContainer

@pytest.fixture(scope="session")
def postgres():
    with PostgresContainer(os.environ["{POSTGRES}"], driver=None) as container:
        yield container.get_connection_url()

@pytest.fixture(scope="session")
def redis():
    with RedisContainer(os.environ["{REDIS}"]) as container:
        yield container.get_exposed_port(6379)

def test_first(postgres, redis):
{MARK}""",
}


@dataclass
class Case:
    """A way to run one test: pytest's arguments, what is done before, and the environment."""

    name: str
    arguments: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None
    seconds: list[float] = field(default_factory=list)


def main() -> int:
    """Measure, print a Markdown table, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each case is measured")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    with project() as root:
        cases, absent = chosen(root)
        for number in range(given.rounds + 1):
            for case in cases:
                case.before()
                seconds = measured(case, root)
                # The first round writes byte code, and reads files that the system then has in memory.
                if number:
                    case.seconds.append(seconds)
        clean(root)
    print("\n".join(table(cases, given.rounds)))
    for line in absent:
        print(line)
    if given.json:
        given.json.write_text(json.dumps({c.name: c.seconds for c in cases}, indent=2) + "\n", encoding="utf-8")
    return 0


@contextmanager
def project() -> Iterator[Path]:
    """Yield a small project of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield Path(folder)


def chosen(root: Path) -> tuple[list[Case], list[str]]:
    """Return the cases that can run here, and a line for each that cannot."""
    embedded = {"TEST_FRAMEWORK_PROVIDERS": "embedded"}
    integration = ("--tier", "integration")
    cases = [
        Case("bare pytest", ("-p", "no:test_framework", "tests/unit")),
        Case("unit tier", ("--tier", "unit")),
        Case("warm, embedded", integration, embedded, lambda: warm(root, embedded)),
        Case("cold, embedded", integration, embedded, lambda: clean(root)),
    ]
    missing = missing_for_docker()
    if missing:
        return cases, [f"not measured, docker and testcontainers: {missing}"]
    docker = {"TEST_FRAMEWORK_PROVIDERS": "docker"}
    # Its reaper is an image of its own, which a machine without a registry cannot have.
    containers = {"TESTCONTAINERS_RYUK_DISABLED": "true"}
    cases += [
        Case("warm, docker", integration, docker, lambda: warm(root, docker)),
        Case("cold, docker", integration, docker, lambda: clean(root)),
        Case("testcontainers, session fixtures", ("-p", "no:test_framework", "tests/containers"), containers),
    ]
    return cases, []


def missing_for_docker() -> str:
    """Return why the cases with Docker cannot run, or nothing."""
    try:
        probe(os.environ)
    except Refused as refused:
        return str(refused.reason)
    images = [os.environ.get(name, "") for name in (POSTGRES, REDIS)]
    if not all(images):
        return f"set {POSTGRES} and {REDIS} to images that are on the engine"
    found = subprocess.run(["docker", "image", "inspect", *images], capture_output=True, check=False)
    return "" if found.returncode == 0 else found.stderr.decode().strip()


def clean(root: Path) -> None:
    """Stop what is warm."""
    framework(root, "clean")


def framework(root: Path, command: str) -> None:
    """Run a command of the package."""
    subprocess.run(
        [sys.executable, "-m", "test_framework", "--root", str(root), command], check=True, stdout=subprocess.DEVNULL
    )


def warm(root: Path, env: dict[str, str]) -> None:
    """Have a supervisor with its servers running."""
    clean(root)
    measured(Case("", ("--tier", "integration"), env), root)


def measured(case: Case, root: Path) -> float:
    """Run the case and return the seconds from the start of the command to the first line of the test."""
    mark = root / "first"
    mark.unlink(missing_ok=True)
    shutil.rmtree(root / "reports", ignore_errors=True)
    # Byte code is kept as it is on any machine, also where this variable keeps a build from leaving files.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    begin = time.time()
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *case.arguments],
        cwd=root,
        env={**env, **case.env, "FIRST": str(mark)},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    if result.returncode or not mark.exists():
        sys.exit(f"{case.name} did not pass:\n{result.stdout}{result.stderr}")
    return float(mark.read_text(encoding="utf-8")) - begin


def table(cases: list[Case], rounds: int) -> Iterator[str]:
    """Yield the table: medians with their spread, beside bare pytest."""
    bare = median(cases[0].seconds)
    yield f"Seconds to the first test, median of {rounds} rounds:\n"
    yield "| case | median | min .. max | over bare pytest | ratio to bare pytest |"
    yield "|---|---|---|---|---|"
    for case in cases:
        middle, low, high = median(case.seconds), min(case.seconds), max(case.seconds)
        over = middle - bare
        yield f"| {case.name} | {middle:.3f} | {low:.3f} .. {high:.3f} | {over:+.3f} | {middle / bare:.2f} |"


if __name__ == "__main__":
    sys.exit(main())
