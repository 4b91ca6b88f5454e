"""Follows functions that are called while a module is imported: what they import is imported then.

Only what is certain is followed: a function or a class that its name surely is, called on a way that is surely taken.
Of arguments nothing is known, nor of names that functions declare global.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from test_framework.audit.imports.block_runner import BlockRunner
from test_framework.audit.imports.import_runner import IGNORE
from test_framework.audit.imports.modules import (
    Definition,
    FileSkipped,
    FunctionReturned,
    ImportedModule,
    ImportFailed,
    ImportFault,
)
from test_framework.audit.imports.values import UNKNOWN
from test_framework.audit.source.bodies import Bodies
from test_framework.audit.source.operations import Op

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.audit.imports.import_system import ImportSystem
    from test_framework.audit.source.bodies import Body
    from test_framework.audit.source.operations import Operation

_DEEPEST = 20  # a function in a function in a function…


class _CallResult(NamedTuple):
    path_generation: int
    faults: list[ImportFault]
    skips: bool  # the file that is being collected
    may_skip: bool


class FunctionCaller:
    """Calls of one session; `source` gives the text of a file."""

    def __init__(self, interpreter: ImportSystem, source: Callable[[str], str]) -> None:
        self.interpreter = interpreter
        self.source = source
        self.bodies: dict[str, Bodies] = {}
        self.results: dict[tuple[str, str], _CallResult] = {}
        self.running: set[tuple[str, str]] = set()

    def run(self, called: Definition) -> bool:
        """Call a function or a class; returns whether the file that does so may have been skipped by it.

        Raises:
            Raised: It fails to import something, or raises.
            Skipped: It skips the file that is being collected.
        """
        key = called.module.path, called.name
        result = self.results.get(key)
        if result is None or result.path_generation != self.interpreter.path_generation:
            if key in self.running or len(self.running) >= _DEEPEST:
                return False
            self.running.add(key)
            try:
                result = self._followed(key, called)
            finally:
                self.running.discard(key)
        if result.faults:
            raise ImportFailed(result.faults)
        if result.skips:
            raise FileSkipped
        return result.may_skip

    def only_reads(self, called: Definition, position: int) -> bool:
        """Whether a function surely does not change what it is given at this position, nor hands it on."""
        return called.name not in called.module.global_names and self._read(called.module).only_reads(
            called.name, position
        )

    def _followed(self, key: tuple[str, str], called: Definition) -> _CallResult:
        interpreter = self.interpreter
        path_generation, circles = interpreter.path_generation, interpreter.circles
        found = self._body(called)
        if found is None:
            result = self.results[key] = _CallResult(path_generation, [], skips=False, may_skip=False)
            return result
        frame = _FunctionFrame(interpreter, *found)
        skips = False
        try:
            frame.block(found[1].block)
        except FunctionReturned:
            pass
        except FileSkipped:
            skips = not frame.faults
        if frame.faults:
            interpreter.roll_back(frame.at_fault)
        result = _CallResult(path_generation, frame.faults, skips, frame.may_skip)
        if circles == interpreter.circles:
            self.results[key] = result
        return result

    def _read(self, module: ImportedModule) -> Bodies:
        known = self.bodies.get(module.path)
        if known is None:
            known = self.bodies[module.path] = Bodies(self.source(module.path))
        return known

    def _body(self, called: Definition) -> tuple[ImportedModule, Body] | None:
        """Return what runs when this is called, and the module in which it stands."""
        module, name = called.module, called.name
        if name in module.global_names:
            return None
        bodies = self._read(module)
        body = bodies.function(name)
        if body is None and self._is_plain(called):
            return self._constructor(called)
        return (module, body) if body else None

    def _constructor(self, called: Definition) -> tuple[ImportedModule, Body] | None:
        bodies = self._read(called.module)
        own = bodies.constructor(called.name)
        if own is not None:
            return called.module, own
        (base,) = self._bases(called) or (None,)
        return self._constructor(base) if isinstance(base, Definition) else None

    def _is_plain(self, called: object, depth: int = 0) -> bool:
        """Whether a class makes its instances as `object` does; not one with several bases, which have an order."""
        if not isinstance(called, Definition) or depth > _DEEPEST:
            return False
        bases = self._bases(called)
        return bases is not None and len(bases) <= 1 and all(self._is_plain(base, depth + 1) for base in bases)

    def _bases(self, called: Definition) -> list[object] | None:
        """Return what the bases of a class are, without `object`."""
        names = self._read(called.module).bases(called.name)
        if names is None:
            return None
        return [self._value(called.module, name) for name in names if name != "object"]

    def _value(self, module: ImportedModule, name: str) -> object:
        base, *rest = name.split(".")
        found: object = module.names.get(base)
        for attribute in rest:
            found = (
                self.interpreter.member(found, attribute, loading=False) if isinstance(found, ImportedModule) else None
            )
        return found


class _FunctionFrame(BlockRunner):
    """Runs the body of a function, whose names are its own."""

    def __init__(self, interpreter: ImportSystem, module: ImportedModule, body: Body) -> None:
        inner = ImportedModule(module.name, module.path, module.locations)
        inner.opaque = True  # names are bound in more ways than are followed here
        # What is changed without being bound again, or by other functions, may be another by now.
        inner.names = {name: UNKNOWN if isinstance(bound, list) else bound for name, bound in module.names.items()}
        inner.names |= dict.fromkeys((*module.global_names, *body.local), UNKNOWN)
        super().__init__(interpreter, inner)
        self.owner = module
        self.local = body.local
        self.may_skip = False

    def load(self, name: str, line: int) -> ImportedModule | None:
        """Import a module, by a line that no summary has."""
        module = super().load(name, line)
        if module is not None and module.path and not module.library:
            self.interpreter.calls.source(module.path)
        return module

    def may_end(self) -> None:
        """Note that the rest of the function, and of the file that calls it, may not run."""
        super().may_end()
        self.may_skip = True

    def exec_(self, operation: Operation) -> None:
        """Run a text with names that are not followed here."""
        self.open((Op.OPEN, operation[1][0] != "c"))

    def raise_(self, operation: Operation) -> None:
        """Run `raise`, after which nothing runs."""
        super().raise_(operation)
        if self.mode != IGNORE:
            raise FunctionReturned

    def grow(self, operation: Operation) -> None:
        """Add to a list, of the function or of its module."""
        if operation[1] not in self.local:
            self.owner.uncertain.add(operation[1])


_FunctionFrame.operations = {
    **BlockRunner.operations,
    Op.RAISE: _FunctionFrame.raise_,
    Op.GROW: _FunctionFrame.grow,
    Op.EXEC: _FunctionFrame.exec_,
}
