"""Finds modules by name as Python's own importer does, by looking at folders alone."""

from __future__ import annotations

import importlib.machinery
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_EXTENSIONS = tuple(importlib.machinery.EXTENSION_SUFFIXES)
_MODULES = (".py", ".pyc", *_EXTENSIONS)
# Sources from which a build makes an extension module that is not there before.
_BUILT = (".pyx", ".c", ".cpp", ".pyd", ".rs", ".pxd")


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """A module that was found: its file, "" for one without source; where its submodules are, None for no package."""

    name: str
    path: str
    locations: tuple[str, ...] | None = None
    opaque: bool = False  # compiled or built in: nobody can say what is in it


@dataclass(frozen=True, slots=True)
class FolderListing:
    """What is in a folder."""

    files: frozenset[str]
    folders: frozenset[str]
    modules: frozenset[str]  # names of modules that are one file

    @classmethod
    def of(cls, files: Iterable[str], folders: Iterable[str]) -> FolderListing:
        """Return the listing of a folder with these in it."""
        kept = frozenset(files)
        modules = frozenset(f.partition(".")[0] for f in kept if f.endswith(_MODULES))
        return cls(kept, frozenset(folders), modules)


_NOTHING = FolderListing.of((), ())


class ModuleFinder:
    """Looks through folders, each of which is listed once."""

    def __init__(self) -> None:
        self.listings: dict[str, FolderListing] = {}

    def listing(self, folder: str) -> FolderListing:
        """Return what is in a folder; nothing when it cannot be read."""
        found = self.listings.get(folder)
        if found is None:
            found = self.listings[folder] = _list(folder)
        return found

    def find(self, name: str, folders: Iterable[str]) -> ModuleSpec | None:
        """Return the module with this last part of its name, from the first of the folders that has it."""
        last = name.rpartition(".")[2]
        portions: list[str] = []
        looked = []
        for folder in folders:
            here = self.listing(folder)
            looked.append(folder)
            is_folder = last in here.folders
            if is_folder:
                init = self._init(f"{folder}/{last}")
                if init is not None:
                    return ModuleSpec(name, init, (f"{folder}/{last}",), opaque=not init.endswith(".py"))
            if last in here.modules and (found := self._module(name, last, folder, here)):
                return found
            if is_folder:
                portions.append(f"{folder}/{last}")
        if portions:
            return ModuleSpec(name, "", tuple(portions))
        return self._built(name, last, looked)

    def _built(self, name: str, last: str, folders: Sequence[str]) -> ModuleSpec | None:
        """Return a module that a build would make."""
        names = [last + suffix for suffix in _BUILT]
        for folder in folders:
            files = self.listing(folder).files
            if any(n in files for n in names):
                return ModuleSpec(name, "", opaque=True)
        return None

    def _init(self, folder: str) -> str | None:
        files = self.listing(folder).files
        for suffix in (*_EXTENSIONS, ".py", ".pyc"):
            if f"__init__{suffix}" in files:
                return f"{folder}/__init__{suffix}"
        return None

    @staticmethod
    def _module(name: str, last: str, folder: str, here: FolderListing) -> ModuleSpec | None:
        for suffix in _EXTENSIONS:
            if last + suffix in here.files:
                return ModuleSpec(name, f"{folder}/{last}{suffix}", opaque=True)
        if f"{last}.py" in here.files:
            return ModuleSpec(name, f"{folder}/{last}.py")
        return ModuleSpec(name, f"{folder}/{last}.pyc", opaque=True) if f"{last}.pyc" in here.files else None

    def submodules(self, locations: Sequence[str]) -> set[str]:
        """Return the names of the modules that lie directly in a package."""
        names: set[str] = set()
        for folder in locations:
            here = self.listing(folder)
            names |= here.folders | here.modules
            names.update(f.partition(".")[0] for f in here.files if f.endswith(_BUILT))
        return names


def _list(folder: str) -> FolderListing:
    files: set[str] = set()
    folders: set[str] = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                (folders if entry.is_dir() else files).add(sys.intern(entry.name))
    except OSError:
        return _NOTHING
    return FolderListing.of(files, folders)
