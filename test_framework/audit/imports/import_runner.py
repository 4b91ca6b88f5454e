"""Runs the imports of one module, and collects their faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from test_framework.audit.imports.modules import FileSkipped, ImportedModule, ImportFailed, ImportFault
from test_framework.audit.imports.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from test_framework.audit.imports.import_system import ImportSystem
    from test_framework.audit.source.operations import Operation

COLLECT, RAISE, IGNORE = range(3)
ABOVE = {
    "ModuleNotFoundError": ("ModuleNotFoundError", "ImportError"),
    "ImportError": ("ImportError",),
    "AttributeError": ("AttributeError",),
    "NameError": ("NameError",),
    "SyntaxError": ("SyntaxError",),
}


class ImportRunner:
    """Runs the imports of one module, in one of three modes.

    COLLECT: each fault is kept, and the next operation runs as if it had gone well, so that all are found at once.
    RAISE: in a `try`, the first fault ends the block, for a handler to catch. IGNORE: no fault proves anything.
    """

    def __init__(self, interpreter: ImportSystem, module: ImportedModule) -> None:
        self.interpreter = interpreter
        self.module = module
        self.path = module.path
        self.file = module.names.get("__file__", module.path)
        self.executed_files: tuple[str, ...] = ()  # files whose text is being executed here
        self.faults: list[ImportFault] = []
        self.at_fault = len(interpreter.modules.order)  # how many modules there were at the first fault
        self.ended = False
        self.handled_faults: list[list[ImportFault]] = []
        self.mode = COLLECT

    def fault(self, faults: Sequence[ImportFault]) -> None:
        """Handle faults as the current mode says."""
        if self.mode == RAISE:
            raise ImportFailed(list(faults))
        if self.mode == COLLECT:
            if not self.faults:
                self.at_fault = len(self.interpreter.modules.order)
            self.faults.extend(f for f in faults if f not in self.faults)

    def bind(self, name: str, bound: Any) -> None:
        """Bind a name of the module."""
        self.module.bind(name, bound, surely=self.mode != IGNORE)

    def end(self) -> None:
        """Skip the rest of the file; in the mode IGNORE, record that it may be skipped."""
        if self.mode == IGNORE:
            self.may_end()
            return
        self.ended = True
        raise FileSkipped

    def may_end(self) -> None:
        """Note that the rest of the file may not run."""
        self.module.may_have_skipped = True

    # -- imports ---------------------------------------------------------------------------------

    def load(self, name: str, line: int) -> ImportedModule | None:
        """Import a module; None when it has faults, which are noted."""
        try:
            return self.interpreter.load(name, self.path, line)
        except ImportFailed as raised:
            self.fault(raised.faults)
        except FileSkipped:
            self.end()
        return None

    def import_(self, operation: Operation) -> None:
        """Run `import a.b as c`."""
        _, name, bound, line = operation
        module = self.load(name, line)
        if bound:
            self.bind(bound, module or UNKNOWN)
        else:
            head = name.partition(".")[0]
            self.bind(head, self.interpreter.modules.get(head, UNKNOWN) if module else UNKNOWN)

    def from_(self, operation: Operation) -> None:
        """Run `from a import b`."""
        _, name, level, names, line = operation
        if level:
            whole = self._absolute(name, level)
            if whole is None:
                written = "." * level + name
                self.fault([ImportFault("relative-import", written, self.path, line, "ImportError")])
                for _, bound, _ in names:
                    if bound != "*":
                        self.bind(bound, UNKNOWN)
                return
            name = whole
        module = self.load(name, line)
        for wanted, bound, where in names:
            if wanted == "*":
                self._star(module, where)
            else:
                self.bind(bound, UNKNOWN if module is None else self._member(module, wanted, where))

    def _absolute(self, name: str, level: int) -> str | None:
        package = self.module.package
        if not package:
            return None
        parts = package.split(".")
        if level > len(parts):
            return None
        base = ".".join(parts[: len(parts) - level + 1])
        return f"{base}.{name}" if name else base

    def _member(self, module: ImportedModule, name: str, line: int) -> Any:
        found = self.interpreter.member(module, name)
        if found is not None or name in module.names:
            return found
        if module.locations is not None:
            try:
                return self.interpreter.load(f"{module.name}.{name}", self.path, line)
            except ImportFailed as raised:
                if (
                    raised.faults[0].target != f"{module.name}.{name}"
                    or raised.faults[0].error != "ModuleNotFoundError"
                ):
                    self.fault(raised.faults)
                    return UNKNOWN
            except FileSkipped:
                self.end()
                return UNKNOWN
        self.fault([self.interpreter.missing_name(module, name, self.path, line, "ImportError")])
        return UNKNOWN

    def _star(self, module: ImportedModule | None, line: int) -> None:
        if module is None:
            self.module.opaque = True
            return
        if module.library:
            exports = self.interpreter.library.exports(module.path, module.package) if module.path else None
            for name in exports.names if exports else ():
                self.bind(name, UNKNOWN)
            self.module.opaque = self.module.opaque or exports is None or exports.opaque
            return
        listed = module.names.get("__all__")
        if not isinstance(listed, list | tuple) or "__all__" in module.uncertain:
            self.module.opaque = self.module.opaque or module.opaque
            self.module.global_names |= module.global_names
        if isinstance(listed, list | tuple) and all(isinstance(n, str) for n in listed):
            self._all(module, listed, line)
        else:
            for name in list(module.names):
                if "__all__" in module.names or not name.startswith("_"):
                    self.bind(name, module.names[name])

    def _all(self, module: ImportedModule, listed: Sequence[str], line: int) -> None:
        unsure = "__all__" in module.uncertain
        for name in listed:
            if not unsure or name in module.names:
                self.bind(name, self._listed(module, name, line))
        # What else is there may have been added.
        for name, bound in module.names.items() if unsure else ():
            self.module.names.setdefault(name, bound)

    def _listed(self, module: ImportedModule, name: str, line: int) -> Any:
        before = self.interpreter.member(module, name)
        if before is None and name not in module.names and module.locations is None:
            self.fault([self.interpreter.missing_name(module, name, self.path, line, "AttributeError")])
            return UNKNOWN
        return self._member(module, name, line)

    def import_or_skip(self, operation: Operation) -> None:
        """Run `pytest.importorskip`."""
        _, name, bound, line = operation
        module = None
        try:
            module = self.interpreter.load(name, self.path, line)
        except ImportFailed as raised:
            if "ImportError" not in ABOVE.get(raised.faults[0].error, ()):
                self.fault(raised.faults)
            else:
                self.end()
        if bound:
            self.bind(bound, module or UNKNOWN)
