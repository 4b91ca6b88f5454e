"""The audit of a suite: which files pytest cannot import and why, without importing or running any of them.

These names are all that the rest of the package uses of it. Each is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from test_framework.audit.changed import restrict_to_changed
    from test_framework.audit.codemod.project_rewriting import (
        RewriteBatch,
        RewriteOptions,
        RewriteResult,
        apply_rewrites,
        find_rewrites,
    )
    from test_framework.audit.explained import explain
    from test_framework.audit.limits import LIMITS, exceeded_limits
    from test_framework.audit.model import Audit, Broken, Cause, Cited, Compliance, Directory, Finding, LeftOut
    from test_framework.audit.moves import Moves
    from test_framework.audit.options import AuditOptions
    from test_framework.audit.output.github import to_github_annotations
    from test_framework.audit.output.reported import path_in_repository
    from test_framework.audit.output.sarif import to_sarif
    from test_framework.audit.registry import (
        Registry,
        compare_registries,
        format_registry,
        load_registry,
        make_registry,
    )
    from test_framework.audit.run import audit
    from test_framework.audit.text import Page, format_summary

__all__ = [
    "LIMITS",
    "Audit",
    "AuditOptions",
    "Broken",
    "Cause",
    "Cited",
    "Compliance",
    "Directory",
    "Finding",
    "LeftOut",
    "Moves",
    "Page",
    "Registry",
    "RewriteBatch",
    "RewriteOptions",
    "RewriteResult",
    "apply_rewrites",
    "audit",
    "compare_registries",
    "exceeded_limits",
    "explain",
    "find_rewrites",
    "format_registry",
    "format_summary",
    "load_registry",
    "make_registry",
    "path_in_repository",
    "restrict_to_changed",
    "to_github_annotations",
    "to_sarif",
]

_NAMES = {
    "changed": ("restrict_to_changed",),
    "codemod.project_rewriting": ("RewriteBatch", "RewriteOptions", "RewriteResult", "apply_rewrites", "find_rewrites"),
    "explained": ("explain",),
    "limits": ("LIMITS", "exceeded_limits"),
    "model": ("Audit", "Broken", "Cause", "Cited", "Compliance", "Directory", "Finding", "LeftOut"),
    "moves": ("Moves",),
    "options": ("AuditOptions",),
    "output.github": ("to_github_annotations",),
    "output.reported": ("path_in_repository",),
    "output.sarif": ("to_sarif",),
    "registry": ("Registry", "compare_registries", "format_registry", "load_registry", "make_registry"),
    "run": ("audit",),
    "text": ("Page", "format_summary"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a name from its module (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return found
