"""Plans what to rewrite in a module, so that every name keeps its meaning.

Names that an import binds for the module stay as they are, since others may import them from there, name them in
`__all__` or patch them. What is reached by attributes is written in full, and imported where it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import libcst as cst
from libcst.metadata import BuiltinAssignment, ImportAssignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from libcst.metadata import BaseAssignment, Scope

    from test_framework.audit.codemod.bindings import Alias, Binding, NameOccurrences, Reference
    from test_framework.audit.moves import Moves


@dataclass(slots=True)
class RewritePlan:
    """What to do, by the nodes of the module."""

    expressions: dict[cst.CSTNode, cst.BaseExpression] = field(default_factory=dict)
    aliases: dict[cst.CSTNode, str] = field(default_factory=dict)  # name of an import to what it is to be now
    stars: dict[cst.CSTNode, str] = field(default_factory=dict)
    dropped: set[cst.CSTNode] = field(default_factory=set)  # names of imports that nothing uses any more
    outermost: set[cst.CSTNode] = field(default_factory=set)  # names of imports whose outermost package is still used
    needed: dict[cst.CSTNode, set[str]] = field(default_factory=dict)  # import to the modules to import with it
    skipped: list[tuple[cst.CSTNode, str]] = field(default_factory=list)

    def nodes(self) -> set[cst.CSTNode]:
        """Return what is written in another way."""
        return {*self.expressions, *self.aliases, *self.stars, *self.dropped, *self.needed}


class KnownModules(Protocol):
    """What is known of the modules of a project."""

    def is_module(self, name: str) -> bool:
        """Whether a dotted name is a module."""

    def is_rebound(self, name: str) -> bool:
        """Whether a package binds this name itself, and to no module."""


class RewritePlanner:
    """Makes the plan of one module.

    Args:
        moves: What has moved.
        modules: Knows the modules of the project.
        occurrences: What the module has.
        initial: Whether it is the `__init__` of a package, whose imports others use.
    """

    def __init__(self, moves: Moves, modules: KnownModules, occurrences: NameOccurrences, *, initial: bool) -> None:
        self.moves = moves
        self.modules = modules
        self.occurrences = occurrences
        self.initial = initial
        self.plan = RewritePlan()

    def make(self, bindings: Iterable[Binding]) -> RewritePlan:
        """Return the plan."""
        for alias in self.occurrences.aliases.values():
            new = None if alias.plain else self._target(alias)
            if new:
                self.plan.aliases[alias.node] = new
        # Who uses what takes most of the time to find out.
        for binding in bindings if any(map(self._by_attributes, self.occurrences.aliases.values())) else ():
            if binding.plain:
                self._outermost(binding)
            else:
                self._named(binding)
        for statement, base in self.occurrences.stars:
            new = self.moves.target(base) if base else None
            if new:
                self.plan.stars[statement] = new
            elif base and self.moves.inside(base):
                self.plan.skipped.append((statement, f"from {base} import * may bring what has moved"))
        for text, importing in self.occurrences.texts:
            self._text(text, importing=importing)
        return self.plan

    # -- names that an import binds to just what it names ------------------------------------------

    def _target(self, alias: Alias) -> str | None:
        """Return what an import is to name now; None when that has not moved."""
        of = isinstance(alias.statement, cst.ImportFrom)
        return None if of and self._rebound(alias.target) else self.moves.target(alias.target)

    def _rebound(self, name: str) -> bool:
        """Whether a name is that of a module that has moved, by which its package means something else."""
        new = self.moves.pairs.get(name)
        return new is not None and self.modules.is_module(new) and self.modules.is_rebound(name)

    def _by_attributes(self, alias: Alias) -> bool:
        """Whether what has moved may be reached by attributes of a name."""
        target = alias.target.partition(".")[0] if alias.plain else alias.target
        return self.moves.inside(target) or (alias.plain and self.moves.match(alias.target) is not None)

    def _named(self, binding: Binding) -> None:
        if binding.target is not None:
            self._inside(binding, binding.target)
        elif any(self.moves.inside(alias.target) for alias in binding.aliases) and self._reaches(binding):
            self._skip(binding, f"{binding.local} is bound to more than one thing")

    def _inside(self, binding: Binding, base: str) -> None:
        """Plan for what is reached by attributes of a name that stands for `base`."""
        now = next((new for a in binding.aliases if (new := self._target(a))), base)
        hits: dict[Reference, tuple[str, str]] = {}
        for use in binding.uses.values():
            found = self._found(use, binding.local, base)
            if found and len(found[0]) > len(base) and found[1] != now + found[0][len(base) :]:
                hits[use] = found
        near = {use: new for use, (_, new) in hits.items() if new.startswith(f"{now}.")}
        far = {use: new for use, (_, new) in hits.items() if use not in near}
        if not hits or not self._free(binding, [(use.scope, new) for use, new in far.items()]):
            return
        for use, (old, new) in hits.items():
            written = binding.local + new[len(now) :] if use in near else new
            self._replace(use, len(old.split(".")) - len(base.split(".")), binding.local + old[len(base) :], written)
        for new in far.values():
            for alias in binding.aliases:
                self._need(alias, self._module(new))
        exported = self.initial or binding.local in self.occurrences.exported
        if len(far) == len(binding.uses) and now == base and not exported:
            self.plan.dropped.update(alias.node for alias in binding.aliases)

    def _reaches(self, binding: Binding) -> bool:
        """Whether a use leads to what has moved, by any of the things that the name is bound to."""
        return any(
            (found := self._found(use, binding.local, alias.target)) and len(found[0]) > len(alias.target)
            for use in binding.uses.values()
            for alias in binding.aliases
        )

    # -- names of outermost packages ---------------------------------------------------------------

    def _outermost(self, binding: Binding) -> None:
        found = {use: self._found(use, binding.local, binding.local) for use in binding.uses.values()}
        hits = {use: move for use, move in found.items() if move}
        moved = {a: new for a in binding.aliases if (new := self.moves.target(a.target))}
        if not hits and not moved:
            return
        if binding.foreign:
            self._skip(binding, f"{binding.local} is bound to something else too")
            return
        new_names = [(binding.scope, new) for new in moved.values()]
        if not self._free(binding, [*new_names, *((use.scope, new) for use, (_, new) in hits.items())]):
            return
        self.plan.aliases.update((alias.node, new) for alias, new in moved.items())
        self._written(binding, hits, moved)

    def _written(self, binding: Binding, hits: Mapping[Reference, tuple[str, str]], moved: Mapping[Alias, str]) -> None:
        """Plan for what is used by the name of an outermost package, and for the imports that give that."""
        staying = [a for a in binding.aliases if a not in moved]
        there = [*moved.values(), *(a.target for a in staying)]
        for use, (old, new) in hits.items():
            self._replace(use, old.count("."), old, new)
            module = self._module(new)
            if not any(t == module or t.startswith(f"{module}.") for t in there):
                for alias in self._sources(use, binding):
                    self._need(alias, module)
        others = [use for use in binding.uses.values() if use not in hits]
        for alias in staying:
            used = [use for use in hits if alias in self._sources(use, binding)]
            if used and not any(alias in self._sources(use, binding) for use in others) and not self.initial:
                self.plan.dropped.add(alias.node)
        kept = [a for a in staying if a.node not in self.plan.dropped]
        roots = {new.partition(".")[0] for new in moved.values()}
        if others and not kept and binding.local not in roots:
            self.plan.outermost.update(alias.node for alias in binding.aliases)

    def _sources(self, use: Reference, binding: Binding) -> list[Alias]:
        """Return the imports of a group that give what is used."""
        dotted = _written(use.node) if isinstance(use.node, cst.BaseString) else use.dotted(binding.local)
        fitting = [a for a in binding.aliases if dotted == a.target or dotted.startswith(f"{a.target}.")]
        longest = max((len(a.target) for a in fitting), default=0)
        return [a for a in fitting if len(a.target) == longest] or binding.aliases

    # -- both --------------------------------------------------------------------------------------

    def _found(self, use: Reference, local: str, base: str) -> tuple[str, str] | None:
        """Return the move of what is used."""
        if isinstance(use.node, cst.BaseString):
            for name in _names(_written(use.node), local):
                found = self.moves.match(base + name[len(local) :])
                if found and not self._rebound(found[0]):
                    return found
            return None
        found = self.moves.match(use.dotted(base))
        return None if found and self._rebound(found[0]) else found

    def _free(self, binding: Binding, modules: Iterable[tuple[Scope, str]]) -> bool:
        """Whether the names by which the new places begin are free where they are used, and where they are imported."""
        for scope, new in modules:
            root = new.partition(".")[0]
            there = (*scope[root], *binding.scope[root]) if root != binding.local else ()
            if not all(isinstance(a, BuiltinAssignment) or self._plain(a) for a in there):
                self._skip(binding, f"{root} is another thing here, so {new} cannot be written")
                return False
        return True

    def _plain(self, assignment: BaseAssignment) -> bool:
        alias = self.occurrences.aliases.get(assignment.as_name) if isinstance(assignment, ImportAssignment) else None
        return alias is not None and alias.plain

    def _replace(self, use: Reference, attributes: int, old: str, new: str) -> None:
        if isinstance(use.node, cst.BaseString):
            if isinstance(use.node, cst.SimpleString):
                before = self.plan.expressions.get(use.node, use.node)
                text = cst.ensure_type(before, cst.SimpleString).value
                pattern = rf"(?<![\w.]){re.escape(old)}(?!\w)"
                self.plan.expressions[use.node] = use.node.with_changes(value=re.sub(pattern, new, text))
            else:
                self.plan.skipped.append((use.node, f"{old} in a text of several parts"))
            return
        part = use.part(attributes)
        made = cst.parse_expression(new)
        brackets = {"lpar": getattr(part, "lpar", ()), "rpar": getattr(part, "rpar", ())}
        self.plan.expressions[part] = made.with_changes(**brackets)

    def _need(self, alias: Alias, module: str) -> None:
        self.plan.needed.setdefault(alias.statement, set()).add(module)

    def _module(self, name: str) -> str:
        """Return the module in which a name is, which is itself when it is a module."""
        return name if "." not in name or self.modules.is_module(name) else name.rpartition(".")[0]

    def _skip(self, binding: Binding, why: str) -> None:
        self.plan.skipped.append((binding.aliases[0].statement, why))

    def _text(self, node: cst.SimpleString, *, importing: bool) -> None:
        value = node.evaluated_value
        if isinstance(value, str) and value == node.raw_value:
            new = self.moves.target(value) if _DOTTED.fullmatch(value) else None
            if new and (importing or not self._rebound(value)):
                start = len(node.prefix) + len(node.quote)
                text = node.value[:start] + new + node.value[len(node.value) - len(node.quote) :]
                self.plan.expressions[node] = node.with_changes(value=text)


_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def _written(node: cst.BaseString) -> str:
    value = node.evaluated_value if isinstance(node, cst.SimpleString | cst.ConcatenatedString) else ""
    return value if isinstance(value, str) else ""


def _names(text: str, local: str) -> Sequence[str]:
    """Return the dotted names in a text that begin with a name."""
    return [m[0] for m in re.finditer(rf"(?<![\w.]){re.escape(local)}(\.[^\W\d]\w*)*(?!\w)", text)]
