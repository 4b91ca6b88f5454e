"""Imports modules as Python would, in the same order, and without running their code."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from test_framework.audit.imports.block_runner import BlockRunner
from test_framework.audit.imports.calls import FunctionCaller
from test_framework.audit.imports.library import Library
from test_framework.audit.imports.modules import (
    ALWAYS,
    Definition,
    FileSkipped,
    ImportedModule,
    ImportFailed,
    ImportFault,
    Modules,
)
from test_framework.audit.imports.search import ModuleSearch
from test_framework.audit.imports.standard import lacks
from test_framework.audit.imports.values import UNKNOWN, constant
from test_framework.audit.source.operations import bound_names
from test_framework.suite.module_finder import ModuleSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.audit.imports.environment import Environment
    from test_framework.audit.imports.search import ProjectLayout
    from test_framework.audit.source.operations import Summary
    from test_framework.suite.module_finder import ModuleFinder


class Interpreter(ModuleSearch):
    """`sys.path` and `sys.modules` of a simulated session.

    `read` returns the summary of a file, `source` its text.
    """

    def __init__(
        self,
        project: ProjectLayout,
        finder: ModuleFinder,
        environment: Environment,
        read: Callable[[str], Summary | None],
        source: Callable[[str], str],
    ) -> None:
        super().__init__(project, finder, environment)
        self.read = read
        self.any_module_stubbed = False
        self.files_with_unknown_code: set[str] = (
            set()
        )  # files that ran code which could not be read and may have made modules
        self.modules = Modules()
        self.loaded_after_fault: dict[str, ImportedModule] = {}  # loaded only because the audit goes on after a fault
        self.failed: dict[str, tuple[int, list[ImportFault]]] = {}
        self.circles = 0
        self.stack: list[ImportedModule] = []
        self.calls = FunctionCaller(self, source)
        self.library = Library(finder, read, self.locate, environment.library)

    # -- importing -------------------------------------------------------------------------------

    def load(self, name: str, path: str, line: int) -> ImportedModule:
        """Import a module for the file `path`.

        Raises:
            Raised: It cannot be imported.
        """
        found = self.modules.get(name)
        if found is not None:
            return found
        parent_name, _, last = name.rpartition(".")
        parent = self.load(parent_name, path, line) if parent_name else None
        found = self.modules.get(name)
        if found is not None:
            return found
        failure = self.failed.get(name)
        if failure and failure[0] == self.path_generation:
            raise ImportFailed(failure[1])
        spec = self._spec(name, parent, path)
        if spec is None:
            raise ImportFailed([self._missing(name, parent, path, line)])
        if spec.path and self.is_library(spec.path):
            lacking = self.library.missing(spec)
            if lacking:
                message = f"{name} needs it"
                raise ImportFailed(
                    [ImportFault("missing-dependency", lacking, path, line, "ModuleNotFoundError", message)]
                )
        known = self.loaded_after_fault.pop(name, None)
        if known is not None and known.path == spec.path:
            module = self.modules[name] = known
        else:
            module = self.start(spec)
        if parent is not None:
            parent.names[last] = module
        return module

    def _spec(self, name: str, parent: ImportedModule | None, importer: str) -> ModuleSpec | None:
        if parent is None:
            spec = self.top(name)
        elif name == "os.path":
            spec = self.locate(name)
        elif parent.locations:
            spec = self.finder.find(name, parent.locations)
            if spec is None and not parent.library:
                spec = self._beside(name)
        else:
            spec = None
        if spec is None and (
            self.any_module_stubbed
            or (importer in self.files_with_unknown_code if parent is None else self._dynamic(parent))
        ):
            return ModuleSpec(name, "", (), opaque=True)
        return spec

    def _beside(self, name: str) -> ModuleSpec | None:
        """Return the compiled part of a package that is installed and is audited in its source."""
        for folder in self.environment.paths:
            inside = f"{folder}/{name.rpartition('.')[0].replace('.', '/')}"
            spec = self.finder.find(name, (inside,))
            if spec and spec.opaque:
                return ModuleSpec(name, "", opaque=True)
        return None

    def _dynamic(self, parent: ImportedModule) -> bool:
        if parent.opaque:
            return True
        if parent.library and parent.path:
            return self.library.exports(parent.path, parent.package).opaque
        # A package may make modules in its own ways.
        return "__path__" in parent.names

    def _missing(self, name: str, parent: ImportedModule | None, path: str, line: int) -> ImportFault:
        known = parent is not None or self.unreached(name) is not None
        kind = "missing-module" if known else "missing-dependency"
        return ImportFault(kind, name, path, line, "ModuleNotFoundError")

    def start(self, spec: ModuleSpec) -> ImportedModule:
        """Make a module of what was found, and execute it."""
        module = ImportedModule(spec.name, spec.path, spec.locations)
        if spec.opaque:
            module.opaque = True
            module.library = self._is_standard(spec)
            self.modules[spec.name] = module
        elif not spec.path:
            self.modules[spec.name] = module
        elif self.is_library(spec.path):
            module.library = True
            self.modules[spec.name] = module
        else:
            self.execute(module)
        return module

    def execute(self, module: ImportedModule) -> None:
        """Run a module of the project.

        Raises:
            Raised: It has faults, or what it imports has.
            Skipped: It skips the file that is being collected.
        """
        summary = self.read(module.path)
        if summary is None:
            module.opaque = True
            self.modules[module.name] = module
            return
        if summary.error:
            line, words = summary.error
            target = os.path.relpath(module.path, self.root)
            fault = ImportFault("syntax-error", target, module.path, line, "SyntaxError", words)
            self.failed[module.name] = self.path_generation, [fault]
            raise ImportFailed([fault])
        self._prepare(module, summary)
        circles, path_generation = self.circles, self.path_generation
        module.is_executing = True
        self.stack.append(module)
        runner = BlockRunner(self, module)
        try:
            runner.block(summary.block)
        except FileSkipped:
            if not runner.faults:
                raise
        finally:
            self.stack.pop()
            module.is_executing = False
            if runner.faults or runner.ended:
                self.modules.pop(module.name, None)
            if runner.faults:
                self.roll_back(runner.at_fault)
        if runner.faults:
            if circles == self.circles:
                self.failed[module.name] = path_generation, runner.faults
            raise ImportFailed(runner.faults)

    def _prepare(self, module: ImportedModule, summary: Summary) -> None:
        """Record what the functions of a module may do when they are called."""
        module.global_names = frozenset(summary.global_names)
        module.callables = {name: Definition(module, name) for name in summary.callables}
        module.opaque = summary.opens
        if summary.paths and module.path.endswith("/conftest.py"):
            self.has_unknown_paths = True
        for name in summary.stubs:
            if name != "*":
                self.stub(name)
        self.modules[module.name] = module

    def roll_back(self, start: int) -> None:
        """Remove from `sys.modules` what Python would not have reached."""
        order = self.modules.order
        for name in order[start:]:
            if name in self.modules and not self.modules[name].is_executing:
                self.loaded_after_fault[name] = self.modules.pop(name)
        del order[start:]

    def stub(self, name: str) -> None:
        """Put a module of unknown content into `sys.modules`."""
        module = ImportedModule(name, "", ())
        module.opaque = True
        self.modules[name] = module

    def _is_standard(self, spec: ModuleSpec) -> bool:
        """Whether this is a compiled part of the standard library, which can be asked for its names."""
        if not self.environment.running:
            return False
        return self.library.is_standard(spec.path) if spec.path else spec.name in self.environment.builtin

    # -- names -----------------------------------------------------------------------------------

    def member(self, module: ImportedModule, name: str, *, loading: bool = True) -> Any:
        """Return an attribute of a module; UNKNOWN when it is there, None when it is not.

        With `loading`, a submodule counts that is still being imported, as it does for `from … import`.
        """
        if name in module.names:
            return module.names[name]
        always = name in ALWAYS or (name == "__path__" and module.locations is not None)
        if always or name in module.global_names or "__getattr__" in module.names:
            return UNKNOWN
        if module.opaque:
            return None if module.library and lacks(module.name, name) else UNKNOWN
        if module.library:
            return self._library_member(module, name)
        return self.modules.get(f"{module.name}.{name}") if loading else None

    def _library_member(self, module: ImportedModule, name: str) -> Any:
        known = constant(module.name, name)
        if known is not UNKNOWN or not module.path:
            return known
        if (module.name, name) == ("os", "path"):
            return self.load("os.path", "", 0)
        exports = self.library.exports(module.path, module.package)
        if name in exports.names:
            return UNKNOWN
        if module.locations and name in self.finder.submodules(module.locations):
            spec = self.finder.find(f"{module.name}.{name}", module.locations)
            return self.start(spec) if spec else UNKNOWN
        asked = self.environment.running and self.library.is_standard(module.path)
        has = not lacks(module.name, name) if asked else exports.opaque
        return UNKNOWN if has else None

    def missing_name(self, module: ImportedModule, name: str, path: str, line: int, error: str) -> ImportFault:
        """Return the fault of a name that a module does not have, or does not have yet."""
        target = f"{module.name}.{name}"
        inner = self.modules.get(target)
        if inner is not None and inner.is_executing:
            return ImportFault(
                "import-circle", f"{target} -> {target}", path, line, error, f"{target} is being imported"
            )
        summary = self.read(module.path) if module.is_executing else None
        if summary and name in bound_names(summary.block):
            self.circles += 1
            start = next((i for i, m in enumerate(self.stack) if m is module), 0)
            circle = " -> ".join([*(m.name for m in self.stack[start:]), module.name])
            return ImportFault("import-circle", circle, path, line, error, f"{name} is not there yet")
        return ImportFault("missing-name", target, path, line, error)
