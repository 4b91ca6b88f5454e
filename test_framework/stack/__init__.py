"""The compose stack: started, told of and removed; when that cannot be, one sentence says why and what to do."""

from __future__ import annotations

from test_framework.stack.errors import StackError
from test_framework.stack.lifecycle import Stack

__all__ = ["Stack", "StackError"]
