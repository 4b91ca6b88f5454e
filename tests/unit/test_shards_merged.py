"""Shards of one run, as `report merge` judges them: the parts are the whole, or it is red."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.cli import main
from tests.support.shards import prove

if TYPE_CHECKING:
    from tests.conftest import Project

TEST = "tests/unit/test_it.py"
TEN = "import pytest\n@pytest.mark.parametrize('n', range(10))\ndef test_it(n): pass\n"


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


SUBTESTS = """
import time, pytest
from contextlib import ExitStack

def test_parts(subtests):
    with ExitStack() as stack:
        for n in range(10):
            stack.enter_context(subtests.test(n=n))
        time.sleep(0.2)
    with subtests.test("elsewhere"):
        pytest.skip("not on this machine")
    with subtests.test("here too"):
        pass
"""


def test_a_skipped_subtest_is_a_skip(project: Project) -> None:
    """Its test passes, and a part of it did not run: red in CI by itself and merged. Its time is in the test's."""
    project.env.setenv("CI", "true")
    project.env.setenv("TEST_FRAMEWORK_REPORTS", "parts/1")
    project.write(TEST, SUBTESTS)
    assert project.run("--tier", "unit", "--shard=1/1").ret == pytest.ExitCode.TESTS_FAILED
    told = json.loads((project.path / "parts/1/unit.json").read_text())
    (test,) = told["tests"]
    assert (test["outcome"], [skip["nodeid"] for skip in told["skips"]]) == ("passed", [test["nodeid"]])
    assert test["seconds"] <= told["seconds"]
    project.env.delenv("TEST_FRAMEWORK_REPORTS")
    assert merged(project) == (1, "1 skip not allowed: skipped-by-test") == (1, told["gate"]["why"])


def test_a_subtest_that_skips_itself_hides_no_other(no_service: Project) -> None:
    """Where the one is allowed, the gate still hears of what this machine does not have."""
    no_service.env.setenv("TEST_FRAMEWORK_SUPERVISOR", "0")
    no_service.env.setenv("TEST_FRAMEWORK_ALLOWED_SKIPS", "skipped-by-test")
    no_service.write(
        TEST,
        "import pytest\ndef test_parts(subtests, services):\n"
        "    with subtests.test('database'): services['postgres']\n"
        "    with subtests.test('later'): pytest.skip('not today')\n",
    )
    assert no_service.run("--tier", "unit", "--require", "docker").ret == pytest.ExitCode.TESTS_FAILED
    (skip,) = no_service.report()["skips"]
    assert skip["code"] != "skipped-by-test"


def test_a_red_shard_is_red_by_other_settings_too(project: Project) -> None:
    """The machine that merges allows what the shard's own did not: it says which shard was red, and why."""
    project.env.setenv("CI", "true")
    project.write(TEST, TEN.replace("pass", "pytest.skip('not here') if n == 7 else None"))
    cut(project, 2)
    project.env.setenv("TEST_FRAMEWORK_ALLOWED_SKIPS", "skipped-by-test")
    status, why = merged(project)
    assert (status, why) == (1, "shard 2 was red: 1 skip not allowed: skipped-by-test")


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
    assert merged(project) == (1, "6 tests ran in the shards, and 10 were collected")


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
