"""A template whose file is not there: it is refused before a server is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_framework.cli import main

if TYPE_CHECKING:
    from tests.conftest import Project

SETTING = "pyproject.toml [[]tool.test_framework.services.postgres[]]"
ERROR = f"template file 'schema.sql' of postgres in {SETTING} does not exist"


@pytest.fixture
def shop(project: Project) -> Project:
    """Return a project whose template is not there; no test of it needs a database."""
    project.write("pyproject.toml", '[tool.test_framework.services.postgres]\ntemplate = ["schema.sql"]\n')
    project.write("tests/unit/test_it.py", "def test_it(): ...\n")
    return project


@pytest.mark.parametrize("tier", [(), ("--tier", "unit")], ids=["plain", "tier"])
def test_pytest_does_not_start(shop: Project, tier: tuple[str, ...]) -> None:
    """One line names the file and the setting."""
    result = shop.run(*tier)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {ERROR} below {shop.path}."])


@pytest.mark.parametrize("command", ["doctor", "validate"])
def test_commands_refuse_it(shop: Project, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are asked whether all is well say so too."""
    assert main(["--root", str(shop.path), command]) == 2
    assert "template file 'schema.sql' of postgres in pyproject.toml" in capsys.readouterr().err


@pytest.mark.parametrize("entry", ["tests.shop:schema", "db/schema.sql"])
def test_what_is_there_or_is_no_file(shop: Project, entry: str) -> None:
    """A callable is imported when the template is built; a file may lie anywhere below the project."""
    shop.write("pyproject.toml", f'[tool.test_framework.services.postgres]\ntemplate = ["{entry}"]\n')
    shop.write("db/schema.sql", "")
    assert shop.run("--tier", "unit").ret == pytest.ExitCode.OK
