"""`validate`: each line has a project in which it is ok and one in which it is not, with what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main
from test_framework.config import load
from test_framework.health.images import major
from test_framework.health.staging_variables import faults
from test_framework.health.validation import ValidationLine, validate
from test_framework.staging import URLS

if TYPE_CHECKING:
    from tests.conftest import Project

TEST = "def test_it():\n    assert len('a') == 1\n"
SERVICES = "def test_it(postgres_db, redis):\n    assert postgres_db.url != redis.url\n"
GOOD = {"tests/unit/test_a.py": TEST, "tests/integration/test_b.py": SERVICES, "tests/smoke/test_c.py": SERVICES}
ALLOWED = 'allowed_hosts = ["*.example.com", "broker"]\n'
SETTINGS = '[tool.test_framework.audit]\ncritical = ["json:loads"]'


@pytest.fixture
def suite(project: Project) -> Project:
    """A project in which everything is in place."""
    project.env.setenv("XDG_CACHE_HOME", str(project.path / ".cache"))
    project.configure(SETTINGS)
    for name, text in GOOD.items():
        project.write(name, text)
    return project


def lines(suite: Project, env: dict[str, str] | None = None) -> dict[str, ValidationLine]:
    """Return what is said, by what was looked at."""
    return {line.check: line for line in validate(load(suite.path, {}), env or {})}


def wrong(suite: Project, env: dict[str, str] | None = None) -> dict[str, str]:
    """Return what is not ok; each says what to do."""
    found = {check: line for check, line in lines(suite, env).items() if not line.ok}
    assert all(line.remedy for line in found.values())
    return {check: line.message for check, line in found.items()}


def test_a_project_in_which_all_is_in_place(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is ok, the exit status is 0."""
    assert wrong(suite) == {}
    assert {"settings", "critical imports", "tier smoke", "smoke of postgres", "python_files"} <= set(lines(suite))
    assert main(["--root", str(suite.path), "validate"]) == 0
    assert "NOT OK" not in capsys.readouterr().out


def test_what_is_not_in_place_is_exit_1(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """For people, with what to do; and as JSON."""
    suite.write("tests/unit/test_a.py", "import nothing_there\n" + TEST)
    assert main(["--root", str(suite.path), "validate"]) == 1
    assert "NOT OK audit: test files that pytest cannot import: 1, 0 allowed\n       Run" in capsys.readouterr().out
    assert main(["--root", str(suite.path), "validate", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert [c["check"] for c in told["checks"] if not c["ok"]] == [
        "audit: test files that pytest cannot import",
        "tier unit",
    ]


def test_settings_that_cannot_be_read_are_misuse(suite: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """With the one line that every command has for them."""
    suite.configure("[tool.test_framework.health]\nfiles_factro = 2")
    assert main(["--root", str(suite.path), "validate"]) == 2
    assert "mean 'files_factor'" in capsys.readouterr().err


def test_the_thresholds_of_the_audit_count(suite: Project) -> None:
    """As many as are allowed are fine."""
    suite.write("tests/unit/test_d.py", "def test_it():\n    assert True\n")
    assert wrong(suite) == {"audit: findings in tests": "1, 0 allowed"}
    suite.configure(f"{SETTINGS}\nmax_quality = 1")
    assert wrong(suite) == {}


def test_a_critical_import_that_is_gone(suite: Project) -> None:
    """It is named."""
    suite.configure('[tool.test_framework.audit]\ncritical = ["json:loadz"]\nmax_imports = 1')
    assert wrong(suite) == {"critical imports": "json has no loadz"}
    suite.configure("")
    assert lines(suite)["critical imports"].message.startswith("none are named")


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ('["tests/gone"]', "there is no tests/gone"),
        ('["tests/unit", "tests/gone"]', "there is no tests/gone"),
        ('["tests/hollow"]', "0 test files, none"),
    ],
)
def test_a_tier_that_selects_nothing(suite: Project, paths: str, told: str) -> None:
    """Its folder is not there, or holds no test file."""
    suite.write("tests/hollow/helper.py", "")
    suite.configure(f"{SETTINGS}\n[tool.test_framework.tiers.nightly]\npaths = {paths}")
    found = wrong(suite)
    assert list(found) == ["tier nightly"]
    assert told in found["tier nightly"]


def test_a_tier_whose_tests_cannot_be_imported(suite: Project) -> None:
    """Files alone are no tests."""
    suite.write("tests/e2e/test_x.py", "X = 1\n")
    assert "tier e2e" in wrong(suite)
    suite.write("tests/e2e/test_x.py", TEST)
    assert wrong(suite) == {}


def test_a_file_that_no_tier_has(suite: Project) -> None:
    """It is counted and one is named; with no file in any tier, that is said."""
    suite.write("tests/lost/test_d.py", TEST)
    told = wrong(suite)["test files in tiers"]
    assert told == "1 test files are in no tier, such as tests/lost/test_d.py"
    for name in GOOD:
        (suite.path / name).unlink()
    assert wrong(suite)["test files in tiers"] == "none of the 1 test files is in a tier"


def test_a_project_without_smoke_tests(suite: Project) -> None:
    """Neither is there a test, nor is a service touched."""
    (suite.path / "tests/smoke/test_c.py").unlink()
    assert list(wrong(suite)) == ["smoke tests", "smoke of postgres", "smoke of redis"]


@pytest.mark.parametrize(
    ("text", "conftest", "missing"),
    [
        ("def test_it(redis):\n    assert redis.url\n", "", ["postgres"]),
        ("def test_it(database, redis):\n    assert redis.url\n", "", ["postgres"]),
        (
            "def test_it(database, redis):\n    assert redis.url\n",
            "import pytest\n@pytest.fixture\ndef database(postgres_tx):\n    return postgres_tx\n",
            [],
        ),
        ("def test_it(database, redis):\n    assert redis.url\n", "from tests.help import database\n", []),
        (
            "import pytest\npytestmark = pytest.mark.requires('postgres', 'redis')\n" + TEST,
            "",
            [],
        ),
        ("import pytest\n@pytest.mark.real_services\ndef test_it():\n    assert len('a') == 1\n", "", []),
        ("import pytest\n@pytest.mark.real_services()\ndef test_it():\n    assert len('a') == 1\n", "", []),
        ("import pytest\n@pytest.mark.real_services('redis')\n" + TEST, "", ["postgres"]),
        ("import pytest\n@pytest.mark.usefixtures('postgres', 'redis_db')\n" + TEST, "", []),
        ("POSTGRES = 'postgres'\nPATTERN = 'postgresql redis'\n" + TEST, "", ["postgres", "redis"]),
    ],
)
def test_a_service_that_no_smoke_test_touches(suite: Project, text: str, conftest: str, missing: list[str]) -> None:
    """By fixtures, also those of fixtures, and by markers; a word in a text is no use."""
    suite.write("tests/smoke/test_c.py", text)
    suite.write("tests/smoke/conftest.py", conftest)
    suite.write("tests/help.py", "import pytest\n@pytest.fixture\ndef database(postgres):\n    return postgres\n")
    assert [check for check in wrong(suite) if check.startswith("smoke of")] == [f"smoke of {m}" for m in missing]


def test_tests_that_pytest_does_not_collect(suite: Project) -> None:
    """The pattern leaves them out; a helper that only looks like one is fine, and so is a backup."""
    suite.write("pytest.ini", "[pytest]\npython_files = test_*.py\n")
    suite.write("tests/unit/helper_test.py", "X = 1\n")
    suite.write("tests/unit/backup/more_test.py", TEST)
    assert wrong(suite) == {}
    suite.write("tests/unit/more_test.py", TEST)
    assert wrong(suite) == {"python_files": "pytest does not collect tests/unit/more_test.py and 0 more"}


@pytest.mark.parametrize(
    ("name", "text", "ok"),
    [
        ("compose/compose.yaml", "image: ${TEST_FRAMEWORK_POSTGRES_IMAGE:-postgres:17.6-alpine}", True),
        ("compose/compose.yaml", "image: ${TEST_FRAMEWORK_POSTGRES_IMAGE:-postgres:16-alpine}", False),
        ("compose/compose.yaml", "image: ${TEST_FRAMEWORK_POSTGRES_IMAGE:-postgres:latest}", True),
        (".ci/run", "export TEST_FRAMEWORK_POSTGRES_IMAGE=registry:5000/postgres:15", False),
        (".ci/run", "export TEST_FRAMEWORK_POSTGRES_IMAGE=registry:5000/postgres:17", True),
        (".github/workflows/tests.yml", "  TEST_FRAMEWORK_POSTGRES_IMAGE: 'postgres:14'", False),
        (".github/workflows/tests.yml", "  TEST_FRAMEWORK_POSTGRES_IMAGE: ${{ vars.IMAGE }}", True),
    ],
)
def test_images_of_compose_and_ci(suite: Project, name: str, text: str, ok: bool) -> None:  # noqa: FBT001
    """They start the major version that the settings ask for; a tag without a number says nothing."""
    suite.write(name, text)
    found = wrong(suite)
    assert found == {} if ok else name in found["image of postgres"]
    assert "image of redis" not in lines(suite)


def test_the_version_of_the_settings_counts(suite: Project) -> None:
    """Over the image's."""
    suite.write("compose.yaml", "image: ${TEST_FRAMEWORK_POSTGRES_IMAGE:-postgres:16}")
    assert list(wrong(suite)) == ["image of postgres"]
    suite.configure(f'{SETTINGS}\n[tool.test_framework.services.postgres]\nversion = "16"')
    assert wrong(suite) == {}
    images = ("a/b:17-x", "h:5000/a", "a:v1", "a", "a@sha256:9f", "a:17@sha256:9f")
    assert [major(image) for image in images] == ["17", "", "", "", "", "17"]


LOGIN = {"STAGING_USERNAME": "me", "STAGING_PASSWORD": "hunter2"}
URL = "https://staging.example.com"


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({}, []),
        ({"STAGING_BACKEND_URL": URL, **LOGIN}, []),
        ({"STAGING_BACKEND_URL": URL, "STAGING_TOKEN": "hunter2"}, []),
        ({"STAGING_POSTGRES_URL": "postgresql://app:hunter2@db/app"}, []),
        ({"STAGING_BACKEND_URL": ""}, []),
        ({"STAGING_BACKEND_URL": URL}, ["no login"]),
        ({"STAGING_BACKEND_URL": URL, "STAGING_USERNAME": "me"}, ["STAGING_PASSWORD is not"]),
        ({"STAGING_BACKEND_URL": URL, "STAGING_PASSWORD": "hunter2"}, ["STAGING_USERNAME is not"]),
        ({"STAGING_AUTH_URL": URL}, ["STAGING_AUTH_URL is set, but STAGING_BACKEND_URL is not"]),
        ({"STAGING_REDIS_URL": "hunter2"}, ["STAGING_REDIS_URL is not a URL"]),
        ({"STAGING_REDIS_URL": "redis://:hunter2@h:99999"}, ["STAGING_REDIS_URL is not a URL"]),
        ({"STAGING_BAKEND_URL": "hunter2"}, ["STAGING_BAKEND_URL is not a staging variable"]),
        ({"STAGING_BROKER_URL": "amqp://me:hunter2@broker:5671"}, []),
        ({"STAGING_BROKER_URL": "hunter2"}, ["STAGING_BROKER_URL is not a URL"]),
    ],
)
def test_variables_of_staging(env: dict[str, str], told: list[str]) -> None:
    """All that is needed when one is set; no value is shown."""
    found = list(faults(env, ["broker"], ["*.example.com", "db", "broker"]))
    assert len(found) == len(told)
    assert all(part in text for part, text in zip(told, found, strict=True))
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize("name", [*URLS, "STAGING_BROKER_URL"])
def test_a_host_of_staging_that_is_not_allowed(name: str) -> None:
    """Its address is refused with host, variable and setting, before anything is sent there."""
    env = {"STAGING_BACKEND_URL": URL, **LOGIN, name: "https://me:hunter2@elsewhere.invalid"}
    if name in ("STAGING_POSTGRES_URL", "STAGING_REDIS_URL"):
        env[name] = env[name].replace("https", name.split("_")[1].lower())
    (found,) = faults(env, ["broker"], ["*.example.com"])
    assert all(part in found for part in ("elsewhere.invalid", name, "allowed_hosts"))
    assert "hunter2" not in found


def test_a_host_in_the_query_of_staging() -> None:
    """A client may take it in the place of the other one, so it is looked at too."""
    found = list(faults({"STAGING_POSTGRES_URL": "postgresql://localhost/app?host=elsewhere.invalid"}))
    assert "elsewhere.invalid" in found[0]


def test_variables_of_staging_are_a_line(suite: Project) -> None:
    """And it says whether any is set."""
    suite.configure(ALLOWED + SETTINGS)
    assert lines(suite)["staging variables"].message == "none is set"
    assert list(wrong(suite, {"STAGING_BACKEND_URL": URL})) == ["staging variables"]
    assert lines(suite, {"STAGING_BACKEND_URL": URL, **LOGIN})["staging variables"].message == "complete"


def test_the_staging_of_a_service_of_the_projects_own(suite: Project) -> None:
    """Its variable is known."""
    broker = {"STAGING_BROKER_URL": "amqp://broker:5671"}
    assert list(wrong(suite, broker)) == ["staging variables"]
    own = '[tool.test_framework.services.broker]\nimage = "a/broker:1"\nport = 1\nurl_format = "amqp://{host}:{port}"'
    suite.configure(f"{ALLOWED}{SETTINGS}\n{own}")
    assert lines(suite, broker)["staging variables"].message == "complete"
