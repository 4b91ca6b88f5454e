"""Resolves a dotted name in one file to its definition, in whichever file of the project."""

from __future__ import annotations

import builtins
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from test_framework.audit.rules.source_file import PLAIN_BASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.audit.rules.fact_store import FactStore
    from test_framework.audit.rules.function_use import Target
    from test_framework.audit.rules.module_paths import ModulePaths

_BUILTINS = frozenset(dir(builtins))
_DEEP = 20  # names that lead to names


class NameKind(Enum):
    """What a name stands for, if that is in the project."""

    FUNCTION = 1
    CLASS = 2
    MODULE = 3
    VALUE = 4
    UNKNOWN = 5  # of the project, but not known


class ResolvedName(NamedTuple):
    """A thing, the file in which it is, and its name there."""

    kind: NameKind
    path: str = ""
    name: str = ""


class Inheritance(NamedTuple):
    """A class with its bases, and whether there are others that may have more methods."""

    classes: tuple[tuple[str, str], ...]  # path and name, in the order in which methods are looked up
    cases: bool  # whether one is a `TestCase` of a library
    beyond: bool  # whether one is something else of a library
    unknown: bool  # whether nobody can say what one is


_UNKNOWN = ResolvedName(NameKind.UNKNOWN)


class NameResolver:
    """Looks names up."""

    def __init__(self, files: FactStore, places: ModulePaths) -> None:
        self.files, self.places = files, places
        self._looked_up: dict[tuple[str, str], list[ResolvedName]] = {}
        self._lines: dict[tuple[str, str], Inheritance] = {}

    def look_up(
        self, path: str, name: str, local: Iterable[tuple[str, Target]] = (), deep: int = 0
    ) -> list[ResolvedName]:
        """Return what a dotted name in a file may be; nothing when it is a library's or a builtin.

        Args:
            path: The file.
            name: The name as it is written there.
            local: What the function imports in which it is written.
            deep: How many names have led to it.
        """
        key = path, name
        head, *rest = name.split(".")
        targets = [target for bound, target in local if bound == head]
        if not targets and key in self._looked_up:
            return self._looked_up[key]
        if not targets:
            self._looked_up[key] = [_UNKNOWN]  # for a value that is made of itself
        if targets:
            found = [n for target in targets for n in self._target(path, target, deep)]
        else:
            found = self._member(path, head, deep) or []
            if head in _BUILTINS:
                found = [n for n in found if n.kind != NameKind.UNKNOWN]
        for part in rest:
            found = list(dict.fromkeys(n for one in found for n in self._attribute(one, part, deep)))
        if not targets:
            self._looked_up[key] = found
        return found

    def line(self, path: str, name: str) -> Inheritance:
        """Return a class with its bases."""
        key = path, name
        if key not in self._lines:
            self._lines[key] = Inheritance(((path, name),), cases=False, beyond=False, unknown=True)  # for a circle
            self._lines[key] = self._line(path, name)
        return self._lines[key]

    def method(self, path: str, owner: str, name: str) -> ResolvedName | None:
        """Return a method of a class, its own or inherited; None when no class of the project has it."""
        for place, member in self.line(path, owner).classes:
            table = self.files.table(place)
            if table is not None and name in table.classes[member][1]:
                return ResolvedName(NameKind.FUNCTION, place, f"{member}.{name}")
        return None

    def module(self, path: str, target: Target) -> tuple[str, ...]:
        """Return the files of the project that an import reads."""
        module, level, name = target
        found, _ = self.places.of(path, module, level)
        inner = (file for package in found for file in self.places.submodule(package, name)) if name else ()
        return (*found, *inner)

    def _line(self, path: str, name: str) -> Inheritance:
        table = self.files.table(path)
        if table is None:
            return Inheritance((), cases=False, beyond=False, unknown=True)
        classes, cases, beyond, unknown = {(path, name): None}, False, False, False
        for base in table.classes[name][0]:
            found = self.look_up(path, base) if base else [_UNKNOWN]
            last = base.rpartition(".")[2]
            if not found:
                cases = cases or last.endswith("TestCase")
                beyond = beyond or not (last.endswith("TestCase") or last in PLAIN_BASES)
            for one in found:
                if one.kind != NameKind.CLASS:
                    unknown = True
                    continue
                inner = self.line(one.path, one.name)
                classes.update(dict.fromkeys(inner.classes))
                cases, beyond = cases or inner.cases, beyond or inner.beyond
                unknown = unknown or inner.unknown
        return Inheritance(tuple(classes), cases, beyond, unknown)

    def _member(self, path: str, name: str, deep: int) -> list[ResolvedName] | None:  # noqa: C901 - one for each kind
        """Return what a module has under a name; None when it has no such name."""
        if deep > _DEEP:
            return [_UNKNOWN]
        table = self.files.table(path)
        if table is None:
            return [ResolvedName(NameKind.MODULE, p) for p in self.places.submodule(path, name)] or [_UNKNOWN]
        found = [n for target in table.imports.get(name, ()) for n in self._target(path, target, deep + 1)]
        if name in table.functions:
            found.append(ResolvedName(NameKind.FUNCTION, path, name))
        if name in table.classes:
            found.append(ResolvedName(NameKind.CLASS, path, name))
        if name in table.values:
            found.append(ResolvedName(NameKind.VALUE, path, name))
        if found or name in table.imports:
            return found
        for module, level in table.stars:
            for file in self.places.of(path, module, level)[0]:
                if inner := self._member(file, name, deep + 1):
                    found += [n for n in inner if n.kind != NameKind.UNKNOWN]
        if found:
            return found
        inner_modules = [ResolvedName(NameKind.MODULE, p) for p in self.places.submodule(path, name)]
        return inner_modules or ([_UNKNOWN] if table.opens else None)

    def _target(self, path: str, target: Target, deep: int) -> list[ResolvedName]:
        """Return what an import binds."""
        module, level, name = target
        files, sure = self.places.of(path, module, level)
        if not name:
            return [ResolvedName(NameKind.MODULE, file) for file in files]
        found: list[ResolvedName] = []
        missing = False
        for file in files:
            inner = self._member(file, name, deep + 1)
            missing = missing or inner is None
            found += inner or []
        return found or ([_UNKNOWN] if sure and missing else [])

    def _attribute(self, named: ResolvedName, name: str, deep: int) -> Iterator[ResolvedName]:  # noqa: C901 - one for each kind
        """Yield what a thing has under a name."""
        match named.kind:
            case NameKind.MODULE:
                found = self._member(named.path, name, deep + 1)
                yield from [_UNKNOWN] if found is None else found
            case NameKind.CLASS:
                method = self.method(named.path, named.name, name)
                if method is not None:
                    yield method
                elif self.line(named.path, named.name).unknown:
                    yield _UNKNOWN
            case NameKind.VALUE:
                table = self.files.table(named.path)
                for maker in table.values[named.name] if table is not None else ():
                    for one in self.look_up(named.path, maker, deep=deep + 1) if deep < _DEEP else ():
                        # A value of values is followed no further: there are circles of them.
                        if one.kind != NameKind.VALUE:
                            yield from self._attribute(one, name, deep + 1)
                        elif one != named:
                            yield _UNKNOWN
            case NameKind.UNKNOWN:
                yield named
            case NameKind.FUNCTION:
                pass
