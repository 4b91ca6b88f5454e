"""What the sources of tests say: whether there is a test, and which services it touches; nothing is imported.

A test touches a service when it, or a fixture that it uses, names the service or a fixture of it (`postgres`,
`postgres_db`) as an argument, or in `requires`, `real_services`, `usefixtures` or `getfixturevalue`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ALL = "real_services"
_NAMING = frozenset(("requires", _ALL, "usefixtures", "getfixturevalue"))


def touched(files: Iterable[Path], root: Path, services: Iterable[str], tier_services: Iterable[str]) -> set[str]:
    """Return those of `services` that the tests of these files touch.

    Args:
        files: The test files.
        root: The project's folder: its `conftest.py`s, down to each file, and what these import from it, count.
        services: The names that are looked for.
        tier_services: What `real_services` without names stands for.
    """
    uses: dict[str, set[str]] = {}
    named: set[str] = set()
    seen: set[Path] = set()
    for file in files:
        tree = _parsed(file)
        named |= _named(tree, tier_services)
        seen.add(file)
        _fixtures(tree, uses)
        for folder in _between(root, file.parent):
            _conftest(folder / "conftest.py", root, uses, seen)
    work = list(named)
    while work:
        for name in uses.get(work.pop(), ()):
            if name not in named:
                named.add(name)
                work.append(name)
    return {s for s in services if any(n == s or n.startswith(f"{s}_") for n in named)}


def holds_test(file: Path) -> bool:
    """Whether a file has a test function, or a test class, by pytest's own names."""
    for node in _parsed(file).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            return True
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            return True
    return False


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])  # the audit tells of it


def _between(root: Path, folder: Path) -> Iterator[Path]:
    """Yield the folders from the root to a folder."""
    yield from (f for f in (*reversed(folder.parents), folder) if f.is_relative_to(root))


def _conftest(path: Path, root: Path, uses: dict[str, set[str]], seen: set[Path]) -> None:
    """Take the fixtures of a file, and of the files of the project that it imports names from."""
    if path in seen or not path.is_file():
        return
    seen.add(path)
    tree = _parsed(path)
    _fixtures(tree, uses)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            _conftest(root.joinpath(*node.module.split(".")).with_suffix(".py"), root, uses, seen)


def _fixtures(tree: ast.Module, uses: dict[str, set[str]]) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(_is_fixture, node.decorator_list)):
            uses.setdefault(node.name, set()).update(_named(node, ()))


def _is_fixture(decorator: ast.expr) -> bool:
    return _last(decorator.func if isinstance(decorator, ast.Call) else decorator) == "fixture"


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _named(tree: ast.AST, tier_services: Iterable[str]) -> set[str]:
    """Return the fixtures and the services that are named below a node."""
    named: set[str] = set()
    with_names: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named.update(a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))
        elif isinstance(node, ast.Call) and node.args and _last(node.func) in _NAMING:
            with_names.add(node.func)
            named.update(a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
        elif isinstance(node, ast.Attribute) and node.attr == _ALL and node not in with_names:
            named.update(tier_services)
    return named
