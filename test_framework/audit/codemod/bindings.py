"""What the imports of a module bind, and where that is used."""

# ruff: noqa: N802  # libcst calls methods by the names of its nodes

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import ImportAssignment, MetadataWrapper, ScopeProvider

from test_framework.audit.moves import absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from libcst.metadata import Access, BaseAssignment, Scope

__all__ = ["Alias", "Group", "Looked", "Use", "groups"]

_TAKES_NAMES = frozenset(
    ("patch", "object", "dict", "multiple", "setattr", "delattr", "importorskip", "import_module", "resolve_name")
)
_LISTS_NAMES = "pytest_plugins"


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """One name of an import: the dotted name that it stands for, and whether it binds only the outermost package."""

    statement: cst.Import | cst.ImportFrom
    node: cst.ImportAlias
    target: str
    plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Use:
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
class Group:
    """What one name of one scope is bound to, and its uses; `foreign` when something else than imports binds it."""

    scope: Scope
    local: str
    aliases: list[Alias] = field(default_factory=list)
    foreign: bool = False
    uses: dict[cst.CSTNode, Use] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether it is the name of an outermost package."""
        return all(alias.plain for alias in self.aliases)

    @property
    def target(self) -> str | None:
        """What the name stands for; None when that is not one thing."""
        targets = {self.local if alias.plain else alias.target for alias in self.aliases}
        return targets.pop() if len(targets) == 1 and not self.foreign else None


class Looked(cst.CSTVisitor):
    """What a module has of imports, chains of attributes, and texts that are names."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.aliases: dict[cst.CSTNode, Alias] = {}  # by the node that names what is bound
        self.stars: list[tuple[cst.ImportFrom, str]] = []
        self.chains: dict[cst.CSTNode, tuple[cst.Attribute, ...]] = {}
        self.texts: list[cst.SimpleString] = []
        self.exported: set[str] = set()

    def visit_Import(self, node: cst.Import) -> bool:
        """Take note of its names."""
        for alias in node.names:
            bound = alias.asname.name if alias.asname else alias.name
            self.aliases[bound] = Alias(node, alias, dotted_name(alias.name), plain=alias.asname is None)
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        """Take note of its names."""
        base = self.base(node)
        if isinstance(node.names, cst.ImportStar):
            self.stars.append((node, base))
        elif base and base != "__future__":
            for alias in node.names:
                bound = alias.asname.name if alias.asname else alias.name
                self.aliases[bound] = Alias(node, alias, f"{base}.{dotted_name(alias.name)}", plain=False)
        return False

    def base(self, node: cst.ImportFrom) -> str:
        """Return the module from which something is imported."""
        return absolute(dotted_name(node.module) if node.module else "", len(node.relative), self.package)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        """Take note of a chain at its outermost attribute."""
        chain: list[cst.Attribute] = []
        inner: cst.BaseExpression = node
        while isinstance(inner, cst.Attribute):
            chain.insert(0, inner)
            inner = inner.value
        if isinstance(inner, cst.Name):
            self.chains[inner] = tuple(chain)
            return False
        inner.visit(self)
        return False

    def visit_Call(self, node: cst.Call) -> None:
        """Take note of the texts that a call takes for names."""
        called = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        if isinstance(called, cst.Name) and called.value in _TAKES_NAMES:
            self.texts += [a.value for a in node.args if isinstance(a.value, cst.SimpleString)]

    def visit_Assign(self, node: cst.Assign) -> None:
        """Take note of `pytest_plugins`, whose texts are modules, and of `__all__`."""
        names = {t.target.value for t in node.targets if isinstance(t.target, cst.Name)}
        if names & {_LISTS_NAMES, "__all__"}:
            listed = node.value.elements if isinstance(node.value, cst.List | cst.Tuple) else ()
            values = [e.value for e in listed] or [node.value]
            texts = [v for v in values if isinstance(v, cst.SimpleString)]
            if _LISTS_NAMES in names:
                self.texts += texts
            else:
                self.exported.update(str(t.evaluated_value) for t in texts)


def groups(wrapper: MetadataWrapper, looked: Looked) -> Iterator[Group]:
    """Yield what the imports of a module bind, scope by scope."""
    for scope in dict.fromkeys(wrapper.resolve(ScopeProvider).values()):
        found: dict[str, Group] = {}
        for assignment in scope.assignments if scope else ():
            local = assignment.name.partition(".")[0]
            group = found.setdefault(local, Group(assignment.scope, local))
            _add(group, assignment, looked)
        yield from (group for group in found.values() if group.aliases)


def _add(group: Group, assignment: BaseAssignment, looked: Looked) -> None:
    alias = looked.aliases.get(assignment.as_name) if isinstance(assignment, ImportAssignment) else None
    if alias is None:
        group.foreign = True
    elif alias not in group.aliases:
        group.aliases.append(alias)
    for access in sorted(assignment.references, key=id):
        use = _use(access, looked)
        if use is None:
            group.foreign = True
        else:
            group.uses[use.node] = use


def _use(access: Access, looked: Looked) -> Use | None:
    node: cst.CSTNode = access.node
    if isinstance(node, cst.BaseString):
        return Use(node, (), access.scope)
    while not isinstance(node, cst.Name):
        if isinstance(node, cst.Attribute):
            node = node.value
        elif isinstance(node, cst.Call):
            node = node.func
        else:
            return None
    return Use(node, looked.chains.get(node, ()), access.scope)


def dotted_name(node: cst.CSTNode) -> str:
    """Return a name with its attributes as text."""
    return get_full_name_for_node(node) or ""
