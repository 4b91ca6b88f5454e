"""Collects as pytest would: the same files in the same order, each imported into one simulated session."""

from __future__ import annotations

import os
import time
from fnmatch import fnmatch
from functools import cache
from typing import TYPE_CHECKING

from test_framework.audit.imports.hooks import SessionHooks
from test_framework.audit.imports.modules import FileSkipped, ImportedModule, ImportFailed, ImportFault
from test_framework.suite.discovery import is_test_file, matches_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from test_framework.audit.imports.interpreter import Interpreter
    from test_framework.suite.discovery import SourceTree
    from test_framework.suite.pytest_settings import PytestSettings


class CollectionSession:
    """One collection of the paths given; afterwards `files` are the test files, `broken` those with faults."""

    def __init__(
        self, tree: SourceTree, interpreter: Interpreter, settings: PytestSettings, deadline: float | None
    ) -> None:
        self.tree = tree
        self.interpreter = interpreter
        self.settings = settings
        self.deadline = deadline
        self.files: dict[str, None] = {}
        self.broken: dict[str, list[ImportFault]] = {}
        self.conftests: dict[str, tuple[ImportedModule | None, list[ImportFault]]] = {}
        self.plugin_faults: list[ImportFault] = []
        self.hooks = SessionHooks(interpreter)
        self.timed_out = False

    def run(self, paths: Sequence[str], tick: Callable[[int], None] | None = None) -> None:
        """Collect."""
        for folder in reversed(self.settings.pythonpath):
            self.interpreter.add_path(folder, front=True)
        for folder in reversed([p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]):
            self.interpreter.add_path(folder, front=False)
        for plugin in self.settings.plugins:
            self._plugin(plugin, self.settings.file, 1, self.plugin_faults)
        for path in paths:
            self._first_conftests(path)
        self.hooks.start()
        for path in paths:
            for file in self._walk(path):
                if self.deadline is not None and time.monotonic() > self.deadline:
                    self.timed_out = True
                    return
                self._collect(file)
                if tick:
                    tick(len(self.files))

    # -- folders ---------------------------------------------------------------------------------

    def _walk(self, path: str) -> Iterator[str]:
        """Yield the test files below a path; conftests on the way are imported first."""
        if not os.path.isdir(path):
            self._conftests(os.path.dirname(path))
            yield path
            return
        self._conftests(path)
        here = self.interpreter.finder.listing(path)
        first = "__init__.py" if "__init__.py" in here.files else ""
        for name in sorted(here.files | here.folders, key=lambda n: (n != first, n)):
            inner = f"{path}/{name}"
            if inner in self.tree.left_out or name == "__pycache__":
                continue
            if name in here.folders:
                if not any(matches_pattern(inner, p) for p in self.settings.norecursedirs) and not self._ignored(inner):
                    yield from self._walk(inner)
            elif is_test_file(inner, self.settings.python_files) and not self._ignored(inner):
                yield inner

    def _ignored(self, path: str) -> bool:
        if path in self.settings.ignore or any(fnmatch(path, p) for p in self.settings.ignore_glob):
            return True
        folder, _, name = path.rpartition("/")
        return any(
            (entry == name if exact else fnmatch(path, entry))
            for exact, entries in self._collect_ignore(folder, name)
            for entry in entries
        )

    def _collect_ignore(self, folder: str, name: str) -> Iterator[tuple[bool, list[str]]]:
        """Yield what the nearest conftest that has such a list says, as pytest asks only that one."""
        for variable in ("collect_ignore", "collect_ignore_glob"):
            for base in self._above(folder):
                module = self.conftests.get(base, (None, []))[0]
                if module is None or variable not in module.names:
                    continue
                value = module.names[variable]
                entries = [str(v) for v in value if isinstance(v, str)] if isinstance(value, list | tuple) else []
                whole = [os.path.normpath(os.path.join(base, e)) for e in entries]
                if variable == "collect_ignore":
                    yield True, [name for w in whole if w == f"{folder}/{name}"]
                else:
                    yield False, whole
                break

    def _above(self, folder: str) -> Iterator[str]:
        """Yield a folder and those above it, up to rootdir."""
        top = self.settings.rootdir
        while True:
            yield folder
            if folder == top or not folder.startswith(f"{top}/"):
                return
            folder = folder.rpartition("/")[0]

    # -- conftests -------------------------------------------------------------------------------

    def _first_conftests(self, path: str) -> None:
        if not os.path.isdir(path):
            self._conftests(os.path.dirname(path))
            return
        self._conftests(path)
        for name in sorted(self.interpreter.finder.listing(path).folders):
            if name.startswith("test") and f"{path}/{name}" not in self.tree.left_out:
                self._conftests(f"{path}/{name}")

    def _conftests(self, folder: str) -> None:
        if not self.settings.conftests:
            return
        for base in reversed(list(self._above(folder))):
            if base in self.conftests or "conftest.py" not in self.interpreter.finder.listing(base).files:
                continue
            path = f"{base}/conftest.py"
            if "__init__.py" not in self.interpreter.finder.listing(base).files:
                self.interpreter.modules.pop("conftest", None)
            self.conftests[base] = self._import(path, is_conftest=True)

    def _faults_above(self, path: str) -> list[ImportFault]:
        for base in reversed(list(self._above(path.rpartition("/")[0]))):
            _, faults = self.conftests.get(base, (None, []))
            if faults:
                return faults
        return self.plugin_faults

    # -- files -----------------------------------------------------------------------------------

    def _collect(self, path: str) -> None:
        if path in self.files:
            return
        self.files[path] = None
        _, faults = self._import(path)
        faults = [*self._faults_above(path), *faults]
        if faults:
            self.broken[path] = list(dict.fromkeys(faults))

    def _import(self, path: str, *, is_conftest: bool = False) -> tuple[ImportedModule | None, list[ImportFault]]:
        """Import a test file or a conftest as pytest does; returns its module and what is wrong."""
        try:
            module = self._by_path(path) if self.settings.import_mode == "importlib" else self._by_name(path)
        except ImportFailed as raised:
            return None, raised.faults
        except FileSkipped:
            return None, []
        faults: list[ImportFault] = []
        if is_conftest:
            self.hooks.register(module, faults)
        plugins = module.names.get("pytest_plugins") if module.path == path else None
        for name in [plugins] if isinstance(plugins, str) else plugins if isinstance(plugins, list | tuple) else ():
            if isinstance(name, str) and not module.may_have_skipped:
                self._plugin(name, path, module.plugins_line, faults)
        return module, faults

    def _plugin(self, name: str, path: str, line: int, faults: list[ImportFault]) -> None:
        """Load a plugin that a file names; what is wrong with it is added to `faults`."""
        if self.interpreter.locate(f"_pytest.{name}") or name in _entry_points():
            return
        try:
            self.hooks.register(self.interpreter.load(name, path, line), faults)
        except ImportFailed as raised:
            faults += raised.faults
        except FileSkipped:
            pass

    def _package(self, path: str) -> tuple[str, str]:
        """Return the folder that has to be on `sys.path` for a file, and its name as a module from there."""
        folder, _, name = path.rpartition("/")
        parts = [] if name == "__init__.py" else [name.removesuffix(".py")]
        while "__init__.py" in self.interpreter.finder.listing(folder).files:
            outer, _, last = folder.rpartition("/")
            if not last.isidentifier():
                break
            parts.insert(0, last)
            folder = outer
        if self.settings.namespaces:
            base, inner = folder, parts
            for candidate in self._above(folder):
                inner = [*os.path.relpath(base, candidate).split("/"), *parts] if candidate != base else parts
                if candidate in (*self.interpreter.path, *self.interpreter.own):
                    return candidate, ".".join(inner)
        return folder, ".".join(parts)

    def _by_name(self, path: str) -> ImportedModule:
        folder, name = self._package(path)
        if self.settings.import_mode == "append":
            self.interpreter.add_path(folder, front=False)
        else:
            self.interpreter.add_path(folder, front=True)
        module = self.interpreter.load(name or "__init__", path, 1)
        if module.path != path and not module.opaque and not path.endswith("/__init__.py"):
            other = self.tree.relative(module.path) or module.name
            message = f"pytest has imported {other} under the same name"
            raise ImportFailed([ImportFault("name-clash", name, path, 1, "ImportError", message)])
        return module

    def _by_path(self, path: str) -> ImportedModule:
        folder, name = self._package(path)
        if "." not in name and path.rpartition("/")[2] != "__init__.py":
            inside = os.path.relpath(path, self.settings.rootdir).removesuffix(".py")
            name = ".".join(part.replace(".", "_") for part in inside.split("/"))
            folder = self.settings.rootdir
        known = self.interpreter.modules.get(name)
        if known is not None:
            return known
        self._parents(name, folder)
        known = self.interpreter.modules.get(name)
        if known is not None:
            return known
        locations = (path.rpartition("/")[0],) if path.endswith("/__init__.py") else None
        module = ImportedModule(name, path, locations)
        self.interpreter.execute(module)
        parent, _, last = name.rpartition(".")
        if parent in self.interpreter.modules:
            self.interpreter.modules[parent].names[last] = module
        return module

    def _parents(self, name: str, folder: str) -> None:
        """Import the packages around a file from where they lie, whatever `sys.path` says."""
        parts = name.split(".")[:-1]
        for count in range(1, len(parts) + 1):
            outer, folder = ".".join(parts[:count]), f"{folder}/{parts[count - 1]}"
            known = self.interpreter.modules.get(outer)
            if known is not None and known.locations is not None:
                continue
            init = f"{folder}/__init__.py"
            if "__init__.py" in self.interpreter.finder.listing(folder).files:
                module = ImportedModule(outer, init, (folder,))
                self.interpreter.execute(module)
            else:
                module = ImportedModule(outer, "", (folder,))
                self.interpreter.modules[outer] = module


@cache
def _entry_points() -> frozenset[str]:
    """Return the names of pytest's plugins and of their modules; to ask reads all that is installed."""
    from importlib.metadata import entry_points

    return frozenset(n for e in entry_points(group="pytest11") for n in (e.name, e.value.partition(":")[0]))
