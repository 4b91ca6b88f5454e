"""Sessions and tasks for a noxfile or a file of tasks that a project has already: put at its end, or told."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from test_framework.adopt.lines import after
from test_framework.suite.source import CannotRewrite, decode_with_encoding, encode_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.adopt.texts import Module


class ByHand(Exception):
    """What cannot be added without a change to what somebody wrote; the text says why, and what is to be done."""


def added(path: str, before: bytes | None, module: Module) -> bytes | None:
    """Return a file with all that is offered; None when it has that already.

    Args:
        path: Its name, for what is said of it.
        before: What it holds; None when it is not there.
        module: What to add.

    Raises:
        ByHand: It cannot be added.
    """
    if before is None:
        return module.whole().encode()
    try:
        text, encoding = decode_with_encoding(before)
    except CannotRewrite as error:
        raise ByHand(f"{path} is left as it is, since Python cannot read it: {error}.") from error
    there = _There(ast.parse(text))
    missing = {name: part for name, part in module.offered.items() if name not in there.offered(module)}
    if not missing:
        return None
    parts = there.helpers(module) | missing
    why = there.obstacle(module, parts)
    lacking = [line for line in module.imports if not there.imports(line)]
    last = module.main
    if last in parts and lacking:
        parts[last] = _importing(parts[last], lacking)
    if why:
        told = "\n\n\n".join([*there.base(module), *parts.values(), *there.listed(module, missing)])
        raise ByHand(f"{path} is left as it is, since {why}. To add by hand:\n\n{told}\n")
    return encode_source(after(text, "\n\n\n".join(parts.values()) + "\n", blank=2), encoding)


class _There:
    """What a file binds by itself, outside of functions and classes."""

    def __init__(self, tree: ast.Module) -> None:
        self.bound = {name: statement for statement in _statements(tree.body) for name in _names(statement)}

    def has(self, name: str, text: str) -> bool:
        """Whether a name is bound by this very statement."""
        statement = self.bound.get(name)
        return statement is not None and ast.dump(statement) == ast.dump(ast.parse(text).body[0])

    def offered(self, module: Module) -> set[str]:
        """Return the names of the sessions or the tasks."""
        found = set()
        for name, statement in self.bound.items():
            for decorator in getattr(statement, "decorator_list", ()):
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if ast.unparse(called).rpartition(".")[2] != module.decorator:
                    continue
                given = decorator.keywords if isinstance(decorator, ast.Call) else ()
                named = [k.value.value for k in given if k.arg == "name" and isinstance(k.value, ast.Constant)]
                found.add(str(named[0]) if named else name)
        return found

    def helpers(self, module: Module) -> dict[str, str]:
        """Return what the parts need and is not there; nothing where what they call is there, as it is by now."""
        main = ast.parse(module.helpers[module.main]).body[0]
        there = self.bound.get(module.main)
        if isinstance(main, ast.FunctionDef) and isinstance(there, ast.FunctionDef) and _takes(main) == _takes(there):
            return {}
        needed = dict(module.constants) | dict(module.helpers)
        return {name: text for name, text in needed.items() if not self.has(name, text)}

    def base(self, module: Module) -> list[str]:
        """Return the import that is missing and without which nothing can be added."""
        return [] if any(self.imports(line) for line in module.base) else [module.base[0]]

    def listed(self, module: Module, names: Iterable[str]) -> list[str]:
        """Return what adds parts to the list that the file has of them, below which it has to stand."""
        lists = [name for name in module.listing if name in self.bound][:1]
        return ["\n".join(f"{there}.add_task({name})" for name in names) for there in lists]

    def obstacle(self, module: Module, parts: Iterable[str]) -> str:
        """Return why parts of these names cannot be added; nothing when they can."""
        if self.base(module):
            return f"it has no `{module.base[0]}`"
        listed = [name for name in module.listing if name in self.bound]
        if listed:
            return f"its tasks are listed in `{listed[0]}`"
        taken = [name for name in parts if name in self.bound]
        return f"it has something else of the name `{taken[0]}`" if taken else ""

    def imports(self, line: str) -> bool:
        """Whether a name is imported as it is by this line, alone or with others."""
        (wanted,) = ast.parse(line).body
        (name,) = _names(wanted)
        there = self.bound.get(name)
        if type(there) is not type(wanted) or not isinstance(there, ast.Import | ast.ImportFrom):
            return False
        same = getattr(there, "module", None) == getattr(wanted, "module", None)
        return same and any((alias.name, alias.asname) == (name, None) for alias in there.names)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those in its conditions included."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            for inner in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, inner, []))
            for handler in getattr(statement, "handlers", ()):
                yield from _statements(handler.body)


def _names(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.Assign() | ast.AnnAssign():
            found = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            yield from (name.id for name in found if isinstance(name.ctx, ast.Store))


def _takes(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args]


def _importing(part: str, imports: Iterable[str]) -> str:
    """Return a function that imports these itself: they would come too late for the head of the file."""
    lines = part.split("\n")
    docstring = next(number for number, line in enumerate(lines) if '"""' in line)
    return "\n".join([*lines[: docstring + 1], *(f"    {line}" for line in imports), "", *lines[docstring + 1 :]])
