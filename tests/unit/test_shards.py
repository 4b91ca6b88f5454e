"""Which part of the tests a run is: who says so, what is refused, and that nothing below it is cut again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from test_framework.config import BadSetting, load
from test_framework.plugin import shards
from test_framework.report.record import Shard

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

TEST = "tests/unit/test_it.py"
TEN = "import pytest\n@pytest.mark.parametrize('n', range(10))\ndef test_it(n): pass\n"

GITLAB = {"GITLAB_CI": "true", "CI_JOB_NAME": "unit 3/8", "CI_NODE_INDEX": "3", "CI_NODE_TOTAL": "8"}
CIRCLE = {"CIRCLECI": "true", "CIRCLE_NODE_INDEX": "2", "CIRCLE_NODE_TOTAL": "8"}
BUILDKITE = {"BUILDKITE": "true", "BUILDKITE_PARALLEL_JOB": "2", "BUILDKITE_PARALLEL_JOB_COUNT": "8"}
KUBERNETES = {"JOB_COMPLETION_INDEX": "2", "TEST_FRAMEWORK_SHARDS": "8"}
ALL_OF_CI = GITLAB | CIRCLE | BUILDKITE | KUBERNETES


class Config:
    """The options of a run, as pytest has them."""

    def __init__(self, **options: object) -> None:
        self.option = type("Options", (), {"tier": "unit", "shard": None, "group": None, "splits": None, **options})


def shard_of(env: dict[str, str], tmp_path: Path, **options: object) -> Shard | None:
    """Return the shard of a run in a project without settings."""
    shard = options.get("shard")
    settings = load(tmp_path, env, {"shard": (shard, "--shard")} if shard else {})
    return shards.shard_of(Config(**options), settings, env)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("env", "source"),
    [
        (GITLAB, "CI_NODE_INDEX and CI_NODE_TOTAL"),
        (CIRCLE, "CIRCLE_NODE_INDEX and CIRCLE_NODE_TOTAL"),
        (BUILDKITE, "BUILDKITE_PARALLEL_JOB and BUILDKITE_PARALLEL_JOB_COUNT"),
        (KUBERNETES, "JOB_COMPLETION_INDEX and TEST_FRAMEWORK_SHARDS"),
        ({"TEST_FRAMEWORK_SHARD": "3/8"}, "TEST_FRAMEWORK_SHARD"),
    ],
    ids=["gitlab", "circleci", "buildkite", "kubernetes", "github's matrix"],
)
def test_ci_says_which_part_a_tier_is(env: dict[str, str], source: str, tmp_path: Path) -> None:
    """The third of eight, by each one's own count."""
    assert shard_of(env, tmp_path) == Shard(3, 8, source)


@pytest.mark.parametrize(
    "env",
    [
        {},
        GITLAB | {"CI_JOB_NAME": "unit: [3.11, redis]"},
        {"GITLAB_CI": "true", "CI_JOB_NAME": "unit", "CI_NODE_TOTAL": "1"},
        {"CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "2"},
        CIRCLE | {"CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "1"},
        BUILDKITE | {"BUILDKITE_PARALLEL_JOB": "0", "BUILDKITE_PARALLEL_JOB_COUNT": "1"},
        {"JOB_COMPLETION_INDEX": "2"},
        {"TEST_FRAMEWORK_SHARDS": "8"},
        ALL_OF_CI | {"TEST_FRAMEWORK_SHARD": "off"},
    ],
    ids=["nowhere", "matrix", "one job", "not gitlab", "circleci", "buildkite", "no count", "no index", "off"],
)
def test_a_job_that_is_not_split_runs_all(env: dict[str, str], tmp_path: Path) -> None:
    """As do the jobs of GitLab's matrix, each of which has other variables, and an index that nobody has counted."""
    assert shard_of(env, tmp_path) is None


def test_without_a_tier_ci_is_not_asked(tmp_path: Path) -> None:
    """No merge would miss what such a run leaves out; who asks for a part by name gets it."""
    assert shard_of(ALL_OF_CI, tmp_path, tier=None) is None
    assert shard_of({"TEST_FRAMEWORK_SHARD": "1/2"}, tmp_path, tier=None) == Shard(1, 2, "TEST_FRAMEWORK_SHARD")


def test_the_option_wins_then_our_variable_then_the_file(tmp_path: Path) -> None:
    """Each of them over what CI says."""
    (tmp_path / "pyproject.toml").write_text('[tool.test_framework]\nshard = "1/4"\n')
    env = dict(ALL_OF_CI)
    assert shard_of(env, tmp_path) == Shard(1, 4, "pyproject.toml [tool.test_framework]")
    env["TEST_FRAMEWORK_SHARD"] = "2/4"
    assert shard_of(env, tmp_path) == Shard(2, 4, "TEST_FRAMEWORK_SHARD")
    assert shard_of(env, tmp_path, shard="3/4") == Shard(3, 4, "--shard")
    assert shard_of(env, tmp_path, shard="off") is None
    assert shard_of(env, tmp_path, group=4, splits=4) == Shard(4, 4, "--splits and --group")


@pytest.mark.parametrize(
    ("env", "told"),
    [
        (GITLAB | {"CI_NODE_INDEX": "9", "CI_JOB_NAME": "unit 9/8"}, "CI_NODE_INDEX = '9' in the environment"),
        (CIRCLE | {"CIRCLE_NODE_INDEX": "8"}, "0 to what CIRCLE_NODE_TOTAL = 8 allows"),
        (BUILDKITE | {"BUILDKITE_PARALLEL_JOB": "x"}, "BUILDKITE_PARALLEL_JOB = 'x' in the environment"),
        (KUBERNETES | {"JOB_COMPLETION_INDEX": "8"}, "0 to what TEST_FRAMEWORK_SHARDS = 8 allows"),
    ],
    ids=["gitlab", "circleci", "buildkite", "kubernetes"],
)
def test_what_ci_says_is_checked(env: dict[str, str], told: str, tmp_path: Path) -> None:
    """The error names the variable and its value: a part that is not there would run nothing, and be green."""
    with pytest.raises(BadSetting, match=told):
        shard_of(env, tmp_path)


@pytest.mark.parametrize("text", ["9/8", "0/8", "0/0", "x", "3", "1/2/3", "-1/2", "1.5/2", "٣/٨"])
@pytest.mark.parametrize("by", ["--shard", "TEST_FRAMEWORK_SHARD"])
def test_a_bad_shard_is_one_clear_error(project: Project, text: str, by: str) -> None:
    """It names the value and who said so, and no test runs."""
    project.write(TEST, TEN)
    if by == "--shard":
        result = project.run(f"--shard={text}")
    else:
        project.env.setenv(by, text)
        result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = result.errlines[:-1] if not result.errlines[-1] else result.errlines
    assert line.startswith(f"ERROR: shard = {text!r} in {by} must be ")


def test_without_pytest_split_the_error_says_how_to_get_it(project: Project) -> None:
    """Running all tests in every job instead would be noticed by nobody."""
    project.env.setattr(shards, "find_spec", lambda _: None)
    result = project.run("--shard=1/2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert 'python -m pip install "pytest-tiers[shard]"' in str(result.stderr)


def test_two_ways_at_once_are_refused(project: Project) -> None:
    """pytest-split would cut the parts once more."""
    result = project.spawn("--shard=1/2", "--splits=2", "--group=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--shard=1/2 and --splits=2 say both which tests to run" in str(result.stderr)


def test_the_run_says_which_part_it_is(project: Project) -> None:
    """At its beginning, at its end, and in the report."""
    project.write(TEST, TEN)
    for name, value in GITLAB.items():
        project.env.setenv(name, value)
    result = project.run("--tier", "unit")
    result.stdout.fnmatch_lines(
        [
            "test framework: tier unit, * shard 3/8 (CI_NODE_INDEX and CI_NODE_TOTAL)",
            "shard 3/8, from CI_NODE_INDEX and CI_NODE_TOTAL: 1 of 10 tests, cut by the",
            "  number of tests: there is no tests/durations.json",
        ]
    )
    report = project.report()
    assert report["shard"] == {"index": 3, "count": 8, "source": "CI_NODE_INDEX and CI_NODE_TOTAL"}
    assert (report["collection"]["tests"], report["collection"]["selected"]) == (10, 1)


NESTED = """
import os, subprocess, sys

def test_starts_pytest():
    command = [sys.executable, "-m", "pytest", "-p", "test_framework.plugin", "--tier", "smoke"]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    told = subprocess.run(command, env=env, capture_output=True, text=True).stdout
    assert "10 passed" in told and "shard" not in told
    assert "1 passed" in subprocess.run([*command, "--shard=10/10"], env=env, capture_output=True, text=True).stdout
"""


@pytest.mark.parametrize(
    ("env", "workers"),
    [(GITLAB | {"CI_JOB_NAME": "unit 1/8", "CI_NODE_INDEX": "1"}, ()), ({"TEST_FRAMEWORK_SHARD": "1/8"}, ("-n", "1"))],
    ids=["by ci", "by our variable, in a worker"],
)
def test_what_a_test_starts_runs_whole(project: Project, env: dict[str, str], workers: tuple[str, ...]) -> None:
    """Unless it is told otherwise: the part is that of the run that CI has started."""
    for name, value in env.items():
        project.env.setenv(name, value)
    project.write(TEST, NESTED)
    project.write("tests/smoke/test_smoke.py", TEN)
    before = dict(os.environ)
    assert (project.spawn if workers else project.run)("--tier", "unit", *workers).ret == pytest.ExitCode.OK
    assert project.report()["counts"]["passed"] == 1
    assert {k: v for k, v in os.environ.items() if k.startswith("TEST_FRAMEWORK_")} == {
        k: v for k, v in before.items() if k.startswith("TEST_FRAMEWORK_")
    }
