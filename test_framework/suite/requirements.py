"""The packages that a project's files declare, whatever for, and the names by which they are imported."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import re
import tomllib
from contextlib import suppress
from typing import TYPE_CHECKING

from test_framework import inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


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
