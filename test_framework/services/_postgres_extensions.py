"""Extensions of Postgres: which ones a project needs, which a program or a server has, and what a lack is told as."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from test_framework import inputs
from test_framework.inherited import inherited
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.version import major_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import psycopg

    from test_framework.config import Settings
    from test_framework.contracts import Binary
    from test_framework.resolution import Endpoint

_CREATE = re.compile(
    r'(?<![\w$])create\s+extension\s+(?:if\s+not\s+exists\s+)?(?:"(?P<quoted>[^"]+)"|(?P<plain>[a-z_]\w*))',
    re.IGNORECASE,
)
_NOT_A_STATEMENT = (
    r"--[^\n]*",
    r"/\*.*?\*/",
    r"(?<!\w)e'(?:[^'\\]|\\.|'')*'",
    r"'(?:[^']|'')*'",
    r'"(?:[^"]|"")*"',
    r"(?<![\w$])(?P<tag>\$(?:[a-z_]\w*)?\$).*?(?P=tag)",
)
_PARTS = re.compile("|".join((_CREATE.pattern, *_NOT_A_STATEMENT)), re.IGNORECASE | re.DOTALL)
"""What `CREATE EXTENSION` may stand in without being run: comments, texts, names, bodies of functions and of DO."""

_UNAVAILABLE = re.compile(
    r'extension "(?P<said>[^"]+)" is not available'
    # Up to version 12.
    r'|could not open extension control file "[^"]*?(?P<file>[^"/\\]+)\.control"'
)
_MODULE = re.compile(r"^\s*module_pathname\s*=\s*'\$libdir/([^']+)'", re.MULTILINE)
"""What a control file says of the library of its extension."""

_NOT_FOUND = re.compile(r"([^\s:/]+): cannot open shared object file")
_LIBRARY_PACKAGES = {
    "libossp-uuid.so.16": "libossp-uuid16",
    "libpython3.11.so.1.0": "libpython3.11",
    "libxslt.so.1": "libxslt1.1",
}
"""The packages of Debian that have what modules of the store's programs need."""

_LIBRARY = re.compile(r'could not (?:access file|load library) "(?P<path>[^"]+)".*')
_LACKING: LiteralString = (
    "SELECT name FROM unnest(%s::text[]) name WHERE name NOT IN (SELECT name FROM pg_available_extensions) ORDER BY 1"
)
_ALWAYS = "plpgsql"
"""The extension that each server has, since initdb creates it: where it is, the others are."""

_PG_CONFIG_SECONDS = 5
_LAYOUTS = ("share/postgresql", "share", "share/pgsql", "../../../share/postgresql/{name}")
"""Where the folder of `extension` may be, from that of `bin`; the last one is Debian's."""

_CONTRIB = frozenset(
    """
    adminpack amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance file_fdw
    fuzzystrmatch hstore insert_username intagg intarray isn lo ltree moddatetime pageinspect pg_buffercache
    pg_freespacemap pg_prewarm pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks
    pgstattuple postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp xml2
    """.split()  # noqa: SIM905  # one name on each line would be a page
)
_OFFICIAL = "postgres:{major}"
_SOURCES = {
    **dict.fromkeys(_CONTRIB, ("postgresql", _OFFICIAL)),
    "vector": ("postgresql-{major}-pgvector", "pgvector/pgvector:pg{major}"),
    "postgis": ("postgresql-{major}-postgis-3", "postgis/postgis:{major}-3.5"),
}
"""The package of Debian and the image in which an extension comes; images build on the official one, with contrib."""


def needed(settings: Settings) -> dict[str, str]:
    """Return the extensions that the server must have, each with what needs it.

    They are those of the settings, and those that a SQL file of the template creates for certain. What a callable
    creates is seen when it runs.
    """
    table = settings.service("postgres")
    found: dict[str, str] = {}
    for entry in table.template:
        path = settings.root / entry
        try:
            stat = path.stat()
            names = _created_by_file(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
        except OSError:
            # A callable, or a file whose lack is told where the template is built.
            continue
        found |= dict.fromkeys(names, f"the template {entry}")
    return found | dict.fromkeys(
        table.extensions, f"the setting extensions ({settings.origin('services.postgres.extensions')})"
    )


@lru_cache(maxsize=64)
def _created_by_file(path: Path, stamp: tuple[int, ...]) -> tuple[str, ...]:  # noqa: ARG001  # another stamp is another text
    return created_by(inputs.read_bytes(path).decode(errors="replace"))


def created_by(sql: str) -> tuple[str, ...]:
    """Return the extensions that a text of SQL creates for certain, when it is run as a whole."""
    last = max((statement.start() for statement in _CREATE.finditer(sql)), default=-1)
    found: dict[str, None] = {}
    for part in _PARTS.finditer(sql):
        # A dump may have many megabytes after the last of them.
        if part.start() > last:
            break
        if part[0].startswith("/*") and "/*" in part[0][2:]:
            # Comments of Postgres nest: where this one ends is not certain.
            break
        if part["quoted"] or part["plain"]:
            found[_name(part)] = None
    return tuple(found)


def _name(statement: re.Match[str]) -> str:
    return statement["quoted"] or statement["plain"].lower()


def lacking(program: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return which of these extensions an installed program lacks; none where its folder of them is not found.

    One that needs a library which is nowhere on this machine is lacking too.
    """
    folder = _folder_of(program)
    if folder is None:
        return ()
    asked = tuple(names)
    there = [name for name in asked if (folder / f"{name}.control").is_file()]
    unloadable = [name for name in there if _libraries_for(program, [name])] if _libraries_for(program, there) else []
    return tuple(name for name in asked if name not in there or name in unloadable)


def _libraries_for(program: Path, names: Iterable[str]) -> list[str]:
    """Return the libraries that the modules of these extensions need, and that are nowhere on this machine."""
    from test_framework.store.programs import libraries_missing

    modules = [path for name in names if (path := _module_of(program, name))]
    return libraries_missing(program, os.environ, modules) if modules else []


def _module_of(program: Path, name: str) -> Path | None:
    """Return the file that an extension loads, where it is known."""
    folder = _folder_of(program)
    with suppress(OSError):
        found = folder and _MODULE.search((folder / f"{name}.control").read_text(encoding="utf-8"))
        if found:
            libraries = program.parent.parent / "lib"
            paths = (above / f"{found[1]}.so" for above in (libraries, libraries / "postgresql"))
            return next((path for path in paths if path.is_file()), None)
    return None


def surely_in(program: Path, names: Iterable[str]) -> bool:
    """Whether an installed program is known to have all of these extensions."""
    return _folder_of(program) is not None and not lacking(program, names)


def _folder_of(program: Path) -> Path | None:
    """Return the folder in which an installed server looks for its extensions."""
    home = program.parent.parent
    told = _told_by_pg_config(program.with_name("pg_config"))
    layouts = (told, *(home / layout.format(name=home.name) for layout in _LAYOUTS))
    folders = (share / "extension" for share in layouts if share)
    return next((folder for folder in folders if (folder / f"{_ALWAYS}.control").is_file()), None)


@lru_cache
def _told_by_pg_config(program: Path) -> Path | None:
    command = (str(program), "--sharedir")
    try:
        result = subprocess.run(  # noqa: S603  # it stands beside the server's program
            command,
            capture_output=True,
            text=True,
            timeout=_PG_CONFIG_SECONDS,
            check=False,
            env=inherited(os.environ),
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = result.stdout.strip()
    return Path(told) if result.returncode == 0 and told else None


def lacking_on(connection: psycopg.Connection[Any], names: Iterable[str]) -> tuple[str, ...]:
    """Return which of these extensions a server lacks."""
    return tuple(str(name) for (name,) in connection.execute(_LACKING, [list(names)]).fetchall())


def missed(said: str, text: str) -> tuple[str, str] | None:
    """Return the extension that a server lacked, and what it says of its library, where that is what failed.

    Args:
        said: What the server or a program said of it.
        text: The statements that were run, as far as they are known.
    """
    if found := _UNAVAILABLE.search(said):
        return found["said"] or found["file"], ""
    if found := _LIBRARY.search(said):
        library = Path(found["path"]).name
        for statement in _CREATE.finditer(text):
            # Such as postgis-3 of postgis, and plpython3 of plpython3u.
            if library.startswith(_name(statement)) or _name(statement).startswith(Path(library).stem):
                return _name(statement), found[0]
    return None


def described(version: str, origin: str, provider: str = "") -> str:
    """Return a server, or a program, in words."""
    told = ["postgres", version, f"on {provider}" if provider else "", f"from {origin}" if origin else ""]
    return " ".join(filter(None, told))


def refused_programs(need: Mapping[str, str], lacks: Sequence[tuple[Binary, tuple[str, ...]]], wanted: str) -> Refused:
    """Return the refusal where each installed program lacks one of the extensions that are needed."""
    missing = tuple(dict.fromkeys(name for _, names in lacks for name in names))
    told: list[str] = []
    unloadable: dict[str, None] = {}
    for binary, names in lacks:
        libraries = _libraries_for(binary.path, names)
        unloadable |= dict.fromkeys(libraries)
        why = f" without {_all(libraries)}" if libraries else ""
        told.append(f"{described(binary.version, binary.origin)} lacks {_lack(names, missing)}{why}")
    first = lacks[0][0].version
    ways = [_install_libraries([*unloadable])] if unloadable else []
    ways += _install(missing, first, "on this machine"), _image(missing, wanted or first)
    return _refused(need, missing, _all(told), ways)


def refused_server(
    need: Mapping[str, str],
    missing: Sequence[str],
    endpoint: Endpoint,
    *,
    library: str = "",
    holders: Sequence[str] = (),
) -> Refused:
    """Return the refusal for a server that runs.

    Args:
        need: Each extension that is needed, with what needs it.
        missing: Those that it lacks.
        endpoint: The server.
        library: What it says of the library of one, where it has that extension and cannot load it.
        holders: The programs of this machine that have them, of which one is chosen when the settings name them.
    """
    version = endpoint.version or ""
    lack = f"cannot load it ({library})" if library else f"lacks {_pronoun(missing)}"
    told = f"{described(version, endpoint.origin, endpoint.provider)} {lack}"
    if holders:
        told += f"; on this machine {_all(holders)} {'has' if len(holders) == 1 else 'have'} {_pronoun(missing)}"
    ways = [_install_libraries(found)] if (found := _NOT_FOUND.findall(library)) and endpoint.ours else []
    if holders:
        quoted = " and ".join(f'"{name}"' for name in missing)
        ways.append(f"add {quoted} to extensions in [tool.test_framework.services.postgres]")
    if endpoint.provider != "docker":
        ways.append(_install(missing, version, "on this machine" if endpoint.ours else "on that server"))
    return _refused(need, missing, told, (*ways, _image(missing, version)))


def _refused(need: Mapping[str, str], missing: Sequence[str], lacking: str, ways: Sequence[str]) -> Refused:
    source = " and ".join(dict.fromkeys(need[name] for name in missing))
    extensions = f"the extensions {_all(missing)} are" if len(missing) > 1 else f"the extension {missing[0]} is"
    told = {"source": source, "extensions": extensions, "lacking": lacking, "ways": ", or ".join(ways)}
    return Refused(Reason.of(Code.EXTENSION_MISSING, **told))


def _all(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _lack(names: Sequence[str], missing: Sequence[str]) -> str:
    return _pronoun(names) if len(names) == len(missing) else _all(names)


def _pronoun(names: Sequence[str]) -> str:
    return "them" if len(names) > 1 else "it"


def _install_libraries(names: Sequence[str]) -> str:
    packages = [_LIBRARY_PACKAGES[name] for name in names if name in _LIBRARY_PACKAGES]
    debian = f" (Debian: apt-get install {' '.join(packages)})" if packages else ""
    return f"install {_all(names)} on this machine{debian}"


def _install(missing: Sequence[str], version: str, where: str) -> str:
    packages = dict.fromkeys(_SOURCES[name][0].format(major=major_of(version)) for name in missing if name in _SOURCES)
    debian = f" (Debian: apt-get install {' '.join(packages)})" if packages else ""
    return f"install {_pronoun(missing)} {where}{debian}"


def _image(missing: Sequence[str], version: str) -> str:
    images = {_SOURCES.get(name, ("", ""))[1] for name in missing}
    image, *others = images - {_OFFICIAL} or images
    told = image.format(major=major_of(version)) if image and not others else f"an image that has {_pronoun(missing)}"
    return f"set TEST_FRAMEWORK_POSTGRES_IMAGE to {told}"
