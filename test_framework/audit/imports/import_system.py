"""What the code of a module can ask of the interpreter that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.audit.imports.library import Library
    from test_framework.audit.imports.modules import Definition, ImportedModule, ImportFault, Modules
    from test_framework.audit.source.operations import Summary
    from test_framework.suite.module_finder import ModuleSpec


class FunctionCalls(Protocol):
    """Calls functions and classes of the project."""

    def run(self, called: Definition) -> bool:
        """Call a function or a class; return whether it may have skipped the file that calls it.

        Raises:
            Raised: It fails to import something, or raises.
            Skipped: It skips the file that is being collected.
        """

    def only_reads(self, called: Definition, position: int) -> bool:
        """Whether a function surely neither changes the argument at this position nor passes it on."""

    def source(self, path: str) -> str:
        """Return the text of a file."""


class ImportSystem(Protocol):
    """The import system of an interpreter: `sys.path`, `sys.modules` and what they lead to.

    Attributes:
        any_stub: Whether a module of any name may have been put into `sys.modules`.
        open_paths: Whether `sys.path` may have folders that cannot be known.
    """

    any_module_stubbed: bool
    has_unknown_paths: bool

    @property
    def path_generation(self) -> int:
        """A number that grows with each change of `sys.path`."""

    @property
    def circles(self) -> int:
        """How many circles of imports were met."""

    @property
    def root(self) -> str:
        """The project's folder."""

    @property
    def modules(self) -> Modules:
        """`sys.modules`."""

    @property
    def files_with_unknown_code(self) -> set[str]:
        """Files that run code which cannot be read, and which may make modules."""

    @property
    def calls(self) -> FunctionCalls:
        """What calls functions."""

    @property
    def library(self) -> Library:
        """What reads the modules of the environment."""

    @property
    def read(self) -> Callable[[str], Summary | None]:
        """Gives the summary of a file; None when it cannot be read."""

    def load(self, name: str, path: str, line: int) -> ImportedModule:
        """Import a module for the file `path`.

        Raises:
            Raised: It cannot be imported.
            Skipped: It skips the file that is being collected.
        """

    def locate(self, name: str) -> ModuleSpec | None:
        """Return where a module lies, by its whole name, without importing its parents."""

    def member(self, module: ImportedModule, name: str, *, loading: bool = True) -> Any:
        """Return an attribute of a module; UNKNOWN when it is there, None when it is not."""

    def missing_name(self, module: ImportedModule, name: str, path: str, line: int, error: str) -> ImportFault:
        """Return the fault of a name that a module does not have, or does not have yet."""

    def roll_back(self, start: int) -> None:
        """Remove from `sys.modules` what came after its first `start` modules."""

    def stub(self, name: str) -> None:
        """Put a module of unknown content into `sys.modules`."""

    def add_path(self, folder: str, *, front: bool) -> None:
        """Put a folder on `sys.path`."""

    def is_library(self, path: str) -> bool:
        """Whether a file belongs to the environment rather than to the project."""
