"""Runs the text of a file that a module reads and executes by itself, as a part of that module."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from test_framework.audit.imports.modules import Definition, Fault, Module, Skipped
from test_framework.audit.imports.unknown import Source

if TYPE_CHECKING:
    from test_framework.audit.imports.running import Runner

__all__ = ["run_text"]


def run_text(outer: Runner, text: object) -> None:
    """Run the text of a file of the project with the names of the module that `outer` runs; any other does nothing.

    Raises:
        Raised: It has faults, in a `try`.
        Skipped: It skips the file that is being collected.
    """
    machine, module = outer.machine, outer.module
    path = os.path.normpath(text.path) if isinstance(text, Source) else ""
    if path in outer.texts or not path.startswith(f"{machine.root}/") or machine.is_library(path):
        return
    summary = machine.read(path)
    if summary is None:
        return
    if summary.error:
        line, words = summary.error
        outer.fault([Fault("syntax-error", os.path.relpath(path, machine.root), path, line, "SyntaxError", words)])
        return
    module.names.setdefault("__file__", outer.file)  # the text has none of its own
    inner = Module(module.name, path, module.locations)
    inner.names, inner.unsure, inner.doubt = module.names, module.unsure, module.doubt
    inner.opaque = True  # what is given to it beside these names is not known
    inner.loose = module.loose = module.loose | frozenset(summary.loose)
    inner.callables = {name: Definition(inner, name) for name in summary.callables}
    machine.open_paths = machine.open_paths or summary.paths
    for name in summary.stubs:
        machine.stub(name)
    runner = type(outer)(machine, inner)
    runner.texts = (*outer.texts, path)
    try:
        runner.block(summary.block, outer.way)
    except Skipped:
        if not runner.faults:
            outer.ended = True
            raise
    finally:
        module.doubt = inner.doubt
    if runner.faults:
        first = not outer.faults
        outer.fault(runner.faults)
        if first:
            outer.at_fault = runner.at_fault
