"""The modules of a simulated session, and the faults of their imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from test_framework.audit.imports.values import UNKNOWN
from test_framework.audit.source.operations import GIVEN

ALWAYS = GIVEN | {"__class__"}


class ImportFault(NamedTuple):
    """What is wrong, and where; `error` is the exception that Python would raise."""

    kind: str
    target: str
    path: str
    line: int
    error: str
    message: str = ""


class ImportFailed(Exception):
    """The import of a module fails: the first fault is the one that Python would report."""

    def __init__(self, faults: list[ImportFault]) -> None:
        super().__init__(faults)
        self.faults = faults


class FileSkipped(Exception):
    """The file that is being collected skips itself here."""


class FunctionReturned(Exception):
    """The function that is being followed returns here."""


class ImportedModule:
    """A module in `sys.modules`; `names` is its namespace."""

    __slots__ = (
        "callables",
        "global_names",
        "is_executing",
        "library",
        "locations",
        "may_have_skipped",
        "name",
        "names",
        "opaque",
        "path",
        "plugins_line",
        "uncertain",
    )

    def __init__(self, name: str, path: str, locations: tuple[str, ...] | None = None) -> None:
        self.name = name
        self.path = path
        self.locations = locations
        self.names: dict[str, Any] = {}
        self.is_executing = False
        self.opaque = False  # nobody can say which names it has
        self.library = False  # of the environment: not executed, but read when a name of it is asked for
        self.may_have_skipped = False  # it may have skipped itself already
        self.global_names: frozenset[str] = frozenset()
        self.uncertain: set[str] = set()
        self.callables: dict[str, Definition] = {}  # functions and classes that could be followed when called
        self.plugins_line = 1

    @property
    def package(self) -> str:
        """What relative imports start from."""
        return self.name if self.locations is not None else self.name.rpartition(".")[0]

    def bind(self, name: str, value: Any, *, surely: bool) -> None:
        """Bind a name; unless that is sure, its value is unknown from here on."""
        if not surely and not (isinstance(value, ImportedModule) and self.names.get(name, value) is value):
            value = UNKNOWN
        self.names[name] = value


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A function or a class of the project, to which a name is bound."""

    module: ImportedModule
    name: str


class Modules(dict[str, ImportedModule]):
    """`sys.modules`, with the names in the order in which they came."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def __setitem__(self, name: str, module: ImportedModule) -> None:
        self.order.append(name)
        super().__setitem__(name, module)
