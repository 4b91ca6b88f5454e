"""What the tests share: an environment in which nothing is configured, and projects on which pytest runs."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.config import load
from test_framework.supervisor import client as supervisor
from tests.support.environment import CI, ordinary_machine
from tests.support.needs import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Project", "bare_env", "interruptible", "no_service", "ordinary_machine", "project", "wait_until"]

pytest_plugins = ["pytester"]

_CONFIGURES = ("BACKEND_", "TEST_FRAMEWORK_", "STAGING_", "DOCKER_", "GITHUB_", "GITLAB_", "PYTEST_XDIST_")
_CONFIGURES_TOO = (*CI, "GOOGLE_APPLICATION_CREDENTIALS", "JOB_COMPLETION_INDEX")
_END_SECONDS = 30


def pytest_configure() -> None:
    """Take away the variable of our backend's image, where the settings say the same: other projects refuse it.

    Here, and not when this file is imported: what shares code with the tests without being one needs the variable.
    """
    variable, settings = "TEST_FRAMEWORK_BACKEND_IMAGE", load(Path(__file__).parents[1], {})
    if os.environ.get(variable) == settings.service("backend").image:
        del os.environ[variable]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose needs this machine does not meet, before its fixtures are made."""
    for marker in item.iter_markers("needs"):
        need(*marker.args)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Let what the tests start end by SIGINT: a shell that puts pytest into the background has it ignored for all."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if ignored:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture
def bare_env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take out of the environment what could configure anything; return what changes it for the test."""
    for name in list(os.environ):
        if name.startswith(_CONFIGURES) or name in _CONFIGURES_TOO:
            monkeypatch.delenv(name)
    return monkeypatch


class Project:
    """A project of its own, in the working directory of the test, and runs of pytest with this plugin on it."""

    def __init__(self, pytester: pytest.Pytester, env: pytest.MonkeyPatch, runtime: Path) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self.env = env
        self.runtime = runtime
        self.configure("")

    def configure(self, table: str) -> None:
        """Write `[tool.test_framework]` with these lines."""
        self.write("pyproject.toml", f"[tool.test_framework]\n{table}\n")

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *args: str) -> pytest.RunResult:
        """Run pytest in this process, with no plugin but ours."""
        self.env.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return self.pytester.runpytest_inprocess("-p", "test_framework.plugin", *args)

    def spawn(self, *args: str) -> pytest.RunResult:
        """Run pytest in a process of its own, with every plugin that is installed."""
        return self.pytester.runpytest_subprocess(*args, timeout=200)

    def stop_supervisors(self) -> list[bool]:
        """Stop those whose servers stay warm, whoever uses them; return for each whether it ends."""
        found = supervisor.answering_supervisors({"XDG_RUNTIME_DIR": str(self.runtime)})
        return [supervisor.stop(channel, force=True) for channel, _ in found]

    def report(self, tier: str = "unit") -> dict[str, Any]:
        """Return the report of a tier."""
        data: dict[str, Any] = json.loads((self.path / "reports" / f"{tier}.json").read_text(encoding="utf-8"))
        return data


@pytest.fixture
def project(pytester: pytest.Pytester, bare_env: pytest.MonkeyPatch) -> Iterator[Project]:
    """Return an empty project; whatever its runs start has ended when the test is over."""
    # The path of a socket is short, so its folder cannot be one of pytest's; servers of another user pass through it.
    runtime = Path(tempfile.mkdtemp(prefix="tf-"))
    runtime.chmod(0o755)
    bare_env.setenv("TMPDIR", str(runtime))
    bare_env.setenv("XDG_RUNTIME_DIR", str(runtime))
    bare_env.setenv("TEST_FRAMEWORK_IDLE_SECONDS", "0")
    yield Project(pytester, bare_env, runtime)
    wait_until(lambda: not any(map(_locked, runtime.glob("*/*/lock"))), "the supervisor has ended")
    shutil.rmtree(runtime)


def _locked(path: Path) -> bool:
    """Whether a supervisor holds its lock, as it does for as long as it lives."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture
def no_service(project: Project) -> Project:
    """Return the project in a place where Docker is the only provider and has no socket."""
    project.env.setenv("DOCKER_HOST", "unix:///nope.sock")
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "docker")
    return project


def wait_until(predicate: Callable[[], bool], description: str, seconds: float = _END_SECONDS) -> None:
    """Wait for it, and say what did not come true."""
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline, f"not so after {seconds} s: {description}"
        time.sleep(0.02)
