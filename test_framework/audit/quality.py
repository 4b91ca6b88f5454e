"""Finds what is wrong in tests: findings within one file, and those that depend on other files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.audit.model import Finding
from test_framework.audit.rules import CrossFileRules, FactStore, ModulePaths, Patterns, PendingFinding
from test_framework.suite.discovery import is_test_file
from test_framework.suite.source import decode_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from test_framework.audit.store import FileStore
    from test_framework.suite.module_finder import ModuleFinder
    from test_framework.suite.pytest_settings import PytestSettings


def quality(store: FileStore, finder: ModuleFinder, settings: PytestSettings, files: Sequence[str]) -> list[Finding]:
    """Return the findings in test files, by file and line; what was learnt for them of other files is kept.

    Args:
        store: What is known of the project's files.
        finder: What is in its folders.
        settings: What pytest does in it.
        files: The test files.
    """
    tree = store.tree
    entries = [(path, entry) for path in sorted(files) if (entry := store.entries.get(path)) is not None]
    known = FactStore(
        tree.root,
        lambda path: store.entries[path].facts if path in store.entries else b"",
        lambda path: _text(store, path),
        lambda path: is_test_file(path, settings.python_files),
        Patterns(settings.python_classes, settings.python_functions),
    )
    paths = (*settings.pythonpath, tree.root, f"{tree.root}/src", f"{tree.root}/lib")
    cross_file = CrossFileRules(known, ModulePaths(tree.root, paths, tree.folders, finder))
    found = []
    for path, entry in entries:
        fields = (
            [*entry.findings, *cross_file.confirmed(path, map(PendingFinding._make, entry.doubts))]
            if entry.doubts
            else entry.findings
        )
        found += [Finding(tree.relative(path), *each) for each in sorted(fields, key=lambda each: each[:2])]
    for path, facts in known.grown():
        store.entries[path] = store.entries[path]._replace(facts=facts)
        store.cache.changed = True
    return found


def _text(store: FileStore, path: str) -> str | None:
    """Return the source of a file of the project; None for one that is another's or does not parse."""
    entry = store.entries.get(path)
    if entry is None or not entry.parses:
        return None
    try:
        with open(path, "rb") as file:
            return decode_source(file.read())
    except (OSError, SyntaxError, LookupError):
        return None
