"""Provides the facts of files on demand: from the cache, or by reading the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.audit.rules.facts import Facts, packed_facts, unpacked_facts
from test_framework.audit.rules.source_file import SourceFile
from test_framework.audit.source.lexical import unix_lines
from test_framework.audit.source.parsing import parsed
from test_framework.audit.source.skeleton import skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_framework.audit.rules.facts import NameTable
    from test_framework.audit.rules.function_use import FunctionUse
    from test_framework.audit.rules.patterns import Patterns


class FactStore:
    """Tables and functions by path.

    Args:
        root: The audited folder.
        known: Gives what was packed for a file in an earlier run, or empty bytes.
        text: Gives a file's source; None for one that cannot be read or is not the project's.
        is_test: Whether a file is one of the tests.
        patterns: Which names are tests.
    """

    def __init__(
        self,
        root: str,
        known: Callable[[str], bytes],
        text: Callable[[str], str | None],
        is_test: Callable[[str], bool],
        patterns: Patterns,
    ) -> None:
        self.root, self.patterns = root, patterns
        self._known, self._text, self._is_test = known, text, is_test
        self._tables: dict[str, NameTable | None] = {}
        self._uses: dict[str, dict[str, FunctionUse | None]] = {}
        self._facts: dict[str, Facts | None] = {}
        self._grown: dict[str, None] = {}

    def table(self, path: str) -> NameTable | None:
        """Return the table of a file; None when there is none."""
        if path not in self._tables:
            if pack_summary := self._known(path):
                table, uses = unpacked_facts(pack_summary)
                self._tables[path], self._uses[path] = table, dict(uses)
            else:
                facts = self._read(path)
                self._tables[path], self._uses[path] = None if facts is None else facts.table, {}
                if facts is not None:
                    self._grown[path] = None
        return self._tables[path]

    def use(self, path: str, name: str) -> FunctionUse | None:
        """Return what a function of a file uses; None when that cannot be told."""
        if self.table(path) is None:
            return None
        uses = self._uses[path]
        if name not in uses:
            facts = self._read(path)
            uses[name] = facts.use(name) if facts is not None else None
            if uses[name] is not None:
                self._grown[path] = None
        return uses[name]

    def grown(self) -> Iterator[tuple[str, bytes]]:
        """Yield what was learnt: path, and what is to be kept of it."""
        for path in self._grown:
            if (table := self._tables[path]) is not None:
                yield path, packed_facts(table, {n: u for n, u in self._uses[path].items() if u is not None})

    def relative(self, path: str) -> str:
        """Return a path as it is told."""
        return path.removeprefix(f"{self.root}/")

    def _read(self, path: str) -> Facts | None:
        if path not in self._facts:
            self._facts[path] = self._parsed(path)
        return self._facts[path]

    def _parsed(self, path: str) -> Facts | None:
        if (text := self._text(path)) is None:
            return None
        text = unix_lines(text)
        tree = parsed(skeleton(text))
        if tree is None:
            return None
        return Facts(SourceFile(text, tree, self.patterns), self.relative(path), is_test_support=self._is_test(path))
