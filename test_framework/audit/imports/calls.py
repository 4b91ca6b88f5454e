"""Follows functions that are called while a module is imported: what they import is imported then.

Only what is certain is followed: a function or a class that its name surely is, called on a way that is surely taken.
Of arguments nothing is known, nor of names that functions declare global.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from test_framework.audit.imports.importing import IGNORE
from test_framework.audit.imports.modules import Definition, Fault, Module, Raised, Returned, Skipped
from test_framework.audit.imports.running import Runner
from test_framework.audit.imports.values import UNKNOWN
from test_framework.audit.source.bodies import Bodies
from test_framework.audit.source.operations import Op

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.audit.imports.import_system import ImportSystem
    from test_framework.audit.source.bodies import Body
    from test_framework.audit.source.operations import Operation

__all__ = ["Calls"]

_DEEPEST = 20  # a function in a function in a function…


class _Result(NamedTuple):
    generation: int
    faults: list[Fault]
    skips: bool  # the file that is being collected
    may_skip: bool


class Calls:
    """Calls of one session; `source` gives the text of a file."""

    def __init__(self, machine: ImportSystem, source: Callable[[str], str]) -> None:
        self.machine = machine
        self.source = source
        self.bodies: dict[str, Bodies] = {}
        self.results: dict[tuple[str, str], _Result] = {}
        self.running: set[tuple[str, str]] = set()

    def run(self, called: Definition) -> bool:
        """Call a function or a class; returns whether the file that does so may have been skipped by it.

        Raises:
            Raised: It fails to import something, or raises.
            Skipped: It skips the file that is being collected.
        """
        key = called.module.path, called.name
        result = self.results.get(key)
        if result is None or result.generation != self.machine.generation:
            if key in self.running or len(self.running) >= _DEEPEST:
                return False
            self.running.add(key)
            try:
                result = self._followed(key, called)
            finally:
                self.running.discard(key)
        if result.faults:
            raise Raised(result.faults)
        if result.skips:
            raise Skipped
        return result.may_skip

    def only_reads(self, called: Definition, position: int) -> bool:
        """Whether a function surely does not change what it is given at this position, nor hands it on."""
        return called.name not in called.module.loose and self._read(called.module).only_reads(called.name, position)

    def _followed(self, key: tuple[str, str], called: Definition) -> _Result:
        machine = self.machine
        generation, circles = machine.generation, machine.circles
        found = self._body(called)
        if found is None:
            result = self.results[key] = _Result(generation, [], skips=False, may_skip=False)
            return result
        frame = _Frame(machine, *found)
        skips = False
        try:
            frame.block(found[1].block)
        except Returned:
            pass
        except Skipped:
            skips = not frame.faults
        if frame.faults:
            machine.take_back(frame.at_fault)
        result = _Result(generation, frame.faults, skips, frame.may_skip)
        if circles == machine.circles:
            self.results[key] = result
        return result

    def _read(self, module: Module) -> Bodies:
        known = self.bodies.get(module.path)
        if known is None:
            known = self.bodies[module.path] = Bodies(self.source(module.path))
        return known

    def _body(self, called: Definition) -> tuple[Module, Body] | None:
        """Return what runs when this is called, and the module in which it stands."""
        module, name = called.module, called.name
        if name in module.loose:
            return None
        bodies = self._read(module)
        body = bodies.function(name)
        if body is None and self._is_plain(called):
            return self._constructor(called)
        return (module, body) if body else None

    def _constructor(self, called: Definition) -> tuple[Module, Body] | None:
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

    def _value(self, module: Module, name: str) -> object:
        base, *rest = name.split(".")
        found: object = module.names.get(base)
        for attribute in rest:
            found = self.machine.member(found, attribute, loading=False) if isinstance(found, Module) else None
        return found


class _Frame(Runner):
    """Runs the body of a function, whose names are its own."""

    def __init__(self, machine: ImportSystem, module: Module, body: Body) -> None:
        inner = Module(module.name, module.path, module.locations)
        inner.opaque = True  # names are bound in more ways than are followed here
        # What is changed without being bound again, or by other functions, may be another by now.
        inner.names = {name: UNKNOWN if isinstance(bound, list) else bound for name, bound in module.names.items()}
        inner.names |= dict.fromkeys((*module.loose, *body.local), UNKNOWN)
        super().__init__(machine, inner)
        self.owner = module
        self.local = body.local
        self.may_skip = False

    def load(self, name: str, line: int) -> Module | None:
        """Import a module, by a line that no summary has."""
        module = super().load(name, line)
        if module is not None and module.path and not module.library:
            self.machine.calls.source(module.path)
        return module

    def perhaps_end(self) -> None:
        """Note that the rest of the function, and of the file that calls it, may not run."""
        super().perhaps_end()
        self.may_skip = True

    def exec_(self, operation: Operation) -> None:
        """Run a text with names that are not followed here."""
        self.open((Op.OPEN, operation[1][0] != "c"))

    def raise_(self, operation: Operation) -> None:
        """Run `raise`, after which nothing runs."""
        super().raise_(operation)
        if self.way != IGNORE:
            raise Returned

    def grow(self, operation: Operation) -> None:
        """Add to a list, of the function or of its module."""
        if operation[1] not in self.local:
            self.owner.unsure.add(operation[1])


_Frame.operations = {**Runner.operations, Op.RAISE: _Frame.raise_, Op.GROW: _Frame.grow, Op.EXEC: _Frame.exec_}
