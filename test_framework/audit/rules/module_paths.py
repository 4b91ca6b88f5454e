"""Finds the file of a module in the project, and whether the result is certain."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from test_framework.suite.module_finder import ModuleFinder


class ModulePaths:
    """The modules of one project.

    Args:
        root: Its folder.
        paths: Folders from which its modules are imported, the first that has one wins.
        folders: The folders that have a module, by the first part of its name.
        finder: What is in each folder.
    """

    def __init__(
        self, root: str, paths: Sequence[str], folders: Mapping[str, Sequence[str]], finder: ModuleFinder
    ) -> None:
        self.root, self.paths, self.folders, self.finder = root, paths, folders, finder
        self._found: dict[tuple[str, str], tuple[tuple[str, ...], bool]] = {}
        self._bases: dict[str, str] = {}

    def of(self, path: str, module: str, level: int) -> tuple[tuple[str, ...], bool]:
        """Return the files that an import in a file may mean, and whether it surely means one of them.

        There are none for a module that is not the project's. A package is its `__init__.py`, and its folder with a
        slash where it has none.
        """
        folder = path.rpartition("/")[0]
        start = folder if level else self.base(folder)
        for _ in range(level - 1):
            start = start.rpartition("/")[0]
        key = (f"{start}/." if level else start), module
        if key not in self._found:
            self._found[key] = self._search(start, module, level)
        return self._found[key]

    def submodule(self, path: str, name: str) -> tuple[str, ...]:
        """Return the file of a module in a package, given the package's."""
        package = path.removesuffix("__init__.py")
        return tuple(self._inside(package.rstrip("/"), name)) if package.endswith("/") else ()

    def conftests(self, path: str) -> Iterator[str]:
        """Yield the conftests that hold for a file, the nearest first."""
        folder = path.rpartition("/")[0]
        while folder == self.root or folder.startswith(f"{self.root}/"):
            if "conftest.py" in self.finder.listing(folder).files:
                yield f"{folder}/conftest.py"
            folder = folder.rpartition("/")[0]

    def base(self, folder: str) -> str:
        """Return the folder from which pytest imports the files of a folder: the first that is no package."""
        if folder not in self._bases:
            inside = "__init__.py" in self.finder.listing(folder).files
            self._bases[folder] = self.base(folder.rpartition("/")[0]) if inside and folder else folder
        return self._bases[folder]

    def _search(self, start: str, module: str, level: int) -> tuple[tuple[str, ...], bool]:
        for folder in (start,) if level else dict.fromkeys((start, *self.paths)):
            if self._is_inside(folder) and (found := tuple(self._inside(folder, module))):
                return found, True
        if level:
            return (), False
        # Paths are set in ways that nobody can follow: then any module of this name may be meant.
        folders = self.folders.get(module.partition(".")[0], ())
        return tuple(found for folder in folders for found in self._inside(folder, module)), False

    def _is_inside(self, folder: str) -> bool:
        return folder == self.root or folder.startswith(f"{self.root}/")

    def _inside(self, folder: str, module: str) -> Iterator[str]:
        """Yield the file of a dotted name below a folder."""
        parts = module.split(".") if module else []
        for part in parts[:-1]:
            if part not in self.finder.listing(folder).folders:
                return
            folder = f"{folder}/{part}"
        here = self.finder.listing(folder)
        last = parts[-1] if parts else ""
        if not last or last in here.folders:
            package = f"{folder}/{last}" if last else folder
            has_init = "__init__.py" in self.finder.listing(package).files
            if has_init or f"{last}.py" not in here.files:
                yield f"{package}/__init__.py" if has_init else f"{package}/"
                return
        if f"{last}.py" in here.files:
            yield f"{folder}/{last}.py"
