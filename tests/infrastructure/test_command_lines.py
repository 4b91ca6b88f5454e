"""Command lines, settings and variables made at random: whatever a person gives, the answer is one of those documented.

Each case is made from a seed, and a failure prints it. `COMMAND_LINES=1000 pytest tests/infrastructure/
test_command_lines.py -n 2` tries a thousand in place of a few, and `COMMAND_LINES_SEED=7` others than ever.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from test_framework.cli import COMMANDS
from test_framework.config.load import PREFIX
from test_framework.config.model import AuditSettings, HealthSettings, ServiceSettings, Settings, TierSettings
from test_framework.config.values import keys
from tests.support.needs import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CASES = int(os.environ.get("COMMAND_LINES", "12"))
SEED = os.environ.get("COMMAND_LINES_SEED", "1")
SECONDS = 120

ENDLESS = ("stand-in",)
"""Serves until somebody ends it."""

KEPT = ("providers", "disabled")
"""Settings that would start servers, which is not what is tried here."""

STATUSES = {
    "run": {0, 1, 2, 3, 4, 5, 124},
    "exec": {0, 1, 2, 125, 126, 127},
}
OTHERS = {0, 1, 2}

LONG = "a" * 300
WORDS = ("", " ", "-", "--", "x", "é", "unit", "postgres", "tests", "tests/unit", "tests/unit/test_it.py", "a=b", "a,b")
PATHS = (
    *(
        LONG,
        f"tests/{LONG}",
        f"{LONG}/x.json",
        "/proc/nonexistent/x",
        "/dev/null",
        "/dev/full",
        "tests/unit/test_it.py/x",
    ),
    *(
        "forbidden",
        "forbidden/x.py",
        "forbidden.py",
        "circle",
        "nothing",
        "reports",
        "../x",
        "unit/../../x",
        "\udcff",
        "a b",
    ),
)
NUMBERS = ("0", "-1", "1", "1e999", "nan", "1_000", "3/2", "1/2", str(2**64), "٣")
URLS = (
    *("http://127.0.0.1:1", "https://user:hunter22@db.invalid:1/x", "postgresql://u@127.0.0.1:1/db", "redis://[::1]:1"),
    *("unix:///nope.sock", "tcp://127.0.0.1:1", "ssh://host.invalid", "http://[", "://", "postgresql:///db"),
)
PLACES = ("HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "COVERAGE_FILE")
SINKS = (
    "GITHUB_STEP_SUMMARY",
    "GITHUB_WORKSPACE",
    "STAGING_CA_BUNDLE",
    "SSL_CERT_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
)
ADDRESSES = ("DOCKER_HOST", "DATABASE_URL", "REDIS_URL", "STAGING_BACKEND_URL", "STAGING_POSTGRES_URL", "POSTGRES_URL")


@dataclass
class Case:
    """What a person gives."""

    words: list[str]
    env: dict[str, str] = field(default_factory=dict)
    settings: str = "[tool.test_framework]\n"

    @property
    def command(self) -> str:
        """The command."""
        return next(word for word in self.words if word in COMMANDS)

    def is_local(self) -> bool:
        """Whether no host in it is any but of this machine, or one that cannot be."""
        texts = [*self.words, *self.env.values(), self.settings]
        urls = [url for text in texts for url in re.findall(r"\w*://[^\s\"',\]}]*", text)]
        return all(_host(url) in {"", "127.0.0.1", "::1"} or _host(url).endswith(".invalid") for url in urls)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


class Maker:
    """Makes a case."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)  # noqa: S311  # no secret is made of it

    def case(self) -> Case:
        """Return it."""
        name = self.random.choice([name for name in COMMANDS if name not in ENDLESS])
        words = [*(["--root", self.value()] if self.random.random() < 0.1 else []), name, *self.arguments(name)]
        return Case(words, dict(self.variables()), "\n".join(self.tables()))

    def value(self, choices: Sequence[str] = ()) -> str:
        """Return a value as an option or a variable has it."""
        pools = (WORDS, PATHS, PATHS, NUMBERS, URLS, *([tuple(map(str, choices))] * 4 if choices else ()))
        found: str = self.random.choice(self.random.choice(pools))
        return found

    def arguments(self, name: str) -> Iterator[str]:
        """Yield options of a command, and what it takes beside them."""
        parser = argparse.ArgumentParser(add_help=False)
        import_module(f"test_framework.cli.{name.replace('-', '_')}").add_arguments(parser)
        yield from self._of(parser)

    def _of(self, parser: argparse.ArgumentParser) -> Iterator[str]:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                inner = self.random.choice(list(action.choices))
                yield inner
                yield from self._of(action.choices[inner])
            elif action.option_strings and self.random.random() < 0.3:
                yield self.random.choice(action.option_strings)
                if action.nargs != 0 and self.random.random() < 0.95:
                    yield self.value(list(action.choices or ()))
            elif not action.option_strings and (action.nargs not in ("*", "?") or self.random.random() < 0.3):
                yield from (self.value() for _ in range(self.random.randint(1, 2)))

    def variables(self) -> Iterator[tuple[str, str]]:
        """Yield variables of the environment."""
        for name in self.random.sample((*PLACES, *SINKS), self.random.choice((0, 0, 1, 2))):
            yield name, self.random.choice(PATHS)
        for name in self.random.sample(ADDRESSES, self.random.choice((0, 0, 1))):
            yield name, self.random.choice((*URLS, *WORDS))
        for key in self.random.sample([k for k in keys(Settings) if k not in KEPT], self.random.choice((0, 0, 1))):
            yield f"{PREFIX}{key.upper()}", self.value()

    def tables(self) -> Iterator[str]:
        """Yield the lines of the settings."""
        yield "[tool.test_framework]"
        yield from self.keys(Settings)
        for name, model in (("health", HealthSettings), ("audit", AuditSettings), ("tiers.unit", TierSettings)):
            if self.random.random() < 0.3:
                yield f"[tool.test_framework.{name}]"
                yield from self.keys(model)
        if self.random.random() < 0.2:
            yield f"[tool.test_framework.tiers.{json.dumps(self.value(), ensure_ascii=False)}]"
            yield from self.keys(TierSettings)
        if self.random.random() < 0.2:
            yield f"[tool.test_framework.services.{self.random.choice(('postgres', 'redis', 'own'))}]"
            yield from self.keys(ServiceSettings)

    def keys(self, model: type) -> Iterator[str]:
        """Yield some keys of a table, most of them with a value of the type that they have."""
        known = {key: spec for key, spec in keys(model).items() if key not in KEPT}
        for key in self.random.sample(list(known), self.random.choice((0, 1, 2))):
            yield f"{key} = {self.toml(str(known[key].type))}"

    def toml(self, kind: str) -> str:
        """Return a value of TOML."""
        text = json.dumps(self.value(), ensure_ascii=False)
        if self.random.random() < 0.1:
            return self.random.choice(("true", "[]", "{}", "nan", "-1", text))
        if kind == "bool":
            return self.random.choice(("true", "false"))
        if kind in ("int", "float"):
            return self.random.choice(("0", "1", "0.5", "-1", "inf", "1e308", "9" * 30))
        if kind.startswith("tuple"):
            return f"[{text}]"
        return f"{{ {text} = {text} }}" if kind.startswith("Mapping") else text


class Sandbox:
    """A project with things in it that cannot be read, beside which nothing may appear."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.home = folder / "home"
        forbidden = folder / "forbidden"
        for path in (self.project / "tests/unit", self.home / "tmp", self.home / "run", forbidden / "in"):
            path.mkdir(parents=True)
        (forbidden / "in/x.py").write_text("x = 1\n")
        (self.project / "tests/unit/test_it.py").write_text("def test_it():\n    assert len('a') == 1\n")
        for name, target in (("forbidden", forbidden / "in"), ("forbidden.py", forbidden / "in/x.py")):
            (self.project / name).symlink_to(target)
            (self.project / "tests/unit" / name).symlink_to(target)
        (self.project / "circle").symlink_to("circle")
        (self.project / "nothing").symlink_to("gone")
        forbidden.chmod(0)

    def run(self, case: Case) -> subprocess.CompletedProcess[str]:
        """Run it, as a user who may not read everything, which root without its rights is."""
        (self.project / "pyproject.toml").write_text(case.settings, encoding="utf-8", errors="surrogateescape")
        rights = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.getuid() == 0 else []
        base = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "TMPDIR": str(self.home / "tmp"),
            "DOCKER_HOST": "unix:///nope.sock",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            f"{PREFIX}DISABLED": "docker,embedded",
            f"{PREFIX}IDLE_SECONDS": "0",
        }
        return subprocess.run(
            [*rights, sys.executable, "-m", "test_framework", *case.words],
            cwd=self.project,
            env=base | case.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=SECONDS,
            check=False,
        )

    def strange(self, case: Case) -> list[str]:
        """Return what has appeared outside of the project and of the home, without what a path in the case names."""
        values = [*case.words, *case.env.values(), *re.findall(r'"([^"]*)"', case.settings)]
        asked = {os.path.normpath(self.project / value) for value in values if value}
        there = {str(path) for path in self.folder.iterdir()} - {
            str(self.folder / n) for n in ("project", "home", "forbidden")
        }
        return sorted(path for path in there if path not in asked)


def check(folder: Path, case: Case) -> int:
    """Assert that a case ends as it must; return its exit status."""
    assert case.is_local(), case
    sandbox = Sandbox(folder)
    try:
        ended = sandbox.run(case)
    except subprocess.TimeoutExpired:
        pytest.fail(f"it did not end within {SECONDS} s: {case}")
    finally:
        (folder / "forbidden").chmod(0o700)
    told = f"{case}\nstatus {ended.returncode}\n{ended.stdout[-2000:]}\n{ended.stderr[-3000:]}"
    assert "Traceback" not in ended.stderr + ended.stdout, told
    assert ended.returncode in STATUSES.get(case.command, OTHERS), told
    assert "hunter22" not in ended.stderr + ended.stdout or "hunter22" in " ".join(case.words), told
    assert sandbox.strange(case) == [], told
    return ended.returncode


@pytest.fixture(autouse=True)
def needs_setpriv() -> None:
    """Root may read everything, unless its rights are taken from it."""
    if os.getuid() == 0:
        need("setpriv")


@pytest.mark.parametrize("number", range(CASES))
def test_made_at_random(tmp_path: Path, number: int) -> None:
    """No traceback, a documented exit status, nothing written elsewhere, no password shown, an end in time."""
    check(tmp_path, Maker(f"{SEED}:{number}").case())


FOUND: dict[str, tuple[int, Case]] = {
    "a link into a forbidden folder, in a tier": (0, Case(["audit"])),
    "and before a migration": (1, Case(["validate"])),
    "and in a project that gets its first files": (0, Case(["init", "--dry-run"])),
    "and as the root": (2, Case(["--root", "forbidden", "status"])),
    "a baseline with a name that is too long": (
        2,
        Case(["health", "save"], settings=f'[tool.test_framework]\nhealth.baseline = "{LONG}"\n'),
    ),
    "a history with such a name": (
        2,
        Case(["health", "page"], settings=f'[tool.test_framework]\nhealth.history = "{LONG}"\n'),
    ),
    "a test file with such a name": (2, Case(["audit", LONG])),
    "a report folder with such a name": (2, Case(["report", "html"], {f"{PREFIX}REPORTS": LONG})),
    "a report with such a name": (2, Case(["report", "html", LONG])),
    "a URL where a code belongs, with its password": (
        2,
        Case(["status"], settings=f'[tool.test_framework]\nallowed_skips = ["{URLS[1]}"]\n'),
    ),
    "and where a number belongs": (2, Case(["status"], {f"{PREFIX}SHARDS": URLS[1]})),
}


@pytest.mark.parametrize(("status", "case"), FOUND.values(), ids=list(FOUND))
def test_found_once(tmp_path: Path, status: int, case: Case) -> None:
    """What ended with a traceback once, or showed a password."""
    assert check(tmp_path, case) == status
