"""Shards: who says which one a run is, how tests are cut, and that the parts are the whole."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.cli import main
from test_framework.config import BadSetting, load
from test_framework.plugin import shards
from test_framework.plugin.split import split, units
from test_framework.report.record import Shard
from tests.support.shards import prove

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
    assert line.startswith(f"ERROR: shard = {text!r} in {by} is not ")


def test_without_pytest_split_the_error_says_how_to_get_it(project: Project) -> None:
    """Running all tests in every job instead would be noticed by nobody."""
    project.env.setattr(shards, "find_spec", lambda _: None)
    result = project.run("--shard=1/2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert 'python -m pip install "test-framework[shard]"' in str(result.stderr)


def test_two_ways_at_once_are_refused(project: Project) -> None:
    """pytest-split would cut the parts once more."""
    result = project.spawn("--shard=1/2", "--splits=2", "--group=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--shard=1/2 and --splits=2 say both which tests to run" in str(result.stderr)


def ran(project: Project, *options: str, tier: str = "unit") -> set[str]:
    """Run the tier, and return the tests that ran."""
    assert project.run("--tier", tier, *options).ret == pytest.ExitCode.OK
    return {test["nodeid"] for test in project.report(tier)["tests"]}


def test_the_run_says_which_part_it_is(project: Project) -> None:
    """At its beginning, at its end, and in the report."""
    project.write(TEST, TEN)
    for name, value in GITLAB.items():
        project.env.setenv(name, value)
    result = project.run("--tier", "unit")
    result.stdout.fnmatch_lines(
        [
            "test framework: tier unit, * shard 3/8 (CI_NODE_INDEX and CI_NODE_TOTAL)",
            "shard 3/8, from CI_NODE_INDEX and CI_NODE_TOTAL: 1 of 10 tests, cut by the number of tests: *",
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


def test_the_cut_comes_after_every_other_choice(project: Project) -> None:
    """So a part of `-k` is a part of what it chooses."""
    project.write(TEST, TEN)
    parts = [ran(project, "-k", "1 or 2 or 3 or 4", f"--shard={n}/2") for n in (1, 2)]
    assert [len(part) for part in parts] == [2, 2]
    assert parts[0] | parts[1] == {f"{TEST}::test_it[{n}]" for n in (1, 2, 3, 4)}


@pytest.mark.parametrize("dist", ["load", "loadgroup"])
def test_workers_of_one_machine_share_its_part(project: Project, dist: str) -> None:
    """Each test runs once in all, on whichever worker, and the merge knows what there was."""
    project.write(TEST, TEN.replace("def", "@pytest.mark.xdist_group('one')\ndef"))
    counts = []
    for n in (1, 2):
        project.env.setenv("TEST_FRAMEWORK_REPORTS", f"parts/{n}")
        result = project.spawn("--tier", "unit", "-n", "2", "--dist", dist, f"--shard={n}/2")
        result.stdout.fnmatch_lines([f"shard {n}/2, from --shard: 5 of 10 tests, cut by the number*"])
        counts.append(json.loads((project.path / f"parts/{n}/unit.json").read_text())["counts"]["passed"])
    assert counts == [5, 5]
    assert main(["--root", str(project.path), "report", "merge", "parts", "--out", "merged.json"]) == 0


SHARED = """
import pytest

@pytest.fixture(scope="module")
def of_module(): pass

@pytest.fixture(scope="class")
def of_class(): pass

def test_alone(): pass
def test_module_1(of_module): pass
def test_module_2(of_module): pass

class TestOne:
    def test_1(self, of_class): pass
    def test_2(self, of_class): pass
    def test_alone(self): pass

class TestBoth:
    def test_1(self, of_class): pass
    def test_2(self, of_module, of_class): pass

class TestSetup:
    @classmethod
    def setup_class(cls): pass
    def test_1(self): pass
    def test_2(self): pass
"""


@pytest.fixture
def collected(pytester: pytest.Pytester) -> list[pytest.Item]:
    """Return tests of which some share fixtures."""
    return list(pytester.getitems(SHARED))


def names(items: list[pytest.Item]) -> str:
    """Return the tests in short."""
    return " ".join(item.nodeid.partition("::")[2] for item in items)


def test_tests_that_share_a_fixture_stay_together(collected: list[pytest.Item]) -> None:
    """What is made once for a class or for a module is made in one shard; a class of both goes with its module."""
    assert [names(list(unit.items)) for unit in units(collected)] == [
        "test_alone",
        "test_module_1 test_module_2 TestBoth::test_1 TestBoth::test_2",
        "TestOne::test_1 TestOne::test_2",
        "TestOne::test_alone",
        "TestSetup::test_1 TestSetup::test_2",
    ]


def test_every_machine_cuts_alike(collected: list[pytest.Item]) -> None:
    """In whatever order its plugins leave the tests, and each keeps that order."""
    durations = {item.nodeid: 0.1 * (number % 7) for number, item in enumerate(collected)}
    expected = [names(part) for part in split(collected, 3, durations)]
    assert sorted(" ".join(expected).split()) == sorted(names(collected).split())
    for seed in range(20):
        shuffled = random.Random(seed).sample(collected, len(collected))  # noqa: S311  # an order, no secret
        parts = split(shuffled, 3, durations)
        assert [sorted(names(part).split()) for part in parts] == [sorted(part.split()) for part in expected]
        assert all([i for i in shuffled if i in part] == part for part in parts)


def test_the_parts_take_about_the_same_time(project: Project) -> None:
    """By the seconds of each test, of which one that has none gets the average."""
    project.write(TEST, TEN)
    seconds = {f"{TEST}::test_it[{n}]": float(2**n) for n in range(9)}
    project.write("tests/durations.json", json.dumps(seconds | {"tests/gone.py::test_gone": 1e6}))
    seconds[f"{TEST}::test_it[9]"] = 511 / 9
    parts = [ran(project, f"--shard={n}/2") for n in (1, 2)]
    assert f"{TEST}::test_it[8]" in parts[0]
    assert max(sum(seconds[nodeid] for nodeid in part) for part in parts) < 1.05 * sum(seconds.values()) / 2
    result = project.run("--tier", "unit", "--shard=2/2")
    result.stdout.fnmatch_lines(["shard 2/2, *, cut by tests/durations.json, without a duration of 1"])


def test_tests_that_take_no_time_are_shared_too(project: Project) -> None:
    """They are not all in one shard because nothing makes it longer."""
    project.write(TEST, TEN)
    project.write("tests/durations.json", json.dumps({f"{TEST}::test_it[{n}]": 0.0 for n in range(10)}))
    assert [len(ran(project, f"--shard={n}/2")) for n in (1, 2)] == [5, 5]


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": "b"}', '{"a": -1}', '{"a": true}', '{"a": NaN}', "\xff"])
def test_a_file_that_holds_no_durations_is_named(project: Project, text: str) -> None:
    """A cut by something else would be another one than on the other machines."""
    project.write(TEST, TEN)
    (project.path / "tests/durations.json").write_bytes(text.encode("latin-1"))
    result = project.run("--tier", "unit", "--shard=1/2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "tests/durations.json is not a file of durations" in str(result.stderr)
    assert main(["--root", str(project.path), "report", "durations"]) == 2


def test_a_shard_without_a_test_is_no_failure(project: Project) -> None:
    """Where there are more shards than tests; a tier without a test is one, however it is cut."""
    project.env.setenv("CI", "true")
    project.write(TEST, TEN)
    result = project.run("--tier", "unit", "--shard=11/11")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["shard 11/11, from --shard: 0 of 10 tests*", "gate (strict): green"])
    project.write(TEST, "")
    result = project.run("--tier", "unit", "--shard=11/11")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["gate (strict): RED: nothing ran"])


def test_that_nothing_ran_is_judged_by_the_merge(project: Project) -> None:
    """A shard may happen to hold nothing but skips that are allowed; all of them may not."""
    project.env.setenv("CI", "true")
    project.env.setenv("TEST_FRAMEWORK_ALLOWED_SKIPS", "skipped-by-test")
    project.write(TEST, TEN.replace("pass", "pytest.skip('not here')"))
    for n in (1, 2):
        project.env.setenv("TEST_FRAMEWORK_REPORTS", f"parts/{n}")
        assert project.run("--tier", "unit", f"--shard={n}/2").ret == pytest.ExitCode.OK
    assert main(["--root", str(project.path), "report", "merge", "parts", "--out", "merged.json"]) == 1
    assert json.loads((project.path / "merged.json").read_text())["gate"]["why"] == "nothing ran"


def cut(project: Project, count: int) -> None:
    """Run all shards, each with a folder for its report."""
    for n in range(1, count + 1):
        project.env.setenv("TEST_FRAMEWORK_REPORTS", f"parts/{n}")
        project.run("--tier", "unit", f"--shard={n}/{count}")
    project.env.delenv("TEST_FRAMEWORK_REPORTS")


def merged(project: Project) -> tuple[int, str | None]:
    """Merge; return the exit status, and why it is red."""
    status = main(["--root", str(project.path), "report", "merge", "parts", "--out", "merged.json"])
    told: dict[str, Any] = json.loads((project.path / "merged.json").read_text())
    return status, told["gate"]["why"]


def test_machines_that_collect_different_tests_are_red(project: Project) -> None:
    """By their ids, also where there are as many."""
    project.write(TEST, TEN)
    cut(project, 3)
    assert merged(project) == (0, None)
    project.write(TEST, TEN.replace("range(10)", "range(12)"))
    project.env.setenv("TEST_FRAMEWORK_REPORTS", "parts/2")
    project.run("--tier", "unit", "--shard=2/3")
    status, why = merged(project)
    assert status == 1
    assert (why or "").startswith("shard 2 has collected 12 tests, and shard 1 10")
    project.write(TEST, TEN.replace("range(10)", "range(1, 11)"))
    project.run("--tier", "unit", "--shard=2/3")
    status, why = merged(project)
    assert status == 1
    assert (why or "").startswith("shard 2 has collected 10 tests, and shard 1 others")


def test_machines_that_cut_differently_are_red(project: Project) -> None:
    """As they do with another file of durations: a test is twice, or nowhere."""
    project.write(TEST, TEN)
    cut(project, 2)
    project.write("tests/durations.json", json.dumps({f"{TEST}::test_it[{n}]": 1.0 + 9 * (n == 0) for n in range(10)}))
    project.env.setenv("TEST_FRAMEWORK_REPORTS", "parts/1")
    project.run("--tier", "unit", "--shard=1/2")
    assert merged(project) == (1, "6 of 10 tests ran in the shards")


def test_a_shard_that_ended_early_is_named(project: Project) -> None:
    """As one does with `-x`: what it has left out is not green."""
    project.write(TEST, TEN)
    cut(project, 2)
    project.write(TEST, TEN.replace("pass", "assert n < 4"))
    project.env.setenv("TEST_FRAMEWORK_REPORTS", "parts/2")
    project.run("--tier", "unit", "-x", "--shard=2/2")
    status, why = merged(project)
    assert status == 1
    assert (why or "").startswith("shard 2 ran ")


PROJECT = {
    "tests/unit/test_kinds.py": """
import pytest

@pytest.mark.parametrize("n", range(12))
def test_passes(n): pass

@pytest.mark.skip("not today")
def test_skipped(): pass

@pytest.mark.xfail(strict=False)
def test_expected(): assert 0

class TestShares:
    @classmethod
    def setup_class(cls): pass
    def test_1(self): pass
    def test_2(self): pass
""",
    "tests/unit/test_fails.py": "def test_fails(): assert 0\ndef test_error(nothing): pass\n",
    "tests/unit/test_elsewhere.py": "import pytest\npytest.skip('on another system', allow_module_level=True)\n",
}


@pytest.mark.timeout(300)  # it runs pytest once for each shard, one after another
@pytest.mark.parametrize(("count", "broken"), [(3, False), (2, True)], ids=["whole", "uncollected"])
def test_the_parts_are_the_whole(project: Project, count: int, *, broken: bool) -> None:
    """Whatever came of it, also where a file cannot be collected: the proof of `nox -s shards`, in a small project."""
    for name, text in PROJECT.items():
        project.write(name, text)
    if broken:
        project.write("tests/unit/test_broken.py", "import no_such_module\n")
    proof = prove(project.path, "unit", count, env=os.environ)
    assert proof.faults == ()
    assert (sum(proof.parts), proof.tests) == ((0, 0) if broken else (18, 18))


def test_the_proof_can_fail(project: Project) -> None:
    """Where each run collects other tests, and each test comes out another way than before."""
    project.write(
        TEST,
        "import pytest\nfrom pathlib import Path\n\nRUN = len(list(Path().glob('run-*')))\nPath(f'run-{RUN}').touch()\n"
        "def test_same(): assert RUN == 0\n@pytest.mark.parametrize('run', [RUN])\ndef test_it(run): pass\n",
    )
    proof = prove(project.path, "unit", 2, env=os.environ)
    told = " ".join(proof.faults)
    assert f"{TEST}::test_same: passed, merged failed" in told
    assert f"in no shard: {TEST}::test_it[0]" in told
    assert "only in a shard: " in told
    assert "verdict: " in told
