"""Finds modules on `sys.path`, in the project and in the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_framework.suite.module_finder import ModuleFinder, ModuleSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.audit.imports.environment import Environment


@dataclass(frozen=True, slots=True)
class ProjectLayout:
    """The audited project.

    Attributes:
        root: Its folder; relative paths start there.
        own: Folders whose modules are its own, though nothing puts them on `sys.path`: it counts as installed.
        elsewhere: Gives the folders that have a module of a name, for paths that are set in ways nobody can follow.
    """

    root: str
    own: tuple[str, ...]
    elsewhere: Callable[[str], list[str]]


class ModuleSearch:
    """Finds modules through `sys.path`."""

    def __init__(self, project: ProjectLayout, finder: ModuleFinder, environment: Environment) -> None:
        self.root = project.root
        self.own = project.own
        self.elsewhere = project.elsewhere
        self.finder = finder
        self.environment = environment
        self.path: list[str] = []
        self.has_unknown_paths = False
        self.path_generation = 0
        self.located: dict[tuple[str, int, bool], ModuleSpec | None] = {}
        self.installed: dict[str, ModuleSpec | None] = {}

    def add_path(self, folder: str, *, front: bool) -> None:
        """Put a folder on `sys.path`."""
        folder = os.path.normpath(os.path.join(self.root, folder))
        if front:
            if self.path[:1] == [folder]:
                return
            self.path.insert(0, folder)
        elif folder not in self.path:
            self.path.append(folder)
        self.path_generation += 1

    def locate(self, name: str) -> ModuleSpec | None:
        """Return where a module lies, by its whole name, without importing its parents."""
        key = name, self.path_generation, self.has_unknown_paths
        if key not in self.located:
            self.located[key] = self._locate(name)
        return self.located[key]

    def _locate(self, name: str) -> ModuleSpec | None:
        if name == "os.path":
            name = os.path.__name__
        head, _, rest = name.partition(".")
        spec = self.top(head)
        while spec and rest:
            if spec.locations is None:
                return None
            head, _, rest = rest.partition(".")
            spec = self.finder.find(f"{spec.name}.{head}", spec.locations)
        return spec

    def top(self, name: str) -> ModuleSpec | None:
        """Return where a module without a parent lies."""
        found = self.finder.find(name, (*self.path, *self.own))
        if found and (found.path or found.opaque):
            return found
        later = self._installed(name)
        if later and (later.path or later.opaque or not found):
            return later
        if found is None and self.has_unknown_paths:
            found = self.unreached(name)
        return found

    def unreached(self, name: str) -> ModuleSpec | None:
        """Return a module of the project that lies where no path leads, and could lead."""
        folders = [f for f in self.elsewhere(name) if "__init__.py" not in self.finder.listing(f).files]
        found = self.finder.find(name, folders)
        return found if found and found.path else None

    def _installed(self, name: str) -> ModuleSpec | None:
        if name not in self.installed:
            self.installed[name] = self._look_up(name)
        return self.installed[name]

    def _look_up(self, name: str) -> ModuleSpec | None:
        environment = self.environment
        if name in environment.builtin:
            return ModuleSpec(name, "", opaque=True)
        if environment.declared is not None and name in environment.declared:
            return ModuleSpec(name, "", (), opaque=True)
        if name in environment.mapping:
            folder, _, last = environment.mapping[name].rpartition("/")
            return self.finder.find(last, (folder,))
        found = self.finder.find(name, environment.paths)
        if found is None and (name in environment.standard or (name == "distutils" and self._installed("setuptools"))):
            return ModuleSpec(name, "", (), opaque=True)
        return found

    def is_library(self, path: str) -> bool:
        """Whether a file belongs to the environment rather than to the project."""
        if path.startswith(f"{self.root}/") and "/site-packages/" not in path:
            return path.startswith(f"{self.environment.library}/")
        return True
