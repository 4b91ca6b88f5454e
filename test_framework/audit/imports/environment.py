"""What is installed: where the modules of an interpreter lie, and what a project declares to need."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework import inputs
from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Environment", "declared", "declared_names", "installed"]

_ASK = """
import json, site, sys, sysconfig
print(json.dumps([[p for p in sys.path if p], sorted(sys.builtin_module_names), sorted(sys.stdlib_module_names),
                  sysconfig.get_path("stdlib"), sys.version]))
"""
_ASK_SECONDS = 20
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Environment:
    """Where modules are found that are not of the project."""

    paths: tuple[str, ...]
    builtin: frozenset[str]
    standard: frozenset[str]
    library: str  # folder of the standard library
    mapping: Mapping[str, str] = field(default_factory=dict)  # editable installations: top-level name to path
    declared: frozenset[str] | None = None  # top-level names, when only what is declared counts
    running: bool = False  # whether its standard library is the one of this interpreter


def installed(python: str = "") -> Environment:
    """Return the environment of an interpreter; of the running one when `python` is empty.

    Raises:
        BadSetting: That interpreter cannot be asked.
    """
    if python:
        asked = _ask(python)
    else:
        asked = [
            _own_paths(),
            sys.builtin_module_names,
            sys.stdlib_module_names,
            sysconfig.get_path("stdlib"),
            sys.version,
        ]
    paths = [os.path.normpath(p) for p in asked[0]]
    mapping: dict[str, str] = {}
    for folder in paths:
        if folder.endswith("-packages"):
            mapping |= _editable(folder)
    return Environment(
        paths=tuple(dict.fromkeys(paths)),
        builtin=frozenset(asked[1]),
        standard=frozenset(asked[2]) | {"__main__"},
        library=os.path.normpath(asked[3]),
        mapping=mapping,
        running=asked[4] == sys.version,
    )


def _ask(python: str) -> list[Any]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    try:
        answer = subprocess.run(  # noqa: S603  # the interpreter that the user names
            [python, "-c", _ASK],
            capture_output=True,
            text=True,
            check=True,
            timeout=_ASK_SECONDS,
            env=environment,
        )
        told: list[Any] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise BadSetting.value("--python", python, "the command line", "an interpreter that answers") from error
    return told


def _own_paths() -> list[str]:
    """Return `sys.path` as it was before a program put itself there: only what belongs to the installation."""
    base = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    base += [f"{p}/lib-dynload" for p in base]
    sites = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    with suppress(ImportError):
        import site

        if site.ENABLE_USER_SITE:
            sites.append(site.getusersitepackages())
        sites += [p for p in site.getsitepackages() if p in sys.path]
    found = [*base, *(p for p in sites if os.path.isdir(p))]
    for folder in dict.fromkeys(sites):
        found += _pth(folder)
    return list(dict.fromkeys(found))


def _pth(folder: str) -> Iterator[str]:
    """Yield the folders that the `.pth` files of `site-packages` add."""
    with suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".pth"):
                with suppress(OSError, UnicodeDecodeError):
                    for line in Path(folder, name).read_text(encoding="utf-8").splitlines():
                        added = line.strip()
                        if added and not added.startswith(("#", "import ", "import\t")):
                            path = os.path.normpath(os.path.join(folder, added))
                            if os.path.isdir(path):
                                yield path


def _editable(folder: str) -> dict[str, str]:
    """Return what the import hooks of setuptools' editable installations know: name to folder or file."""
    found: dict[str, str] = {}
    with suppress(OSError):
        names = [n for n in os.listdir(folder) if n.startswith("__editable__") and n.endswith("_finder.py")]
        for name in names:
            text = Path(folder, name).read_text(encoding="utf-8", errors="replace")
            written = re.search(r"^MAPPING[^=\n]*=\s*(\{.*?\})", text, re.M | re.S)
            with suppress(ValueError, SyntaxError):
                found |= ast.literal_eval(written[1]) if written else {}
    return found


def declared(root: Path, environment: Environment) -> Environment:
    """Return an environment in which only the standard library and what the project declares is there."""
    names = declared_names(root) | {"_pytest", "pytest"}
    paths = [p for p in environment.paths if not p.endswith("-packages")]
    return Environment(
        tuple(paths),
        environment.builtin,
        environment.standard,
        environment.library,
        declared=frozenset(names),
        running=environment.running,
    )


def declared_names(root: Path) -> set[str]:
    """Return the names by which what a project declares to need is imported, as far as they are known here."""
    wanted = {_normal(name) for name in _requirements(root)}
    names = {name.replace("-", "_") for name in wanted}
    for top, distributions in importlib.metadata.packages_distributions().items():
        if any(_normal(d) in wanted for d in distributions):
            names.add(top)
    names |= {_KNOWN[w] for w in wanted if w in _KNOWN}
    return names | {n.removeprefix("python_") for n in names} | {n.removesuffix("_python") for n in names}


# What is imported under another name than it is installed by, when it is not here to be asked.
_KNOWN = {
    "beautifulsoup4": "bs4",
    "pyyaml": "yaml",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "scikit-image": "skimage",
    "opencv-python": "cv2",
    "python-dateutil": "dateutil",
    "pyjwt": "jwt",
    "attrs": "attr",
    "protobuf": "google",
    "psycopg2-binary": "psycopg2",
    "mysqlclient": "MySQLdb",
    "gitpython": "git",
    "python-jose": "jose",
    "msgpack-python": "msgpack",
    "pyzmq": "zmq",
    "setuptools": "pkg_resources",
    "django-rest-framework": "rest_framework",
    "djangorestframework": "rest_framework",
    "pyopenssl": "OpenSSL",
    "pycryptodome": "Crypto",
    "typing-extensions": "typing_extensions",
}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(root: Path) -> Iterator[str]:
    """Yield the names of all distributions that the project's files declare, for whatever purpose."""
    with suppress(OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        data = tomllib.loads(inputs.read_text(root / "pyproject.toml"))
        project, tool = data.get("project", {}), data.get("tool", {})
        yield from _names(project.get("dependencies", ()))
        for extra in project.get("optional-dependencies", {}).values():
            yield from _names(extra)
        for group in data.get("dependency-groups", {}).values():
            yield from _names(group)
        poetry = tool.get("poetry", {})
        tables = [poetry, *poetry.get("group", {}).values()]
        for table in tables:
            yield from table.get("dependencies", {})
            yield from table.get("dev-dependencies", {})
    with suppress(OSError, configparser.Error, UnicodeDecodeError):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(inputs.read_text(root / "setup.cfg"))
        for section, key in (("options", "install_requires"), ("options", "tests_require")):
            yield from _names(parser.get(section, key, fallback="").splitlines())
        if parser.has_section("options.extras_require"):
            for _, lines in parser.items("options.extras_require"):
                yield from _names(lines.splitlines())
    for pattern in ("*requirements*.txt", "requirements/*.txt", "*requirements*.in", "requirements/*.in"):
        for path in sorted(root.glob(pattern)):
            with suppress(OSError, UnicodeDecodeError):
                yield from _names(inputs.read_text(path).splitlines())
    with suppress(OSError, SyntaxError, ValueError):
        yield from _setup(ast.parse(inputs.read_bytes(root / "setup.py")))


def _setup(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("install_requires", "tests_require", "extras_require"):
            texts = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
            yield from _names(t for t in texts if isinstance(t, str))


def _names(lines: Iterable[object]) -> Iterator[str]:
    for line in lines:
        if isinstance(line, str) and not line.lstrip().startswith(("#", "-")) and (found := _NAME.match(line)):
            yield found[1]
