"""Restricts an audit to what concerns changed files."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from test_framework.audit.model import Directory

if TYPE_CHECKING:
    from collections.abc import Collection

    from test_framework.audit.model import Audit, Broken, Cited


def restrict_to_changed(audit: Audit, changed: Collection[str]) -> Audit:
    """Return an audit with only what lies in these files, and the test files that they break.

    A test file is broken by a changed one when a cause lies in it or names a module of it: a test that imports a name
    which a helper no longer has is broken by the helper.

    Args:
        audit: That of all tests.
        changed: Paths relative to the audited folder, with slashes.
    """
    modules = {name for path in changed for name in _names(path)}

    def concerns(broken: Broken, cited: Cited) -> bool:
        if broken.path in changed or cited.via in changed:
            return True
        return any(_within(target, modules) for target in cited.target.split(" -> "))

    kept = [b for b in audit.broken if any(concerns(b, cited) for cited in b.causes)]
    kept_causes = {(cited.kind, cited.target, b.path) for b in kept for cited in b.causes if concerns(b, cited)}
    causes = []
    for cause in audit.causes:
        files = tuple(f for f in cause.files if (cause.kind, cause.target, f) in kept_causes)
        if files:
            causes.append(replace(cause, files=files))
    broken_in = Counter(b.path.rpartition("/")[0] or "." for b in kept)
    return replace(
        audit,
        directories=tuple(Directory(d.path, d.files, broken_in[d.path]) for d in audit.directories),
        broken=tuple(kept),
        causes=tuple(causes),
        empty=tuple(p for p in audit.empty if p in changed),
        unreached=tuple(p for p in audit.unreached if p in changed),
        quality=tuple(f for f in audit.quality if f.path in changed),
        imports=tuple(f for f in audit.imports if f.path in changed or f.rule == "critical-missing"),
        unparseable=tuple(p for p in audit.unparseable if p in changed),
    )


def _names(path: str) -> list[str]:
    """Return the names under which a file can be a module, whichever folder imports start from."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return [".".join(parts[start:]) for start in range(len(parts))]


def _within(target: str, modules: Collection[str]) -> bool:
    parts = target.split(".")
    return any(".".join(parts[:count]) in modules for count in range(1, len(parts) + 1))
