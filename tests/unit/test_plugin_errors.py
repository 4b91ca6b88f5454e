"""What cannot be used ends the run before any test: exit code 4 and one line that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Project

TIERS = "e2e, e2e-staging, infrastructure, integration, mission-critical, performance, smoke, unit"
PROVIDERS = "docker, embedded, explicit, staging"
TEST = "tests/unit/test_it.py"


def refused(project: Project, *args: str) -> str:
    """Return the one line with which pytest refuses to run."""
    result = project.run(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = result.outlines + result.errlines
    (error,) = [line for line in lines if "ERROR" in line]
    assert not [line for line in lines if "Traceback" in line or " passed" in line]
    return error.removeprefix("ERROR: ")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--tier", "unti"], ["unknown tier 'unti'", "--tier", "mean 'unit'", TIERS]),
        (["--tier", "smoke"], ["tier 'smoke' has no tests", "tests/smoke", "the default"]),
        (["--providers", "dokcer"], ["unknown provider 'dokcer'", "--providers", "mean 'docker'", PROVIDERS]),
        (["--require", "dokcer"], ["unknown provider 'dokcer'", "--require", "mean 'docker'", PROVIDERS]),
        (["--tier", ""], ["--tier is empty", "leave it out"]),
        (["--pattern", ""], ["--pattern is empty"]),
        (["--providers", ""], ["--providers is empty"]),
        (["--shard", ""], ["--shard is empty"]),
        (["--concurrent-users", ""], ["--concurrent-users is empty"]),
        (["--collection-timeout", ""], ["--collection-timeout is empty"]),
        (["--require", ""], ["unknown provider ''", "--require", PROVIDERS]),
        (["--concurrent-users", "all"], ["concurrent_users = 'all'", "--concurrent-users", "a whole number"]),
        (["--collection-timeout", "soon"], ["collection_timeout = 'soon'", "--collection-timeout", "a number of sec"]),
    ],
)
def test_an_option_that_cannot_be_used(project: Project, args: list[str], told: list[str]) -> None:
    """The line names the value, the option and the choices."""
    project.write(TEST, "def test_it(): pass")
    text = refused(project, *args)
    for part in told:
        assert part in text


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["tests/unit/test_it.py::test_it"], "is of the tier unit, and --tier is smoke. Run pytest --tier unit tests/"),
        (["tests/smoke", "tests/unit/test_it.py"], "is of the tier unit, and --tier is smoke."),
        (["tests/smoke/../unit/test_it.py"], "is of the tier unit, and --tier is smoke."),
        (["tests/unit/test_it.py", "-n", "1", "-p", "xdist"], "is of the tier unit, and --tier is smoke."),
        (["--pyargs", "tests.unit.test_it"], "tests.unit.test_it is of the tier unit, and --tier is smoke."),
        (["tests/other/test_it.py"], "is in no tier, and --tier is smoke. Name it, or a folder above it, in the paths"),
    ],
)
def test_a_file_that_is_not_of_the_tier(project: Project, args: list[str], told: str) -> None:
    """It would be green in the report of a tier that it is no part of."""
    for folder in ("smoke", "unit", "other"):
        project.write(f"tests/{folder}/test_it.py", "def test_it(): pass")
    project.env.syspath_prepend(project.path)
    assert told in refused(project, "--tier", "smoke", *args)
    assert not (project.path / "reports").exists()


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("gtae = 'strict'", ["unknown key 'gtae'", "pyproject.toml [tool.test_framework]", "mean 'gate'"]),
        ("tiers.unit.paths = ['nowhere']", ["tier 'unit' has no tests", "nowhere", "[tool.test_framework.tiers.unit]"]),
        (
            "tiers.'../unit'.paths = ['tests']",
            ["'../unit'", "[tool.test_framework.tiers]", "letters, digits, _, -"],
        ),
        ("tiers.''.paths = ['tests']", ["name of a table = ''", "[tool.test_framework.tiers]"]),
        ("tiers.unit.paths = []", ["tier 'unit' has no tests", "no paths", "[tool.test_framework.tiers.unit]"]),
    ],
)
def test_a_setting_in_the_file_that_cannot_be_used(project: Project, table: str, told: list[str]) -> None:
    """The line names the value, the table and the choices."""
    project.write(TEST, "def test_it(): pass")
    project.configure(table)
    text = refused(project, "--tier", "unit")
    for part in told:
        assert part in text


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        (
            "TEST_FRAMEWORK_GTAE",
            "strict",
            ["variable 'TEST_FRAMEWORK_GTAE'", "mean 'TEST_FRAMEWORK_GATE'", "Choices: TEST_FRAMEWORK_GATE, "],
        ),
        ("TEST_FRAMEWORK_PROVIDERS", "dokcer", ["unknown provider 'dokcer'", "TEST_FRAMEWORK_PROVIDERS", PROVIDERS]),
    ],
)
def test_a_variable_that_cannot_be_used(project: Project, variable: str, value: str, told: list[str]) -> None:
    """The line names the variable, its value and the choices; it needs no tier to be checked."""
    project.write(TEST, "def test_it(): pass")
    project.env.setenv(variable, value)
    text = refused(project)
    for part in told:
        assert part in text


def test_a_file_that_is_no_toml(project: Project) -> None:
    """Found by pytest or by us, it is one line that names the file."""
    project.write("pyproject.toml", "[tool.test_framework\ngate = ")
    project.write(TEST, "def test_it(): pass")
    assert "pyproject.toml" in refused(project, "--tier", "unit")


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        (
            "requires('mysql')",
            ["unknown service 'mysql'", "@pytest.mark.requires", "test_it.py::test_it", "postgres, redis"],
        ),
        ("real_services('postgers')", ["unknown service 'postgers'", "@pytest.mark.real_services", "mean 'postgres'"]),
        (
            "requires",
            ["@pytest.mark.requires", "test_it.py::test_it", "takes the names of services", "postgres, redis"],
        ),
        ("requires(['redis'])", ["@pytest.mark.requires", "['redis']", "postgres, redis"]),
    ],
)
def test_a_marker_that_names_no_service(project: Project, marker: str, told: list[str]) -> None:
    """The line names the marker, the test and the choices, before any test has run."""
    project.write(TEST, f"import pytest\ndef test_before(): pass\n@pytest.mark.{marker}\ndef test_it(): pass")
    text = refused(project)
    for part in told:
        assert part in text


@pytest.mark.parametrize("name", ["reports", "reports/unit.json"])
def test_a_report_folder_that_cannot_be_written(project: Project, name: str) -> None:
    """The line names the folder and what set it; also for root, whom no permission stops."""
    project.write(TEST, "def test_it(): pass")
    if name == "reports":
        project.write("reports", "a file in its place")
    else:
        (project.path / name).mkdir(parents=True)
    text = refused(project, "--tier", "unit")
    assert f"the report folder {project.path / 'reports'} (the default) cannot be written: " in text


def test_a_report_folder_that_a_variable_sets(project: Project) -> None:
    """The line names the variable, where the folder came from."""
    project.write(TEST, "def test_it(): pass")
    project.env.setenv("TEST_FRAMEWORK_REPORTS", f"{TEST}/reports")
    assert "/test_it.py/reports (TEST_FRAMEWORK_REPORTS) cannot be written: " in refused(project, "--tier", "unit")
