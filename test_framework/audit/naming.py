"""Finds the module name of a file, and whether a dotted name is a module."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from test_framework.audit.imports.environment import installed
from test_framework.audit.imports.search import ModuleSearch, ProjectLayout
from test_framework.audit.module_exports import read_exports

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_framework.suite.module_finder import ModuleFinder

_INNER = ("src", "lib")
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")


class ModuleNaming:
    """Names of modules.

    Args:
        root: The project's folder, without a slash at its end.
        paths: Further folders on `sys.path`, from the root.
        finder: Has the listings of its folders.
    """

    def __init__(self, root: str, paths: Iterable[str], finder: ModuleFinder) -> None:
        given = [os.path.normpath(os.path.join(root, path)) for path in paths]
        inner = [f"{root}/{name}" for name in _INNER if name in finder.listing(root).folders]
        self.root = root
        self.own = tuple(dict.fromkeys([*given, *inner, root]))
        self.finder = finder
        self.rebound: dict[str, bool] = {}
        self.search = ModuleSearch(ProjectLayout(root, self.own, _nowhere), finder, installed())

    def module(self, path: str) -> str:
        """Return the dotted name of a file."""
        bases = [b for b in (*self.own, self._project(path)) if path.startswith(f"{b}/")]
        # The innermost folder counts: `src/app.py` is `app`.
        base = max(bases, key=len)
        return path[len(base) + 1 : -len(".py")].removesuffix("__init__").rstrip("/").replace("/", ".")

    def _project(self, path: str) -> str:
        """Return the folder from which a project that lies in this one imports its own modules; the root for none."""
        folder = path.rpartition("/")[0]
        while folder.startswith(f"{self.root}/"):
            if any(name in self.finder.listing(folder).files for name in _PROJECT):
                inner = [f"{folder}/{name}" for name in _INNER if path.startswith(f"{folder}/{name}/")]
                return inner[0] if inner else folder
            folder = folder.rpartition("/")[0]
        return self.root

    def package(self, path: str) -> str:
        """Return the package that a file is in, from which its relative imports start."""
        name = self.module(path)
        return name if path.endswith("/__init__.py") else name.rpartition(".")[0]

    def is_module(self, name: str) -> bool:
        """Whether a dotted name is a module, of the project or installed."""
        return self.search.locate(name) is not None

    def is_rebound(self, name: str) -> bool:
        """Whether a package binds a name itself, and to no module: `load` by `from .load import load`."""
        if name not in self.rebound:
            self.rebound[name] = self._is_rebound(name)
        return self.rebound[name]

    def _is_rebound(self, name: str) -> bool:
        parent, _, last = name.rpartition(".")
        spec = self.search.locate(parent) if parent else None
        if spec is None or not spec.path.endswith("/__init__.py"):
            return False
        found = read_exports(spec.path, parent)
        if found is None or last in found.defined:
            return found is not None
        origin = ".".join(found.imported.get(last, (parent, last)))
        return origin != name and not self.is_module(origin)


def _nowhere(_: str) -> list[str]:
    """Return no folders: what no path leads to cannot be imported."""
    return []
