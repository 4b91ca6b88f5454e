"""Modules as they are while a session imports them, and the faults that end it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from test_framework.audit.imports.values import UNKNOWN
from test_framework.audit.source.operations import Op

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.audit.source.operations import Block, Operation

__all__ = ["ALWAYS", "Fault", "Module", "Modules", "Raised", "Skipped", "bound_names", "flat"]

ALWAYS = frozenset(
    (
        "__name__",
        "__file__",
        "__doc__",
        "__package__",
        "__spec__",
        "__loader__",
        "__builtins__",
        "__cached__",
        "__dict__",
        "__annotations__",
        "__class__",
    )
)


class Fault(NamedTuple):
    """What is wrong, and where; `error` is the exception that Python would raise."""

    kind: str
    target: str
    path: str
    line: int
    error: str
    message: str = ""


class Raised(Exception):
    """The import of a module fails; the first fault is what Python would tell, the others it has as well."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults


class Skipped(Exception):
    """The file skips itself here."""


class Module:
    """A module in `sys.modules`; `names` is its namespace."""

    __slots__ = (
        "doubt",
        "executing",
        "library",
        "locations",
        "loose",
        "name",
        "names",
        "opaque",
        "path",
        "plugins_line",
        "unsure",
    )

    def __init__(self, name: str, path: str, locations: tuple[str, ...] | None = None) -> None:
        self.name = name
        self.path = path
        self.locations = locations
        self.names: dict[str, Any] = {}
        self.executing = False
        self.opaque = False  # nobody can say which names it has
        self.library = False  # of the environment: not executed, but read when a name of it is asked for
        self.doubt = False  # it may have skipped itself already
        self.loose: frozenset[str] = frozenset()
        self.unsure: set[str] = set()
        self.plugins_line = 1

    @property
    def package(self) -> str:
        """What relative imports start from."""
        return self.name if self.locations is not None else self.name.rpartition(".")[0]

    def bind(self, name: str, value: Any, *, surely: bool) -> None:
        """Bind a name; when that may not happen, what it was before is as likely."""
        if not surely and not (isinstance(value, Module) and self.names.get(name, value) is value):
            value = UNKNOWN
        self.names[name] = value


class Modules(dict[str, Module]):
    """`sys.modules`, with the names in the order in which they came."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def __setitem__(self, name: str, module: Module) -> None:
        self.order.append(name)
        super().__setitem__(name, module)


def bound_names(block: Block) -> set[str]:
    """Return all names that operations may bind, in whichever branch."""
    found: set[str] = set()
    for operation in flat(block):
        code = operation[0]
        if code == Op.BIND:
            found.update(operation[1])
        elif code == Op.IMPORT:
            found.add(operation[2] or operation[1].partition(".")[0])
        elif code == Op.FROM:
            found.update(name for _, name, _ in operation[3])
        elif code in (Op.SET, Op.GROW):
            found.add(operation[1])
        elif code == Op.IMPORT_OR_SKIP:
            found.add(operation[2])
    return found


def flat(block: Block) -> Iterator[Operation]:
    """Yield operations with those of the blocks in them, in whichever branch."""
    for operation in block:
        yield operation
        code = operation[0]
        if code == Op.IF:
            yield from flat(operation[2])
            yield from flat(operation[3])
        elif code == Op.MAYBE:
            yield from flat(operation[1])
        elif code == Op.TRY:
            for part in (operation[1], operation[3], operation[4], *(h for _, h in operation[2])):
                yield from flat(part)
