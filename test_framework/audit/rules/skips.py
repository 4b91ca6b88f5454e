"""Skips that do not say why. An expected failure is no skip unless it says `run=False`."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from test_framework.audit.rules.findings import RuleFinding
from test_framework.audit.rules.source_file import DEF_TYPES, last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.audit.rules.source_file import Def, SourceFile

# What is surely none of these needs no tree: a skip with a text is by far the most frequent.
_MAYBE = re.compile(
    r"""\bskip\b(?!\(\s*(?:reason\s*=\s*)?f?["'][^"'\s])|skipif|SkipTest|skipTest\((?!\s*f?["'][^"'\s])"""
)
_NOT_RUN = re.compile(r"run\s*=\s*False")
_MESSAGE = "says no reason"


def is_skipped(node: Def | ast.ClassDef) -> bool:
    """Whether a test or a class is never run, by a decorator."""
    return any(last_name(d.func if isinstance(d, ast.Call) else d) == "skip" for d in node.decorator_list)


def skips(source: SourceFile) -> Iterator[RuleFinding]:
    """Yield the skips of a file that do not say why."""
    text = source.text
    if not (("kip" in text and _MAYBE.search(text)) or _NOT_RUN.search(text)):
        return
    names = {test.node.lineno: test.name for test in source.tests}
    seen: set[tuple[int, str]] = set()
    for anchor, name, node in _everywhere(source, names):
        for line in _bare(node):
            if (line, name) not in seen:
                seen.add((line, name))
                yield RuleFinding(line, "skip-without-reason", name, _MESSAGE, anchor)


def _everywhere(source: SourceFile, names: dict[int, str]) -> Iterator[tuple[int, str, ast.AST]]:
    """Yield the nodes in which a skip may stand, with the line and the name of their test."""
    taken: set[ast.AST] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, (*DEF_TYPES, ast.ClassDef)):
            name = names.get(node.lineno, node.name)
            for decorator in node.decorator_list:
                taken.update(ast.walk(decorator))
                yield node.lineno, name, decorator
            if isinstance(node, DEF_TYPES):
                body = source.body(node)
                if body is not None and ("skip" in body or "Skip" in body) and (exact := source.exact(node)):
                    for inner in (n for s in exact.body for n in ast.walk(s)):
                        if isinstance(inner, (ast.Call, ast.Raise)):
                            yield node.lineno, name, inner
        elif node not in taken and isinstance(node, (ast.Call, ast.Raise)):
            yield 0, "", node
        elif isinstance(node, ast.Assign) and any(last_name(t) == "pytestmark" for t in node.targets):
            values = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]
            yield from ((0, "", value) for value in values)


def _bare(node: ast.AST) -> Iterator[int]:
    """Yield the line of a node when it is a skip without a reason."""
    match node:
        case ast.Attribute(value=ast.Attribute(attr="mark"), attr="skip"):
            yield node.lineno
        case ast.Attribute(value=ast.Name("unittest"), attr="skip"):
            yield node.lineno
        case ast.Raise(exc=ast.Name("SkipTest") | ast.Attribute(attr="SkipTest")):
            yield node.lineno
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if _is_skip(owner, name):
            if not _says_why(node, name):
                yield node.lineno
        case ast.Call(func=ast.Name("SkipTest") | ast.Attribute(attr="SkipTest")):
            if not _says_why(node, "SkipTest"):
                yield node.lineno
        case _:
            pass


def _is_skip(owner: ast.expr, name: str) -> bool:
    of_mark = last_name(owner) == "mark"
    if name in {"skip", "skipTest"}:
        return of_mark or last_name(owner) in {"pytest", "unittest", "self"}
    return of_mark and name in {"skipif", "xfail"}


def _says_why(node: ast.Call, name: str) -> bool:
    keywords = {k.arg: k.value for k in node.keywords}
    if None in keywords or any(isinstance(a, ast.Starred) for a in node.args):
        return True
    if name == "xfail":
        runs = keywords.get("run")
        if not (isinstance(runs, ast.Constant) and runs.value is False):
            return True
    if name == "skipif" and not keywords and all(_is_text(a) for a in node.args):
        return True  # pytest gives the text of the condition as the reason, and refuses a boolean without one
    conditions = name in {"skipif", "xfail"}
    reason = keywords.get("reason") or keywords.get("msg")
    if reason is None and not conditions and node.args:
        reason = node.args[0]
    return reason is not None and not (isinstance(reason, ast.Constant) and not str(reason.value or "").strip())


def _is_text(node: ast.expr) -> bool:
    """Whether a condition is a text, or a name, which stands for one where it is alone."""
    return isinstance(node, (ast.Name, ast.Attribute)) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
