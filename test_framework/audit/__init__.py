"""The audit of a suite: which files pytest cannot import and why, without importing or running any of them."""

from __future__ import annotations

from test_framework.audit.model import Audit, Broken, Cause, Cited, Compliance, Directory, Finding, LeftOut
from test_framework.audit.options import AuditOptions
from test_framework.audit.run import audit

__all__ = [
    "Audit",
    "AuditOptions",
    "Broken",
    "Cause",
    "Cited",
    "Compliance",
    "Directory",
    "Finding",
    "LeftOut",
    "audit",
]
