"""Writes the files of the generated suite: the sound ones, and those of a planted variant with their expectations."""

from __future__ import annotations

import ast
import random
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.audit.prose import module_code, test_code, title, word

if TYPE_CHECKING:
    from pathlib import Path

    from tests.audit.cases import Kind, Variant

__all__ = ["TIERS", "Plant", "Project"]

TIERS = ("unit", "integration", "e2e")
MARK = "¤"
AREAS = 24
TEST_IMPORTS = """
import asyncio
import unittest
from unittest import mock

import pytest

from tests.helpers.checks import assert_rows


"""


@dataclass(slots=True)
class Plant:
    """A variant where it was planted, and what the audit must say: of `tests`, that `kinds` at `path` is the reason."""

    kind: str
    bad: bool
    rule: bool
    kinds: list[str]
    tests: list[str] = field(default_factory=list)
    """The test files that are broken by it, or in which it is found."""
    fine: list[str] = field(default_factory=list)
    """The test files beside it of which nothing may be said."""
    path: str = ""
    first: int = 0
    last: int = 0
    suggestion: str = ""


class Project:
    """The folder that is written, with random but repeatable words and sizes."""

    def __init__(self, root: Path, seed: int, size: int) -> None:
        self.root = root
        self.rng = random.Random(seed)  # noqa: S311  # a suite, not a secret
        self.size = size
        self.plants: list[Plant] = []
        self.tests: list[str] = []
        self.modules = 0
        self.bytes = 0
        self.numbered = 0
        self.areas = [f"{word(self.rng)}_{n}" for n in range(AREAS)]
        self._packages: set[str] = set()

    def unique(self) -> str:
        """Return a word that nothing else in the project is called."""
        self.numbered += 1
        return f"{word(self.rng)}_{self.numbered:04d}"

    def write(self, path: str, text: str) -> None:
        """Write a file with the packages around it, and count it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode("utf-8", "surrogateescape")
        file.write_bytes(data)
        self.bytes += len(data)
        if path.rpartition("/")[2].startswith("test_") and path.startswith(("tests/", "scratch/")):
            self.tests.append(path)
        elif path.endswith(".py") and not path.endswith("__init__.py"):
            self.modules += 1

    def package(self, path: str) -> None:
        """Make the folder a package, and those above it."""
        while path not in {"", "src", "."} and path not in self._packages:
            self._packages.add(path)
            if not (self.root / path / "__init__.py").exists():
                self.write(f"{path}/__init__.py", "")
            path = path.rpartition("/")[0]

    def length(self) -> int:
        """Return the size of the next file: most are small, some large."""
        return int(self.size * min(self.rng.lognormvariate(0, 0.7) / 1.22, 6))

    def module_text(self, snippet: str) -> str:
        """Return a sound module that begins with the snippet."""
        return self._docstring(snippet) + snippet + "\n\n" + module_code(self.rng, self.length())

    def test_text(self, header: str, tests: str = "") -> str:
        """Return sound tests after the header, with the given ones among them."""
        half = self.length() // 2
        before, after = test_code(self.rng, half), test_code(self.rng, half)
        # Only the words that are in both could shadow one another: the second half gets names of its own.
        after = after.replace("def test_", "def test_more_").replace("\nclass Test", "\nclass TestMore")
        after = after.replace("Case(unittest", "MoreCase(unittest")
        return f"{self._docstring(header)}{header}\n{TEST_IMPORTS}{before}{tests}\n\n{after}"

    def _docstring(self, snippet: str) -> str:
        if snippet.startswith("# -*-"):
            return ""
        lines = [f"It looks at {word(self.rng)}s (and at `import {word(self.rng)}`)." for _ in range(4)]
        return f'"""What {word(self.rng)}s are.\n\n' + "\n".join(lines) + '\n"""\n'

    def place(self) -> tuple[str, str]:
        """Return a folder of tests with its tier."""
        tier, area = self.rng.choice(TIERS), self.rng.choice(self.areas)
        self.package(f"tests/{tier}/{area}")
        return f"tests/{tier}/{area}", area

    def plant(self, kind: Kind, variant: Variant) -> None:
        """Write the files of a variant and remember what the audit must say of them."""
        unique = self.unique()
        folder, area = self.place()
        library = f"src/acme/{area}/{unique}"
        own = f"{folder}/{unique}_own"
        names = {
            "LIB": f"acme.{area}.{unique}",
            "HELPER": f"tests.helpers.{unique}",
            "HERE": own.replace("/", "."),
            "UNIQUE": unique,
            "UniqueGone": f"Unique{title(unique)}",
            "\\udce9": "\udce9",
        }
        planted = Plant(kind.name, bool(variant.kinds), kind.rule, list(variant.kinds))
        planted.suggestion = _named(variant.suggestion, names)
        files = {_named(path, names): _named(text, names) for path, text in variant.files.items()}
        in_own = variant.no_init or any(path.startswith("dir/") for path in files)
        if any(path.startswith("lib/") for path in files):
            files.setdefault("lib/__init__.py", "")
            self.package(f"src/acme/{area}")
        if in_own and not variant.no_init:
            files.setdefault("dir/__init__.py", "")
        if {"test", "tests"} & set(files):
            files["test"] = files.get("test", "") + "\0" + files.pop("tests", "")
        for name, text in files.items():
            path = self._path(name, unique, library, own if in_own else "", folder)
            self._write_planted(planted, name, path, text)
        self.plants.append(planted)

    def _path(self, name: str, unique: str, library: str, own: str, folder: str) -> str:
        first, _, rest = name.partition("/")
        if first == "lib":
            if "/" in rest and "space" not in rest:
                self.package(f"{library}/{rest.rpartition('/')[0]}")
            return f"{library}/{rest}"
        if first == "dir":
            return f"{own}/{rest}"
        if first == "helper":
            return f"tests/helpers/{unique}.py"
        if first == "stray":
            return f"tests/scratch_{unique}/test_{unique}.py"
        if first == "sound":
            return f"{folder}/test_{unique}_sound.py"
        return f"{own or folder}/test_{unique}{'' if first in {'test', 'only'} else '_' + first}.py"

    def _write_planted(self, planted: Plant, name: str, path: str, text: str) -> None:
        is_test = path.rpartition("/")[2].startswith("test_")
        if name in {"only", "stray"} or path.endswith("__init__.py") or ("/" in name and is_test):
            whole = text
        elif is_test:
            header, _, tests = text.partition("\0")
            whole = self.test_text(header, tests)
        else:
            whole = self.module_text(text)
        if MARK in whole:
            line = whole[: whole.index(MARK)].count("\n") + 1
            whole = whole.replace(MARK, "")
            if planted.bad:
                planted.path = path
                planted.first, planted.last = _lines(whole, line)
        self.write(path, whole)
        if not is_test:
            return
        lone = planted.rule or "name-clash" in planted.kinds
        if planted.bad and name != "sound" and not (lone and path != planted.path):
            planted.tests.append(path)
        else:
            planted.fine.append(path)


def _named(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def _lines(text: str, line: int) -> tuple[int, int]:
    """Return the lines of the statement around a place, or of the error that the compiler finds."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text.encode("utf-8", "surrogateescape"), "planted", "exec", dont_inherit=True)
    except SyntaxError as error:
        return (error.lineno or line, error.lineno or line)
    found = (line, line)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            last = node.end_lineno or node.lineno
            if first <= line <= last and (found == (line, line) or last - first <= found[1] - found[0]):
                found = (first, last)
    return found
