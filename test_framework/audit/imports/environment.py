"""What is installed: where the modules of an interpreter lie, and what a project declares to need."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_framework.config import BadSetting
from test_framework.suite.requirements import declared_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ASK = """
import json, site, sys, sysconfig
print(json.dumps([[p for p in sys.path if p], sorted(sys.builtin_module_names), sorted(sys.stdlib_module_names),
                  sysconfig.get_path("stdlib"), sys.version]))
"""
_ASK_SECONDS = 20


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
        answers = _ask(python)
    else:
        answers = [
            _own_paths(),
            sys.builtin_module_names,
            sys.stdlib_module_names,
            sysconfig.get_path("stdlib"),
            sys.version,
        ]
    paths = [os.path.normpath(p) for p in answers[0]]
    mapping: dict[str, str] = {}
    for folder in paths:
        if folder.endswith("-packages"):
            mapping |= _editable(folder)
    return Environment(
        paths=tuple(dict.fromkeys(paths)),
        builtin=frozenset(answers[1]),
        standard=frozenset(answers[2]) | {"__main__"},
        library=os.path.normpath(answers[3]),
        mapping=mapping,
        running=answers[4] == sys.version,
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
        answered: list[Any] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise BadSetting.value("--python", python, "the command line", "an interpreter that answers") from error
    return answered


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
