"""Rewrites the source of one module, and names what it had to skip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from test_framework.audit.codemod.bindings import NameOccurrences, find_bindings
from test_framework.audit.codemod.plan_writing import Rewriter
from test_framework.audit.codemod.planning import RewritePlanner
from test_framework.suite.source import CannotRewrite

if TYPE_CHECKING:
    from test_framework.audit.codemod.planning import KnownModules
    from test_framework.audit.moves import Moves


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A new text, and line and reason of what was left as it is."""

    text: str
    skipped: tuple[tuple[int, str], ...]


def rewrite(text: str, moves: Moves, package: str, modules: KnownModules, *, initial: bool = False) -> Rewritten:
    """Return a module in which each name that has moved is imported from its new place.

    Args:
        text: The module.
        moves: What has moved.
        package: The package that it is in.
        modules: Knows the modules of the project.
        initial: Whether it is the `__init__` of the package.

    Raises:
        CannotRewrite: It cannot be parsed, or could not be any more.
    """
    try:
        module = cst.parse_module(text)
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise CannotRewrite(f"libcst cannot parse it: {error}".partition("\n")[0]) from error
    if module.code != text:
        raise CannotRewrite("libcst does not give it back as it was")
    try:
        # The copy is for trees that have a node twice: a parsed one has not.
        return _rewritten(MetadataWrapper(module, unsafe_skip_copy=True), moves, package, modules, initial=initial)
    except RecursionError as error:
        raise CannotRewrite("its expressions are nested too deeply") from error


def _rewritten(
    wrapper: MetadataWrapper, moves: Moves, package: str, modules: KnownModules, *, initial: bool
) -> Rewritten:
    occurrences = NameOccurrences(wrapper.module, package)
    planner = RewritePlanner(moves, modules, occurrences, initial=initial)
    plan = planner.make(find_bindings(wrapper, occurrences))
    skipped: list[tuple[int, str]] = []
    if plan.skipped:
        positions = wrapper.resolve(PositionProvider)
        skipped = sorted({(positions[node].start.line, why) for node, why in plan.skipped})
    made = wrapper.module.visit(Rewriter(plan, occurrences)) if plan.nodes() else wrapper.module
    try:
        cst.parse_module(made.code)
    except cst.ParserSyntaxError as error:
        raise CannotRewrite("libcst could not parse it any more") from error
    return Rewritten(made.code, tuple(skipped))
