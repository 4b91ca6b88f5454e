"""Runs the operations of one module, block by block."""

from __future__ import annotations

import builtins
import os
from typing import TYPE_CHECKING, Any, ClassVar

from test_framework.audit.imports.import_runner import ABOVE, IGNORE, RAISE, ImportRunner
from test_framework.audit.imports.modules import (
    Definition,
    FileSkipped,
    FunctionReturned,
    ImportedModule,
    ImportFailed,
    ImportFault,
)
from test_framework.audit.imports.values import IMPORT_MODULE, UNKNOWN, SourceText, truth, value
from test_framework.audit.source.operations import Op

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from test_framework.audit.source.operations import Block, Operation, Summary

_BUILTIN = frozenset(n for n, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception))


class BlockRunner(ImportRunner):
    """Runs blocks for one module, in one of the modes of `ImportRunner`."""

    operations: ClassVar[Mapping[int, Callable[[Any, Operation], None]]]

    # -- the place of an expression --------------------------------------------------------------

    def lookup(self, name: str) -> object:
        """Return what a name is bound to, or UNKNOWN."""
        if name not in self.module.names and name in ("True", "False", "None"):
            return {"True": True, "False": False, "None": None}[name]
        return self.module.names.get(name, UNKNOWN)

    def attribute(self, base: object, name: str) -> object:
        """Return an attribute of a module, or UNKNOWN."""
        if not isinstance(base, ImportedModule):
            return UNKNOWN
        found = self.interpreter.member(base, name)
        return UNKNOWN if found is None and name not in base.names else found

    def findable(self, name: str) -> object:
        """Return something or None, as `find_spec` does."""
        return None if self.interpreter.locate(name) is None and name not in self.interpreter.modules else UNKNOWN

    # -- blocks ----------------------------------------------------------------------------------

    def block(self, block: Block, mode: int | None = None) -> None:
        """Run operations one after the other."""
        before, self.mode = self.mode, self.mode if mode is None else mode
        operations = self.operations
        try:
            for operation in block:
                if self.module.may_have_skipped:
                    self.mode = IGNORE
                operations[operation[0]](self, operation)
        finally:
            self.mode = before

    # -- names -----------------------------------------------------------------------------------

    def bind_(self, operation: Operation) -> None:
        """Bind names to values that do not matter."""
        if self.mode != IGNORE:
            known = self.module.callables
            self.module.names.update((name, known.get(name, UNKNOWN)) for name in operation[1])
        else:
            for name in operation[1]:
                self.bind(name, UNKNOWN)

    def use(self, operation: Operation) -> None:
        """Look a name up."""
        _, name, line = operation
        module = self.module
        if name not in module.names and not module.opaque and name not in module.global_names:
            self.fault([ImportFault("undefined-name", name, self.path, line, "NameError")])
            module.names[name] = UNKNOWN

    def attribute_(self, operation: Operation) -> None:
        """Look attributes of modules up."""
        _, name, attributes, line = operation
        found = self.module.names.get(name)
        for attribute in attributes:
            if not isinstance(found, ImportedModule):
                return
            inner = self.interpreter.member(found, attribute, loading=False)
            if inner is None and attribute not in found.names:
                self.fault([self.interpreter.missing_name(found, attribute, self.path, line, "AttributeError")])
                return
            found = inner

    def set_(self, operation: Operation) -> None:
        """Bind a name to a value that may be known."""
        _, name, expression, line = operation
        if name == "pytest_plugins":
            self.module.plugins_line = line
        self.bind(name, value(expression, self))

    def grow(self, operation: Operation) -> None:
        """Add to a list."""
        _, name, added = operation
        before, more = self.module.names.get(name), value(added, self)
        if not isinstance(before, list | tuple):
            return
        if not isinstance(more, list | tuple):
            self.module.uncertain.add(name)
            return
        if self.mode == IGNORE:
            self.module.uncertain.add(name)
        self.module.names[name] = [*before, *more]

    def unbind(self, operation: Operation) -> None:
        """Run `del`."""
        if self.mode != IGNORE:
            for name in operation[1]:
                self.module.names.pop(name, None)

    # -- branches --------------------------------------------------------------------------------

    def try_(self, operation: Operation) -> None:
        """Run a `try`."""
        _, body, handlers, orelse, final, risky = operation
        if self.mode == IGNORE:
            for block in (body, *(h for _, h in handlers), orelse, final):
                self.block(block)
            return
        faults: list[ImportFault] = []
        try:
            self.block(body, RAISE)
        except ImportFailed as raised:
            faults = raised.faults
        if faults:
            self._handle(faults, handlers, final)
            return
        for _, handler in handlers if risky else ():
            self.block(handler, IGNORE)
        self.block(orelse)
        self.block(final)

    def _handle(self, faults: list[ImportFault], handlers: Sequence[Any], final: Block) -> None:
        for types, handler in handlers:
            caught = _catches(types, faults[0].error)
            if caught is False:
                continue
            self.handled_faults.append(faults)
            try:
                self.block(handler, None if caught else IGNORE)
            finally:
                self.handled_faults.pop()
            self.block(final)
            return
        self.block(final)
        self.fault(faults)

    def if_(self, operation: Operation) -> None:
        """Run the branch of a condition, or both perhaps."""
        _, condition, body, orelse = operation
        holds = truth(condition, self)
        if holds is None:
            self.block(body, IGNORE)
            self.block(orelse, IGNORE)
        else:
            self.block(body if holds else orelse)

    def maybe(self, operation: Operation) -> None:
        """Run a block that may not run."""
        self.block(operation[1], IGNORE)

    def skip(self, _: Operation) -> None:
        """Skip the rest of the file."""
        self.end()

    def raise_(self, operation: Operation) -> None:
        """Run `raise`."""
        _, name, line = operation
        if self.mode == IGNORE:
            return
        if self.handled_faults:
            first, *others = self.handled_faults[-1]
            self.fault([first._replace(error=name) if name else first, *others])
        else:
            self.fault([ImportFault("raises", name or "an exception", self.path, line, name or "Exception")])

    # -- what changes the machine ----------------------------------------------------------------

    def path_(self, operation: Operation) -> None:
        """Change `sys.path`."""
        _, front, expression = operation
        folders = value(expression, self)
        known = [f for f in folders if isinstance(f, str)] if isinstance(folders, list | tuple) else []
        if not isinstance(folders, list | tuple) or len(known) < len(folders):
            self.interpreter.has_unknown_paths = True
        for folder in known:
            self.interpreter.add_path(folder, front=front)

    def stub(self, operation: Operation) -> None:
        """Change `sys.modules`."""
        name = value(operation[1], self) if operation[1] else UNKNOWN
        if isinstance(name, str):
            self.interpreter.stub(name)
        else:
            self.interpreter.any_module_stubbed = True

    def open(self, operation: Operation) -> None:
        """Record that from here on any name may be bound, and any module made."""
        self.module.opaque = True
        if operation[1]:
            self.interpreter.files_with_unknown_code.add(self.path)

    def exec_(self, operation: Operation) -> None:
        """Run a text: that of a known file as far as it can be followed, and any may do more."""
        self.open((Op.OPEN, operation[1][0] != "c"))
        text = value(operation[1], self)
        if isinstance(text, SourceText):
            self._run_file(os.path.normpath(text.path))

    def _run_file(self, path: str) -> None:
        """Run the text of a file of the project with the names of this module.

        Raises:
            Raised: It has faults, in a `try`.
            Skipped: It skips the file that is being collected.
        """
        interpreter, module = self.interpreter, self.module
        if path in self.executed_files or not path.startswith(f"{interpreter.root}/") or interpreter.is_library(path):
            return
        summary = interpreter.read(path)
        if summary is None:
            return
        if summary.error:
            line, words = summary.error
            self.fault(
                [ImportFault("syntax-error", os.path.relpath(path, interpreter.root), path, line, "SyntaxError", words)]
            )
            return
        module.names.setdefault("__file__", self.file)  # the text has none of its own
        runner = type(self)(interpreter, self._module_of(path, summary))
        runner.executed_files = (*self.executed_files, path)
        try:
            runner.block(summary.block, self.mode)
        except FileSkipped:
            if not runner.faults:
                self.ended = True
                raise
        finally:
            module.may_have_skipped = runner.module.may_have_skipped
        if runner.faults:
            first = not self.faults
            self.fault(runner.faults)
            if first:
                self.at_fault = runner.at_fault

    def _module_of(self, path: str, summary: Summary) -> ImportedModule:
        """Return a module that shares the names of this one, and whose code is that of another file."""
        interpreter, module = self.interpreter, self.module
        inner = ImportedModule(module.name, path, module.locations)
        inner.names, inner.uncertain, inner.may_have_skipped = module.names, module.uncertain, module.may_have_skipped
        inner.opaque = True  # what is given to it beside these names is not known
        inner.global_names = module.global_names = module.global_names | frozenset(summary.global_names)
        inner.callables = {name: Definition(inner, name) for name in summary.callables}
        interpreter.has_unknown_paths = interpreter.has_unknown_paths or summary.paths
        for name in summary.stubs:
            interpreter.stub(name)
        return inner

    def hand(self, operation: Operation) -> None:
        """Give the names of the module to a function, which may bind any unless it surely does not."""
        _, name, position = operation
        found = self.module.names.get(name)
        reads = isinstance(found, Definition) and self.interpreter.calls.only_reads(found, position)
        self.module.opaque = self.module.opaque or not reads

    def set_attribute(self, operation: Operation) -> None:
        """Bind a name of another module."""
        _, name, mode, attribute = operation
        target = self.module.names.get(name)
        for step in mode:
            target = self.interpreter.member(target, step) if isinstance(target, ImportedModule) else None
        if not attribute:
            self.module.opaque = self.module.opaque or not isinstance(target, Definition)  # it may be this module
        elif isinstance(target, ImportedModule) and not isinstance(target.names.get(attribute), ImportedModule):
            target.names[attribute] = UNKNOWN

    def load_(self, operation: Operation) -> None:
        """Run `importlib.import_module`, unless it is another function of that name."""
        _, name, line, called = operation
        builtin = called == ("n", "__import__") and "__import__" not in self.module.names
        if builtin or value(called, self) is IMPORT_MODULE:
            self.load(name, line)

    # -- functions -------------------------------------------------------------------------------

    def call(self, operation: Operation) -> None:
        """Run a function of the project, where it is surely called and surely this one."""
        _, name, attributes = operation
        found = self.module.names.get(name) if self.mode != IGNORE else None
        for attribute in attributes:
            found = (
                self.interpreter.member(found, attribute, loading=False) if isinstance(found, ImportedModule) else None
            )
        if not isinstance(found, Definition):
            return
        try:
            if self.interpreter.calls.run(found):
                self.may_end()
        except ImportFailed as raised:
            self.fault(raised.faults)
        except FileSkipped:
            self.end()

    def return_(self, _: Operation) -> None:
        """End the function, surely or perhaps."""
        if self.mode != IGNORE:
            raise FunctionReturned
        self.module.may_have_skipped = True


def _catches(types: Sequence[str] | None, error: str) -> bool | None:
    """Whether a handler catches an exception; None when its types are not known."""
    if types is None or "BaseException" in types or "Exception" in types:
        return True
    if any(t in ABOVE.get(error, (error,)) for t in types):
        return True
    return False if all(t in _BUILTIN or t in ABOVE for t in types) else None


BlockRunner.operations = {
    Op.BIND: BlockRunner.bind_,
    Op.IMPORT: BlockRunner.import_,
    Op.FROM: BlockRunner.from_,
    Op.USE: BlockRunner.use,
    Op.ATTRIBUTE: BlockRunner.attribute_,
    Op.TRY: BlockRunner.try_,
    Op.IF: BlockRunner.if_,
    Op.MAYBE: BlockRunner.maybe,
    Op.SET: BlockRunner.set_,
    Op.UNBIND: BlockRunner.unbind,
    Op.IMPORT_OR_SKIP: BlockRunner.import_or_skip,
    Op.SKIP: BlockRunner.skip,
    Op.RAISE: BlockRunner.raise_,
    Op.PATH: BlockRunner.path_,
    Op.STUB: BlockRunner.stub,
    Op.OPEN: BlockRunner.open,
    Op.GROW: BlockRunner.grow,
    Op.SET_ATTRIBUTE: BlockRunner.set_attribute,
    Op.LOAD: BlockRunner.load_,
    Op.CALL: BlockRunner.call,
    Op.RETURN: BlockRunner.return_,
    Op.HAND: BlockRunner.hand,
    Op.EXEC: BlockRunner.exec_,
}
