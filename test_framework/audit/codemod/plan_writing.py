"""Applies a plan to a module, and leaves everything else as it is."""

# ruff: noqa: N802  # libcst calls methods by the names of its nodes

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

from test_framework.audit.codemod.bindings import dotted_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from test_framework.audit.codemod.bindings import NameOccurrences
    from test_framework.audit.codemod.planning import RewritePlan

# What a comment says to a tool holds for each of the lines that one becomes.
_FOR_TOOLS = re.compile(r"#\s*(noqa|type:|pyright|pylint|mypy|pragma|isort|ruff|nosec|audit)")
_Import = cst.Import | cst.ImportFrom


class Rewriter(cst.CSTTransformer):
    """Replaces what a plan says; `occurrences` gives the modules that relative imports name."""

    def __init__(self, plan: RewritePlan, occurrences: NameOccurrences) -> None:
        self.plan = plan
        self.occurrences = occurrences
        self.concerned = occurrences.around(plan.nodes())

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Pass by what stays as it is."""
        return node in self.concerned

    def on_leave(
        self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT
    ) -> cst.CSTNodeT | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNodeT]:
        """Replace an expression as a whole."""
        made = self.plan.expressions.get(original_node)
        if made is not None:
            return made  # type: ignore[return-value]  # an expression for an expression
        return super().on_leave(original_node, updated_node)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
        """Write the imports of a line; those that one becomes get lines of their own."""
        body = self._statements(original_node.body, updated_node.body)
        if len(original_node.body) > 1 or len(body) == 1:
            return updated_node.with_changes(body=body)
        first, *others = (small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT) for small in body)
        comment = original_node.trailing_whitespace.comment
        for_tools = comment is not None and _FOR_TOOLS.match(comment.value)
        trailing = updated_node.trailing_whitespace.with_changes(newline=cst.Newline())
        lines = [
            cst.SimpleStatementLine([small], trailing_whitespace=trailing if for_tools else cst.TrailingWhitespace())
            for small in others
        ]
        return cst.FlattenSentinel([updated_node.with_changes(body=[first]), *lines])

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        """Write the imports that stand on the line of an `if` or the like."""
        return updated_node.with_changes(body=self._statements(original_node.body, updated_node.body))

    def _statements(
        self, originals: Sequence[cst.BaseSmallStatement], updated: Sequence[cst.BaseSmallStatement]
    ) -> list[cst.BaseSmallStatement]:
        body: list[cst.BaseSmallStatement] = []
        for original, now in zip(originals, updated, strict=True):
            if not isinstance(original, _Import):
                body.append(now)
                continue
            made = self._import(original) if isinstance(original, cst.Import) else self._from(original)
            needed = sorted(self.plan.needed.get(original, ()))
            plain = {dotted_name(a.name) for m in made if isinstance(m, cst.Import) for a in m.names if not a.asname}
            made += [_import_of([module]) for module in needed if module not in plain]
            inner = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))
            body += [small.with_changes(semicolon=inner) for small in made[:-1]]
            body.append(made[-1].with_changes(semicolon=original.semicolon) if made else now)
        return body

    # -- import a.b ----------------------------------------------------------------------------------

    def _import(self, node: cst.Import) -> list[_Import]:
        names: dict[tuple[str, str], cst.ImportAlias] = {}
        for alias in node.names:
            now = self.plan.aliases.get(alias, dotted_name(alias.name))
            if alias in self.plan.outermost:
                outermost = dotted_name(alias.name).partition(".")[0]
                names.setdefault((outermost, ""), cst.ImportAlias(cst.Name(outermost)))
            if alias not in self.plan.dropped:
                kept = alias
                if alias in self.plan.aliases:
                    kept = alias.with_changes(name=_name(now))
                names.setdefault((now, dotted_name(alias.asname.name) if alias.asname else ""), kept)
        aliases = list(names.values())
        if all(a is b for a, b in zip(aliases, node.names, strict=False)) and len(aliases) == len(node.names):
            return [node]
        if not aliases:
            return []
        return [node.with_changes(names=_separated(aliases))]

    # -- from a.b import n -----------------------------------------------------------------------------

    def _from(self, node: cst.ImportFrom) -> list[_Import]:
        if isinstance(node.names, cst.ImportStar):
            new = self.plan.stars.get(node)
            return [self._of(node, new) if new else node]
        groups: dict[str | None, list[cst.ImportAlias]] = {}
        modules: list[cst.ImportAlias] = []
        for alias in node.names:
            if alias in self.plan.dropped:
                continue
            now = self.plan.aliases.get(alias)
            if now is None:
                groups.setdefault(None, []).append(alias)
                continue
            module, _, name = now.rpartition(".")
            made = _renamed(alias, name)
            if module:
                groups.setdefault(None if module == self.occurrences.base(node) else module, []).append(made)
            else:
                modules.append(made.with_changes(comma=cst.MaybeSentinel.DEFAULT))
        made_of: list[_Import] = []
        whole = len(groups) == 1 and sum(map(len, groups.values())) == len(node.names)
        for module_name, aliases in sorted(groups.items(), key=lambda g: g[0] is not None):
            part = node if module_name is None else self._of(node, module_name)
            made_of.append(part.with_changes(names=aliases) if whole else _part(part, aliases, first=not made_of))
        return [*made_of, *(cst.Import([alias]) for alias in modules)]

    def _of(self, node: cst.ImportFrom, module: str) -> cst.ImportFrom:
        """Return an import from another module: relative if it was and the new place is in the same package."""
        if node.relative:
            outer = self.occurrences.base(node.with_changes(module=None))
            if module == outer or module.startswith(f"{outer}."):
                inner = module[len(outer) + 1 :]
                return node.with_changes(module=_name(inner) if inner else None)
        before = node.whitespace_before_import
        space = before if not before.empty else cst.SimpleWhitespace(" ")
        after = node.whitespace_after_from if not node.whitespace_after_from.empty else cst.SimpleWhitespace(" ")
        return node.with_changes(
            module=_name(module), relative=(), whitespace_before_import=space, whitespace_after_from=after
        )


def _name(dotted: str) -> cst.Name | cst.Attribute:
    made = cst.parse_expression(dotted)
    if not isinstance(made, cst.Name | cst.Attribute):
        raise TypeError(dotted)
    return made


def _import_of(modules: Iterable[str]) -> cst.Import:
    return cst.Import([cst.ImportAlias(_name(module)) for module in modules])


def _renamed(alias: cst.ImportAlias, name: str) -> cst.ImportAlias:
    """Return a name of an import for another one that binds the same as before."""
    local = dotted_name(alias.asname.name) if alias.asname else dotted_name(alias.name)
    written = dotted_name(alias.asname.name) if alias.asname else None
    if local == name and written != dotted_name(alias.name):
        return alias.with_changes(name=cst.Name(name), asname=None)
    if alias.asname:
        return alias.with_changes(name=cst.Name(name))
    return alias.with_changes(name=cst.Name(name), asname=cst.AsName(cst.Name(local)))


def _separated(aliases: Sequence[cst.ImportAlias]) -> list[cst.ImportAlias]:
    """Return names with a comma between each two, and none after the last."""
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    with_one = [a if isinstance(a.comma, cst.Comma) else a.with_changes(comma=comma) for a in aliases[:-1]]
    return [*with_one, aliases[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]


def _part(node: cst.ImportFrom, aliases: Sequence[cst.ImportAlias], *, first: bool) -> cst.ImportFrom:
    """Return an import of some of its names; the comments of its brackets go with the first part."""
    if node.lpar is None:
        return node.with_changes(names=_separated(aliases))
    commented = [a for a in aliases if isinstance(a.comma, cst.Comma) and _comment(a.comma.whitespace_after)]
    opening, closing = node.lpar.whitespace_after, node.rpar.whitespace_before if node.rpar else None
    if not commented and not first and not _tall(node):
        return node.with_changes(names=_separated(aliases), lpar=None, rpar=None)
    if not first and isinstance(opening, cst.ParenthesizedWhitespace):
        opening = opening.with_changes(
            first_line=opening.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace("")),
            empty_lines=[],
        )
    last = node.names[-1] if not isinstance(node.names, cst.ImportStar) else aliases[-1]
    ending = last.comma.whitespace_after if isinstance(last.comma, cst.Comma) else closing
    made = list(aliases)
    if made[-1] is not last:
        made[-1] = _ended(made[-1], ending)
        closing = cst.SimpleWhitespace("")
    for index, alias in enumerate(made[:-1]):
        if not isinstance(alias.comma, cst.Comma):
            made[index] = alias.with_changes(comma=cst.Comma(whitespace_after=opening))
    left = node.lpar.with_changes(whitespace_after=opening)
    right = node.rpar.with_changes(whitespace_before=closing) if node.rpar else None
    return node.with_changes(names=made, lpar=left, rpar=right)


def _ended(alias: cst.ImportAlias, ending: cst.BaseParenthesizableWhitespace | None) -> cst.ImportAlias:
    """Return a name that is now the last in its brackets: the bracket stands where it stood."""
    if not isinstance(ending, cst.ParenthesizedWhitespace):
        if isinstance(alias.comma, cst.Comma) and not _comment(alias.comma.whitespace_after):
            return alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return alias
    own = alias.comma.whitespace_after if isinstance(alias.comma, cst.Comma) else None
    if isinstance(own, cst.ParenthesizedWhitespace):
        after = own.with_changes(indent=ending.indent, last_line=ending.last_line)
    else:
        after = cst.ParenthesizedWhitespace(indent=ending.indent, last_line=ending.last_line)
    return alias.with_changes(comma=cst.Comma(whitespace_after=after))


def _tall(node: cst.ImportFrom) -> bool:
    return node.lpar is not None and isinstance(node.lpar.whitespace_after, cst.ParenthesizedWhitespace)


def _comment(space: cst.BaseParenthesizableWhitespace) -> bool:
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return False
    return space.first_line.comment is not None or any(line.comment for line in space.empty_lines)
