"""The audit of a suite: which files pytest cannot import and why, without importing or running any of them."""

from __future__ import annotations

from test_framework.audit.model import Audit, Broken, Cause, Cited, Compliance, Directory, Finding, Left
from test_framework.audit.run import Asked, audit

__all__ = ["Asked", "Audit", "Broken", "Cause", "Cited", "Compliance", "Directory", "Finding", "Left", "audit"]
