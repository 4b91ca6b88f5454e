"""Calls the hooks that pytest calls before it collects: if one fails, nothing below its conftest is collected.

Which conftest gets which is as in pytest: those that are found before the session starts get all of them, the others
only those that pytest calls again for whoever comes late (`historic=True` in its `hookspec.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.audit.imports.modules import Definition, FileSkipped, ImportedModule, ImportFailed, ImportFault

if TYPE_CHECKING:
    from test_framework.audit.imports.interpreter import Interpreter

_REGISTERED = ("pytest_addhooks", "pytest_addoption")
_CONFIGURED = ("pytest_configure",)
_STARTED = ("pytest_sessionstart",)


class SessionHooks:
    """The conftests and plugins of one session."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.known: set[str] = set()  # paths, each of which is registered once
        self.early: list[tuple[ImportedModule, list[ImportFault]]] = []
        self.is_started = False

    def register(self, module: ImportedModule, faults: list[ImportFault]) -> None:
        """Register a conftest or a plugin; what is wrong with its hooks is added to `faults`, now or at the start."""
        if not module.path or module.library or module.path in self.known:
            return
        self.known.add(module.path)
        self._call(module, faults, (*_REGISTERED, *(_CONFIGURED if self.is_started else ())))
        if not self.is_started:
            self.early.append((module, faults))

    def start(self) -> None:
        """Start the session."""
        self.is_started = True
        for names in (_CONFIGURED, _STARTED):
            # What is registered last is called first.
            for module, faults in reversed(self.early):
                self._call(module, faults, names)

    def _call(self, module: ImportedModule, faults: list[ImportFault], names: tuple[str, ...]) -> None:
        for name in names:
            hook = module.names.get(name)
            if not isinstance(hook, Definition):
                continue
            try:
                self.interpreter.calls.run(hook)
            except ImportFailed as raised:
                faults += [f for f in raised.faults if f not in faults]
            except FileSkipped:
                pass
