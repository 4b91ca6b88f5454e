"""`init` on projects of many layouts: what it adds, that it keeps what is there, and that once is enough."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from test_framework.config import load
from tests.support.adoption import LIBRARY, files, init, make
from tests.support.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEST = "def test_it():\n    assert len('a') == 1\n"
PROJECT = '[project]\nname = "shop"\nversion = "1.0"\n'
HATCH = f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n{PROJECT}'
GROUP = '[dependency-groups]\ntiers = ["pytest-tiers[embedded]>=0.1"]\n'
INSTALL = 'session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "tiers"))'
FIRST = ("tests/integration/test_services.py", "tests/smoke/test_answers.py")
NEW = ["noxfile.py", "tasks.py", *FIRST]

pytestmark = pytest.mark.usefixtures("bare_env")

LAYOUTS: dict[str, dict[str, str]] = {
    "flat": LIBRARY,
    "src": {"pyproject.toml": HATCH, "src/shop/__init__.py": "", "tests/test_shop.py": TEST},
    "unit": {"pyproject.toml": HATCH, "shop/__init__.py": "", "tests/unit/test_shop.py": TEST},
    "packages of tests": {
        "pyproject.toml": HATCH,
        "shop/__init__.py": "",
        "tests/__init__.py": "",
        "tests/test_services.py": TEST,
    },
    "test": {"pyproject.toml": HATCH, "test/test_shop.py": TEST},
    "in the package": {
        "pyproject.toml": HATCH + '\n[tool.pytest.ini_options]\ntestpaths = ["src/shop/tests"]\n',
        "src/shop/__init__.py": "",
        "src/shop/tests/__init__.py": "",
        "src/shop/tests/test_shop.py": TEST,
    },
    "beside the module": {"pyproject.toml": PROJECT, "shop.py": "", "test_shop.py": TEST},
    "setup.cfg": {
        "setup.cfg": (
            "[metadata]\nname = shop\n\n[options]\npackages = shop\n\n[tool:pytest]\npython_files = *_test.py\n"
        ),
        "setup.py": "from setuptools import setup\n\nsetup()\n",
        "shop/__init__.py": "",
        "tests/shop_test.py": TEST,
    },
    "requirements": {
        "requirements.txt": "redis\npsycopg[binary]\n",
        "dev-requirements.txt": "pytest\n",
        "tests/test_shop.py": TEST,
    },
    "nothing": {"shop.py": "print('open')\n"},
    "crlf": {name: content.replace("\n", "\r\n") for name, content in LIBRARY.items()},
    "no newline at the end": {"pyproject.toml": PROJECT.rstrip(), "tests/test_shop.py": TEST},
    "tables": {
        "pyproject.toml": (
            f'{HATCH}\n[dependency-groups]  # what we need\ntest = ["pytest"]\n\n'
            '[tool.test_framework]\nidle_seconds = 5\n\n[tool.test_framework.tiers.smoke]\npaths = ["checks"]\n'
        ),
        "tests/test_shop.py": TEST,
    },
    "extras": {
        "pyproject.toml": f'{HATCH}requires-python = ">=3.9"\n\n[project.optional-dependencies]\ntest = ["pytest"]\n',
        "tests/test_shop.py": TEST,
    },
    "we are declared": {
        "pyproject.toml": f'{HATCH}\n[dependency-groups]\ndev = ["Pytest_Tiers[embedded,xdist]"]\n',
        "tests/unit/test_shop.py": TEST,
    },
    "we are required": {"requirements.txt": "redis\npsycopg\npytest-tiers\n", "tests/unit/test_shop.py": TEST},
    "we are required of a package": {"pyproject.toml": HATCH, "requirements.txt": "pytest-tiers[embedded]~=0.1\n"},
}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the files of a project."""
    return LAYOUTS[request.param]


def adopted(root: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Make a project, run `init`, and return its files as text."""
    make(root, given)
    assert init(root, "--yes") == 0
    return {name: content.decode() for name, content in files(root).items()}


def test_nothing_that_was_there_is_lost(tmp_path: Path, layout: dict[str, str]) -> None:
    """Every line of every file stays, in its order and with its ending."""
    make(tmp_path, layout)
    before = files(tmp_path)
    assert init(tmp_path, "--yes") == 0
    after = files(tmp_path)
    assert before.keys() < after.keys()
    for name, content in before.items():
        lines, now = content.decode().splitlines(keepends=True), after[name].decode().splitlines(keepends=True)
        # What had no end of line has one now.
        lost = [line for line in difflib.ndiff(lines, now) if line.startswith("- ") and line.endswith("\n")]
        assert lost == []
        assert {line.endswith("\r\n") for line in now} <= {line.endswith("\r\n") for line in lines if line[-1] == "\n"}
    told = tomllib.loads(after["pyproject.toml"].decode())
    data = tomllib.loads(before.get("pyproject.toml", b"").decode())
    assert {key: told[key] for key in data if key not in ("tool", "dependency-groups")} == {
        key: value for key, value in data.items() if key not in ("tool", "dependency-groups")
    }


def test_the_second_run_does_nothing(
    tmp_path: Path, layout: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so, without a question, and no byte changes."""
    adopted(tmp_path, layout)
    before = files(tmp_path)
    capsys.readouterr()
    assert init(tmp_path) == 0
    out, told = capsys.readouterr()
    assert (out, told.splitlines()[-1]) == ("", "nothing to do")
    assert files(tmp_path) == before


def test_each_test_has_its_tier(tmp_path: Path, layout: dict[str, str]) -> None:
    """What was there is in the tier unit, the new tests in theirs, and pytest collects them side by side."""
    adopted(tmp_path, layout)
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "."]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    collected = {line.partition("::")[0] for line in result.stdout.splitlines() if "::" in line}
    settings = load(tmp_path, {})
    tiers = {name: settings.tier_of(tmp_path / name) for name in collected}
    there = {name for name in layout if "test_" in name or "_test." in name}
    assert {name for name, tier in tiers.items() if tier == "unit"} == there
    assert sorted(str(tiers[name]) for name in collected - there) == ["integration", "smoke"]


def test_what_is_written_is_clean(tmp_path: Path) -> None:
    """Ruff with its default settings finds nothing, and would not format it in another way."""
    new = []
    for name, given in LAYOUTS.items():
        made = adopted(tmp_path / name, given)
        new += [f"{name}/{path}" for path in made if path not in given and path.endswith(".py")]
    assert len(new) == 4 * len(LAYOUTS)
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", *new]
        result = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


def test_what_stands_where(tmp_path: Path) -> None:
    """A project of ten lines."""
    made = adopted(tmp_path, LAYOUTS["flat"])
    assert made.keys() - LIBRARY.keys() == {"noxfile.py", "tasks.py", *FIRST}
    assert made["pyproject.toml"] == LIBRARY["pyproject.toml"] + (
        f'\n{GROUP}\n[tool.test_framework]\nreports = "build/reports"\n\n[tool.test_framework.tiers]\n'
        'unit = { paths = ["tests"], network = true }\n'
        'integration = { services = ["postgres"] }\nsmoke = { services = ["postgres"] }\n'
    )
    assert INSTALL in made["noxfile.py"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("src", ["[tool.test_framework.tiers]\nunit = { paths"]),
        ("unit", [f"{GROUP}\n[tool.test_framework.tiers]\nintegration = {{ services"]),
        ("test", ['integration = { paths = ["test/integration"], services = ["postgres"] }']),
        ("in the package", ['unit = { paths = ["src/shop/tests"], network = true }', '["src/shop/tests/smoke"]']),
        ("beside the module", ['unit = { paths = ["."], network = true }', 'reports = "build/reports"']),
        ("requirements", [f'{GROUP}\n[tool.test_framework.tiers]\nunit = {{ paths = ["tests"], network = true }}\n']),
        (
            "tables",
            [
                '[dependency-groups]  # what we need\ntiers = ["pytest-tiers[embedded]>=0.1", {',
                '{ include-group = "test" }]\ntest = ["pytest"]\n',
                'paths = ["checks"]\n\n[tool.test_framework.tiers]\nunit = {',
            ],
        ),
        ("extras", ["""["pytest-tiers[embedded]>=0.1 ; python_version >= '3.11'"]"""]),
        ("we are required", ['[tool.test_framework]\nreports = "reports"\n']),
    ],
)
def test_the_settings_say_what_the_defaults_do_not(tmp_path: Path, name: str, parts: list[str]) -> None:
    """Other paths, the services that are used, and reports where setuptools does not take them for a package."""
    made = adopted(tmp_path, LAYOUTS[name])["pyproject.toml"]
    assert [part for part in parts if part not in made] == []
    assert ("reports =" in made) == (name in ("beside the module", "we are required"))


def test_a_comment_stays_with_its_table(tmp_path: Path) -> None:
    """What is added to a table stands at its head: between its end and the next table may be what is said of that."""
    tools = "# What checks it.\n[tool.ruff]\nline-length = 88\n"
    made = adopted(tmp_path, {"pyproject.toml": f'{PROJECT}\n[dependency-groups]\ntest = ["pytest"]\n\n{tools}'})
    assert f'test = ["pytest"]\n\n{tools}' in made["pyproject.toml"]


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("flat", '"-e", ".", *nox.project.dependency_groups(PROJECT, "tiers")'),
        ("requirements", '"-r",\n        "requirements.txt",\n        "-r",\n        "dev-requirements.txt",\n'),
        ("nothing", '(*nox.project.dependency_groups(PROJECT, "tiers"))'),
        ("extras", '"-e", ".[test]", *nox.project.dependency_groups(PROJECT, "tiers")'),
        ("we are declared", '"-e", ".", *nox.project.dependency_groups(PROJECT, "dev")'),
        ("we are required", '("-r", "requirements.txt")'),
        ("we are required of a package", '("-e", ".", "-r", "requirements.txt")'),
    ],
)
def test_the_noxfile_installs_what_is_needed(tmp_path: Path, name: str, needs: str) -> None:
    """The project where it can be installed, its files of requirements where not, and ours once."""
    assert needs in adopted(tmp_path, LAYOUTS[name])["noxfile.py"]


@pytest.mark.parametrize(
    ("needs", "services"),
    [
        ([], ["postgres"]),
        (["redis>=5"], ["redis"]),
        (["asyncpg"], ["postgres"]),
        (["redis", "psycopg2-binary"], ["postgres", "redis"]),
    ],
)
def test_the_first_test_is_on_what_the_project_uses(tmp_path: Path, needs: list[str], services: list[str]) -> None:
    """Postgres, and Redis where it is declared; Redis alone where no driver of Postgres is."""
    made = adopted(tmp_path, {"pyproject.toml": f"{PROJECT}dependencies = {needs}\n"})
    assert [name for name in ("postgres", "redis") if f"({name}_db)" in made[FIRST[0]]] == services
    assert [name for name in ("postgres", "redis") if f"test_{name}_answers" in made[FIRST[1]]] == services
    assert list(load(tmp_path, {}).tier("integration").services) == services


@pytest.mark.parametrize(
    ("schema", "needs", "is_certain"),
    [
        ("CREATE TABLE book (title text);\n", ["psycopg"], True),
        ("CREATE TABLE book (title text);\n", [], False),
        ("\\connect shop\nCREATE TABLE book (title text);\n", ["psycopg"], False),
        ("COPY book (title) FROM stdin;\nKindred\n\\.\n", ["psycopg"], False),
    ],
)
def test_a_schema_that_is_certain(tmp_path: Path, schema: str, needs: list[str], is_certain: bool) -> None:  # noqa: FBT001  # a case
    """It is the template, where the project has to do with Postgres and the server can read it."""
    adopted(tmp_path, {"pyproject.toml": f"{PROJECT}dependencies = {needs}\n", "db/schema.sql": schema})
    assert load(tmp_path, {}).service("postgres").template == (("db/schema.sql",) if is_certain else ())


def test_of_two_schemas_none_is_certain(tmp_path: Path) -> None:
    """Nobody can say which."""
    project = {"pyproject.toml": f'{PROJECT}dependencies = ["psycopg"]\n', "schema.sql": "", "db/schema.sql": ""}
    adopted(tmp_path, project)
    assert load(tmp_path, {}).service("postgres").template == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"pyproject.toml": HATCH, "alembic.ini": ""},
            "alembic.ini: to give each test's database the schema of",
        ),
        ({"pyproject.toml": HATCH, "manage.py": ""}, "manage.py: to give each test's database the schema of"),
        (
            {"pyproject.toml": HATCH, "tests/unit/test_shop.py": TEST, "tests/functional/test_shop.py": TEST},
            "No tier runs the tests in tests/functional: name them in the paths of one.",
        ),
        (
            {"pyproject.toml": '[tool.poetry.group.test.dependencies]\npytest = "*"\n'},
            "pip does not read Poetry's groups (test): add to the group tiers what the tests need.",
        ),
        (
            {"pyproject.toml": HATCH, "conftest.py": "def postgres_db(): ...\n"},
            "integration is written, since conftest.py has a fixture of the name of one of ours.",
        ),
        (
            {"pyproject.toml": HATCH + '[tool.pytest.ini_options]\npython_files = ["check_*.py"]\n'},
            "since pytest's python_files, check_*.py, leave no name for it.",
        ),
        (
            {"pyproject.toml": HATCH + '[tool.pytest.ini_options]\npython_functions = ["check"]\n'},
            "since pytest's python_functions are check.",
        ),
        (
            {"pyproject.toml": HATCH + '[tool.test_framework.tiers.integration]\npaths = ["tests/test_db.py"]\n'},
            "No first test of the tier integration is written, since its paths are files: tests/test_db.py.",
        ),
        ({"pyproject.toml": HATCH, "tasks/__init__.py": ""}, "tasks/ is left as it is."),
    ],
)
def test_what_is_left_to_a_person(
    tmp_path: Path, given: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be known, and what would change what somebody wrote, is said with what to do."""
    adopted(tmp_path, given)
    assert told in capsys.readouterr().err


def test_settings_that_are_left_to_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What relies on them waits for them: it would be written for settings that are not there."""
    project = tmp_path / "project"
    make(project, LIBRARY | {"pyproject.toml": f'dependency-groups = {{ test = ["pytest"] }}\n{PROJECT}'})
    before = files(project)
    assert init(project, "--dry-run") == init(project, "--yes") == 1
    assert files(project) == before
    told = capsys.readouterr().err
    group = '[dependency-groups]\ntiers = ["pytest-tiers[embedded]>=0.1", { include-group = "test" }]\n'
    why = "pyproject.toml is left as it is, since its tables are written in another way. To add by hand:"
    assert f"{why}\n\n{group}" in told
    assert re.findall(r"^(.*) is left out: it relies on pyproject.toml$", told, re.M)[:4] == NEW
    assert told.endswith("first add to pyproject.toml what is shown above, then run init again\n")
    settings = adopted(tmp_path / "other", LIBRARY)["pyproject.toml"].partition("[tool.")[2]
    by_hand = 'dependency-groups = { test = ["pytest"], tiers = ["pytest-tiers"] }'
    make(project, {"pyproject.toml": f"{by_hand}\n{PROJECT}\n[tool.{settings}"})
    assert init(project, "--yes") == 0
    assert files(project).keys() == before.keys() | set(NEW)


@pytest.mark.parametrize(
    ("given", "commands"),
    [
        ({}, ", or nox -s integration; invoke smoke; invoke doctor"),
        ({"tasks.py": "from invoke import Collection, task\n\nns = Collection()\n"}, ", or nox -s integration"),
        ({"tasks/__init__.py": ""}, ", or nox -s integration"),
        ({"noxfile.py": "import nox as n\n"}, "; invoke smoke; invoke doctor"),
    ],
)
def test_what_can_be_run_then(
    tmp_path: Path, given: dict[str, str], commands: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No command is named that was left to a person."""
    adopted(tmp_path, LIBRARY | given)
    assert capsys.readouterr().err.endswith(f"\nthen: pytest --tier integration{commands}\n")


@pytest.mark.parametrize("options", [["--dry-run"], ["--yes"]])
def test_a_group_that_says_something_else(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, with what it lacks, which can be put into it; also where nothing else is left to be done."""
    there = f'{PROJECT}\n[dependency-groups]\ntest = ["pytest"]\ntiers = ["x"]\n'
    whole = adopted(tmp_path, LIBRARY | {"pyproject.toml": there.replace('"x"', '"x", "pytest-tiers"')})
    make(tmp_path, {"pyproject.toml": whole["pyproject.toml"].replace(', "pytest-tiers"', "")})
    before = files(tmp_path)
    capsys.readouterr()
    assert init(tmp_path, *options) == 1
    assert files(tmp_path) == before
    out, told = capsys.readouterr()
    why = "since [dependency-groups] has `tiers` already, which says something else. To add by hand to `tiers`: "
    lacking = '"pytest-tiers[embedded]>=0.1", { include-group = "test" }\n'
    assert f"by hand: pyproject.toml is left as it is, {why}{lacking}" in told
    assert (out, "nothing to do" in told, "[dependency-groups]\n" in told) == ("", False, False)
    make(tmp_path, {"pyproject.toml": before["pyproject.toml"].decode().replace('"x"', f'"x", {lacking.strip()}')})
    assert init(tmp_path, *options) == 0
    assert capsys.readouterr().err.endswith("\nnothing to do\n")


@pytest.mark.parametrize("command", [["pytest", "--tier", "unit"], ["test_framework", "run", "--category", "unit"]])
@pytest.mark.parametrize(("settings", "status"), [("", 2), ('[tool.pytest.ini_options]\npythonpath = ["."]\n', 0)])
def test_where_modules_are_imported_from(tmp_path: Path, command: list[str], settings: str, status: int) -> None:
    """As the page says: a project that is not installed has to say it, for the program pytest and for `run`."""
    page = (ROOT / "docs/how-to/adopt.md").read_text(encoding="utf-8")
    assert all(f"`{line}`" in page for line in settings.splitlines())
    adopted(tmp_path, LIBRARY | {"pyproject.toml": f"{LIBRARY['pyproject.toml']}\n{settings}"})
    # -P, as the program has it: the folder that it runs in is not one to import from.
    words = [sys.executable, "-P", "-m", *command]
    result = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == status, result.stdout
    assert ("No module named 'library'" in result.stdout) == (status != 0)


def test_a_clone_in_place_of_the_name(tmp_path: Path) -> None:
    """What the page puts into the group until there is a release is a requirement, and `init` knows it for us."""
    page = (ROOT / "docs/how-to/adopt.md").read_text(encoding="utf-8")
    (clone,) = re.findall(r'"([^"]+ @ file:[^"]+)"', page)
    made = adopted(tmp_path, LIBRARY)["pyproject.toml"]
    (tmp_path / "pyproject.toml").write_text(made.replace("pytest-tiers[embedded]>=0.1", clone))
    (told,) = tomllib.loads((tmp_path / "pyproject.toml").read_text())["dependency-groups"]["tiers"]
    read = Requirement(told)
    assert (read.name, read.extras, read.url) == ("pytest-tiers", {"embedded"}, "file:///path/to/clone")
    before = files(tmp_path)
    assert init(tmp_path, "--yes") == 0
    assert files(tmp_path) == before


def test_a_test_on_our_fixtures_is_enough(tmp_path: Path) -> None:
    """Who has an integration test gets no other, whatever it is called."""
    own = "def test_it(postgres_db):\n    assert postgres_db.url\n"
    made = adopted(tmp_path, LIBRARY | {"tests/integration/test_mine.py": own})
    assert made.keys() & set(FIRST) == {FIRST[1]}


def test_a_root_that_is_not_the_project_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where pytest would not find the settings, that is said."""
    make(tmp_path, {"pytest.ini": "[pytest]\n"})
    adopted(tmp_path / "shop", LIBRARY)
    told = f"pytest takes {tmp_path} for the root, because of pytest.ini there: give the project a pytest.ini."
    assert told in capsys.readouterr().err
