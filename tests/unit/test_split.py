"""How tests are cut into shards: what stays together, by how long it takes, the same on every machine."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main
from test_framework.plugin.split import split, units

if TYPE_CHECKING:
    from tests.conftest import Project

TEST = "tests/unit/test_it.py"
TEN = "import pytest\n@pytest.mark.parametrize('n', range(10))\ndef test_it(n): pass\n"


def ran(project: Project, *options: str) -> set[str]:
    """Run the tests, and return those that ran."""
    assert project.run("--tier", "unit", *options).ret == pytest.ExitCode.OK
    return {test["nodeid"] for test in project.report()["tests"]}


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


@pytest.mark.parametrize(("shard", "many"), [("1/999999999", 1), ("10/999999999", 1), ("999999999/999999999", 0)])
def test_more_shards_than_tests(project: Project, shard: str, many: int) -> None:
    """The first ones have a test each, the others none, at once."""
    project.write(TEST, TEN)
    assert len(ran(project, f"--shard={shard}")) == many


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
    result.stdout.fnmatch_lines(["shard 2/2, *, cut by tests/durations.json, without a", "  duration of 1"])


def test_tests_that_take_no_time_are_shared_too(project: Project) -> None:
    """They are not all in one shard because nothing makes it longer."""
    project.write(TEST, TEN)
    project.write("tests/durations.json", json.dumps({f"{TEST}::test_it[{n}]": 0.0 for n in range(10)}))
    assert [len(ran(project, f"--shard={n}/2")) for n in (1, 2)] == [5, 5]


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"a": "b"}', '{"a": -1}', '{"a": true}', '{"a": NaN}', '{"a": 1e300}', "5", "\xff"]
)
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
    result.stdout.fnmatch_lines(
        ["green: none of the tests is of this shard", "shard 11/11, from --shard: 0 of 10 tests*"]
    )
    project.write(TEST, "")
    result = project.run("--tier", "unit", "--shard=11/11")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["red: nothing ran"])
