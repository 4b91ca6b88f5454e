"""Ways to damage a Python file: each returns the damaged text, or nothing when the file offers no place for it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["IN_MODULES", "IN_TESTS", "Damage"]

MANY = 400_000
"""Characters: what is longer is data, and would take long to read as tokens."""


@dataclass(frozen=True, slots=True)
class Damage:
    """The damaged text, and the words by which an error that comes of it can be known."""

    text: str
    words: tuple[str, ...] = ()


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    if len(text) > MANY:
        return []
    try:
        return list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return []


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except SyntaxError:
        return None


def _cut(text: str, row: int, start: int, end: int, new: str = "") -> str:
    lines = text.splitlines(keepends=True)
    lines[row - 1] = lines[row - 1][:start] + new + lines[row - 1][end:]
    return "".join(lines)


def _token_lost(wanted: Callable[[tokenize.TokenInfo], bool]) -> Callable[[random.Random, str], Damage | None]:
    def damage(rng: random.Random, text: str) -> Damage | None:
        places = [t for t in _tokens(text) if wanted(t) and t.start[0] == t.end[0]]
        if not places:
            return None
        token = rng.choice(places)
        return Damage(_cut(text, token.start[0], token.start[1], token.end[1]))

    return damage


def _indentation(rng: random.Random, text: str) -> Damage | None:
    lines = text.splitlines(keepends=True)
    places = [n for n, line in enumerate(lines) if line.startswith("    ") and line.strip()]
    if not places:
        return None
    number = rng.choice(places)
    lines[number] = lines[number][rng.choice((1, 2, 4)) :] if rng.random() < 0.5 else " " + lines[number]
    return Damage("".join(lines))


def _quote_lost(rng: random.Random, text: str) -> Damage | None:
    places = [t for t in _tokens(text) if t.type == tokenize.STRING and t.start[0] == t.end[0] and len(t.string) > 2]
    if not places:
        return None
    token = rng.choice(places)
    return Damage(_cut(text, token.end[0], token.end[1] - 1, token.end[1]))


def _keyword(rng: random.Random, text: str) -> Damage | None:
    typos = {"def": "dfe", "class": "clas", "import": "improt", "return": "retrun", "for": "fro", "assert": "asert"}
    places = [t for t in _tokens(text) if t.type == tokenize.NAME and t.string in typos]
    if not places:
        return None
    token = rng.choice(places)
    return Damage(_cut(text, token.start[0], token.start[1], token.end[1], typos[token.string]))


def _lines_lost(rng: random.Random, text: str) -> Damage | None:
    lines = text.splitlines(keepends=True)
    if len(lines) < 10:
        return None
    first = rng.randrange(len(lines) - 5)
    gone = lines[first : first + rng.randrange(1, 6)]
    words = tuple(re.findall(r"^(?:def|class) (\w+)", "".join(gone), re.M))
    return Damage("".join(lines[:first] + lines[first + len(gone) :]), words)


def _conflict(rng: random.Random, text: str) -> Damage | None:
    lines = text.splitlines(keepends=True)
    if not lines:
        return None
    at = rng.randrange(len(lines))
    return Damage("".join([*lines[:at], "<<<<<<< ours\n", lines[at], "=======\n", lines[at], ">>>>>>> theirs\n"]))


def _statement(rng: random.Random, text: str, kinds: tuple[type[ast.stmt], ...]) -> tuple[ast.Module, ast.stmt] | None:
    tree = _tree(text)
    places = [node for node in tree.body if isinstance(node, kinds)] if tree else []
    # `from __future__` is not for imports: what it changes is another kind of damage.
    places = [n for n in places if not (isinstance(n, ast.ImportFrom) and n.module == "__future__")]
    return (tree, rng.choice(places)) if tree and places else None


def _without(text: str, node: ast.stmt, new: str = "pass") -> str:
    lines = text.splitlines(keepends=True)
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    last = node.end_lineno or first
    return "".join([*lines[: first - 1], f"{new}\n", *(["\n"] * (last - first)), *lines[last:]])


def _name_removed(rng: random.Random, text: str) -> Damage | None:
    found = _statement(rng, text, (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AsyncFunctionDef))
    if found is None:
        return None
    node = found[1]
    return Damage(_without(text, node), tuple(_bound(node)))


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _renamed(rng: random.Random, text: str) -> Damage | None:
    found = _statement(rng, text, (ast.FunctionDef, ast.ClassDef))
    if found is None or not isinstance(found[1], ast.FunctionDef | ast.ClassDef):
        return None
    node = found[1]
    lines = text.splitlines(keepends=True)
    line = lines[node.lineno - 1]
    lines[node.lineno - 1] = re.sub(rf"\b{node.name}\b", f"{node.name}_renamed", line, count=1)
    return Damage("".join(lines), (node.name,))


def _import_removed(rng: random.Random, text: str) -> Damage | None:
    found = _statement(rng, text, (ast.Import, ast.ImportFrom))
    if found is None or not isinstance(found[1], ast.Import | ast.ImportFrom):
        return None
    names = tuple((a.asname or a.name).partition(".")[0] for a in found[1].names)
    return Damage(_without(text, found[1]), names)


def _import_rewritten(change: Callable[[random.Random, ast.stmt], tuple[str, ...]]) -> Callable[..., Damage | None]:
    def damage(rng: random.Random, text: str) -> Damage | None:
        found = _statement(rng, text, (ast.Import, ast.ImportFrom))
        if found is None:
            return None
        words = change(rng, found[1])
        return Damage(_without(text, found[1], ast.unparse(found[1])), words) if words else None

    return damage


def _name_misspelt(rng: random.Random, node: ast.stmt) -> tuple[str, ...]:
    if not isinstance(node, ast.ImportFrom) or node.names[0].name == "*":
        return ()
    alias = rng.choice(node.names)
    alias.asname, alias.name = alias.asname or alias.name, alias.name[:-1] + "_" + alias.name[-1]
    return (alias.name,)


def _module_misspelt(rng: random.Random, node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, ast.ImportFrom) and node.module:
        parts = node.module.split(".")
        parts[rng.randrange(len(parts))] += "x"
        node.module = ".".join(parts)
        return (node.module,)
    if isinstance(node, ast.Import):
        node.names[0].name += "x"
        return (node.names[0].name,)
    return ()


def _level_added(rng: random.Random, node: ast.stmt) -> tuple[str, ...]:
    if not isinstance(node, ast.ImportFrom):
        return ()
    if node.level:
        node.level += 1
        return (node.module or node.names[0].name,)
    node.level = rng.choice((1, 2, 9))
    return (node.module or "",)


def _export_removed(rng: random.Random, node: ast.stmt) -> tuple[str, ...]:
    if not isinstance(node, ast.ImportFrom) or len(node.names) < 2:
        return ()
    alias = node.names.pop(rng.randrange(len(node.names)))
    return (alias.asname or alias.name,)


def _export_claimed(rng: random.Random, text: str) -> Damage | None:
    places = [m.end() for m in re.finditer(r"^__all__(?:: [\w\[\], .]+)? *\+?= *[\[(]", text, re.M)]
    if not places:
        return None
    at = rng.choice(places)
    return Damage(f'{text[:at]}"claimed_by_nobody", {text[at:]}', ("claimed_by_nobody",))


_ANYWHERE: dict[str, Callable[[random.Random, str], Damage | None]] = {
    "bracket lost": _token_lost(lambda t: t.string in tuple("()[]{}")),
    "indentation broken": _indentation,
    "colon lost": _token_lost(lambda t: t.string == ":"),
    "import misspelt": _import_rewritten(_name_misspelt),
    "module misspelt": _import_rewritten(_module_misspelt),
    "import removed": _import_removed,
    "relative level added": _import_rewritten(_level_added),
    "name removed": _name_removed,
    "lines lost": _lines_lost,
}
IN_TESTS = {
    **_ANYWHERE,
    "quote lost": _quote_lost,
    "keyword misspelt": _keyword,
    "merge conflict": _conflict,
}
IN_MODULES = {
    **_ANYWHERE,
    "name renamed": _renamed,
    "re-export removed": _import_rewritten(_export_removed),
    "`__all__` claims a name": _export_claimed,
}
