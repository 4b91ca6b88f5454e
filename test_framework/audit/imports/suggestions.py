"""Suggests what was meant: where a name is defined now, or the nearest spelling."""

from __future__ import annotations

import builtins
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING

from test_framework.audit.source.operations import bound_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_framework.audit.imports.interpreter import Interpreter
    from test_framework.audit.imports.modules import ImportFault
    from test_framework.audit.source.operations import Summary

_ENOUGH = 3  # places of one name: more say nothing


class Suggestions:
    """Looks through what all modules of a project define.

    Args:
        machine: Finds a module by its name.
        summaries: Path to what is known of a file, for each that somebody may import from.
        names: Path to the dotted name of the module.
        declared: Names of what the project declares to need.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        summaries: Mapping[str, Summary],
        names: Mapping[str, str],
        declared: Iterable[str],
    ) -> None:
        self.interpreter = interpreter
        self.summaries = summaries
        self.names = names
        self.declared = frozenset(declared)
        self.places: dict[str, list[str]] = {}
        self.modules: dict[str, list[str]] = {}
        self.siblings: dict[str, list[str]] = {}
        for path, name in names.items():
            parent, _, last = name.rpartition(".")
            self.modules.setdefault(last, []).append(name)
            self.siblings.setdefault(parent, []).append(last)
            for defined in summaries[path].defined:
                self.places.setdefault(defined, []).append(name)

    def of(self, fault: ImportFault) -> str:
        """Return what to say of a fault; an empty text when there is nothing."""
        if fault.kind == "missing-name":
            return self._name(fault.target)
        if fault.kind == "missing-module":
            return self._module(fault.target)
        if fault.kind == "undefined-name":
            return self._undefined(fault)
        if fault.kind == "missing-dependency":
            known = fault.target.partition(".")[0] in self.declared
            return "declared, but not installed" if known else "neither declared nor installed"
        return ""

    def _name(self, target: str) -> str:
        module, _, name = target.rpartition(".")
        places = sorted(p for p in self.places.get(name, ()) if p != module)
        if name in self.modules:
            places += sorted(m.rpartition(".")[0] or m for m in self.modules[name] if m != target)
        if places and len(places) <= _ENOUGH:
            return f"moved to {' or '.join(self._likely(places, module))}"
        spec = self.interpreter.locate(module)
        summary = self.summaries.get(spec.path) if spec else None
        near = get_close_matches(name, bound_names(summary.block), n=1) if summary else []
        return f"did you mean {near[0]}?" if near else ""

    def _likely(self, places: list[str], module: str) -> list[str]:
        """Return the places that share most of their name with the one where it was looked for."""
        head = module.partition(".")[0]
        return [p for p in places if p.partition(".")[0] == head] or places

    def _module(self, target: str) -> str:
        parent, _, last = target.rpartition(".")
        places = sorted(p for p in self.modules.get(last, ()) if p != target)
        if target in self.modules.get(last, ()):
            return f"{target} is there, but no path leads to it"
        if places and len(places) <= _ENOUGH:
            return f"moved to {' or '.join(self._likely(places, target))}"
        near = get_close_matches(last, self.siblings.get(parent, ()), n=1)
        return f"did you mean {f'{parent}.' if parent else ''}{near[0]}?" if near else ""

    def _undefined(self, fault: ImportFault) -> str:
        name = fault.target
        if name in sys.stdlib_module_names:
            return f"import {name} is missing"
        summary = self.interpreter.read(fault.path)
        known = bound_names(summary.block) if summary else set()
        if name in known:
            return "it is bound further down"
        near = get_close_matches(name, known, n=1)
        if near:
            return f"did you mean {near[0]}?"
        places = sorted(self.places.get(name, ()))
        if len(places) == 1:
            return f"it is in {places[0]}"
        close = get_close_matches(name, dir(builtins), n=1)
        return f"did you mean {close[0]}?" if close else ""
