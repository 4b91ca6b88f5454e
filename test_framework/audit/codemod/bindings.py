"""Finds the names that imports bind, and where they are used."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import ImportAssignment, MetadataWrapper, ScopeProvider

from test_framework.audit.moves import absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from libcst.metadata import Access, BaseAssignment, Scope

_TAKES_NAMES = frozenset(
    ("patch", "object", "dict", "multiple", "setattr", "delattr", "importorskip", "import_module", "resolve_name")
)
_TAKES_MODULES = ("importorskip", "import_module")
_LISTS_NAMES = "pytest_plugins"
_SPACE = (
    "whitespace",
    "leading_lines",
    "lines_after",
    "trailing_whitespace",
    "lpar",
    "rpar",
    "header",
    "footer",
    "comma",
)


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """One name of an import: the dotted name that it stands for, and whether it binds only the outermost package."""

    statement: cst.Import | cst.ImportFrom
    node: cst.ImportAlias
    target: str
    plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A place where a name is used: the name and the attributes around it, or a text that is an annotation."""

    node: cst.Name | cst.BaseString
    chain: tuple[cst.Attribute, ...]
    scope: Scope

    def dotted(self, base: str) -> str:
        """Return what is used, the name itself being `base`."""
        return ".".join([base, *(a.attr.value for a in self.chain)])

    def part(self, attributes: int) -> cst.BaseExpression:
        """Return the expression that is the name with its first attributes."""
        return self.chain[attributes - 1] if attributes else self.node


@dataclass(slots=True, eq=False)
class Binding:
    """What one name of one scope is bound to, and its uses; `foreign` when something else than imports binds it."""

    scope: Scope
    local: str
    aliases: list[Alias] = field(default_factory=list)
    foreign: bool = False
    uses: dict[cst.CSTNode, Reference] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether it is the name of an outermost package."""
        return all(alias.plain for alias in self.aliases)

    @property
    def target(self) -> str | None:
        """What the name stands for; None when that is not one thing."""
        targets = {self.local if alias.plain else alias.target for alias in self.aliases}
        return targets.pop() if len(targets) == 1 and not self.foreign else None


class NameOccurrences:
    """What a module has of imports, chains of attributes, and texts that are names.

    It goes through the tree by itself: a visitor of libcst makes every node anew, and takes four times as long.
    """

    def __init__(self, module: cst.Module, package: str) -> None:
        self.package = package
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self.aliases: dict[cst.CSTNode, Alias] = {}  # by the node that names what is bound
        self.stars: list[tuple[cst.ImportFrom, str]] = []
        self.chains: dict[cst.CSTNode, tuple[cst.Attribute, ...]] = {}
        self.texts: list[tuple[cst.SimpleString, bool]] = []  # and whether it can only be a module
        self.exported: set[str] = set()
        taken: dict[type[cst.CSTNode], Callable[[Any], None]] = {
            cst.Import: self._import,
            cst.ImportFrom: self._from,
            cst.Attribute: self._attribute,
            cst.Call: self._call,
            cst.Assign: self._assign,
        }
        work: list[cst.CSTNode] = [module]
        while work:
            node = work.pop()
            take = taken.get(type(node))
            if take:
                take(node)
            for inner in _children(node):
                self.parents[inner] = node
                work.append(inner)

    def around(self, nodes: Iterable[cst.CSTNode]) -> set[cst.CSTNode]:
        """Return some nodes with all that they are in."""
        found: set[cst.CSTNode] = set()
        for node in nodes:
            at: cst.CSTNode | None = node
            while at is not None and at not in found:
                found.add(at)
                at = self.parents.get(at)
        return found

    def _import(self, node: cst.Import) -> None:
        """Take note of its names."""
        for alias in node.names:
            bound = alias.asname.name if alias.asname else alias.name
            self.aliases[bound] = Alias(node, alias, dotted_name(alias.name), plain=alias.asname is None)

    def _from(self, node: cst.ImportFrom) -> None:
        """Take note of its names."""
        base = self.base(node)
        if isinstance(node.names, cst.ImportStar):
            self.stars.append((node, base))
        elif base and base != "__future__":
            for alias in node.names:
                bound = alias.asname.name if alias.asname else alias.name
                self.aliases[bound] = Alias(node, alias, f"{base}.{dotted_name(alias.name)}", plain=False)

    def base(self, node: cst.ImportFrom) -> str:
        """Return the module from which something is imported."""
        return absolute(dotted_name(node.module) if node.module else "", len(node.relative), self.package)

    def _attribute(self, node: cst.Attribute) -> None:
        """Take note of a chain at its outermost attribute."""
        chain: list[cst.Attribute] = []
        inner: cst.BaseExpression = node
        while isinstance(inner, cst.Attribute):
            chain.insert(0, inner)
            inner = inner.value
        if isinstance(inner, cst.Name) and len(chain) > len(self.chains.get(inner, ())):
            self.chains[inner] = tuple(chain)

    def _call(self, node: cst.Call) -> None:
        """Take note of the texts that a call takes for names."""
        called = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        if isinstance(called, cst.Name) and called.value in _TAKES_NAMES:
            importing = called.value in _TAKES_MODULES
            self.texts += [(a.value, importing) for a in node.args if isinstance(a.value, cst.SimpleString)]

    def _assign(self, node: cst.Assign) -> None:
        """Take note of `pytest_plugins`, whose texts are modules, and of `__all__`."""
        names = {t.target.value for t in node.targets if isinstance(t.target, cst.Name)}
        if names & {_LISTS_NAMES, "__all__"}:
            listed = node.value.elements if isinstance(node.value, cst.List | cst.Tuple) else ()
            values = [e.value for e in listed] or [node.value]
            texts = [v for v in values if isinstance(v, cst.SimpleString)]
            if _LISTS_NAMES in names:
                self.texts += [(text, True) for text in texts]
            else:
                self.exported.update(str(t.evaluated_value) for t in texts)


def _children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the nodes in a node, but for white space and comments."""
    for name in _names(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, list | tuple):
            yield from (inner for inner in value if isinstance(inner, cst.CSTNode))


@cache
def _names(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """Return the fields of a kind of node that may hold others."""
    return tuple(f.name for f in fields(kind) if not f.name.startswith(_SPACE))


def find_bindings(wrapper: MetadataWrapper, occurrences: NameOccurrences) -> Iterator[Binding]:
    """Yield what the imports of a module bind, scope by scope."""
    for scope in dict.fromkeys(wrapper.resolve(ScopeProvider).values()):
        found: dict[str, Binding] = {}
        for assignment in scope.assignments if scope else ():
            local = assignment.name.partition(".")[0]
            binding = found.setdefault(local, Binding(assignment.scope, local))
            _add(binding, assignment, occurrences)
        yield from (binding for binding in found.values() if binding.aliases)


def _add(binding: Binding, assignment: BaseAssignment, occurrences: NameOccurrences) -> None:
    alias = occurrences.aliases.get(assignment.as_name) if isinstance(assignment, ImportAssignment) else None
    if alias is None:
        binding.foreign = True
    elif alias not in binding.aliases:
        binding.aliases.append(alias)
    # Those that come before it in its scope are no references, but a loop may come to them again.
    for access in {*assignment.references, *assignment.scope.accesses[assignment.name]}:
        use = _use(access, occurrences)
        if use is None:
            binding.foreign = True
        else:
            binding.uses[use.node] = use


def _use(access: Access, occurrences: NameOccurrences) -> Reference | None:
    node: cst.CSTNode = access.node
    if isinstance(node, cst.BaseString):
        return Reference(node, (), access.scope)
    while not isinstance(node, cst.Name):
        if isinstance(node, cst.Attribute):
            node = node.value
        elif isinstance(node, cst.Call):
            node = node.func
        else:
            return None
    return Reference(node, occurrences.chains.get(node, ()), access.scope)


def dotted_name(node: cst.CSTNode) -> str:
    """Return a name with its attributes as text."""
    return get_full_name_for_node(node) or ""
