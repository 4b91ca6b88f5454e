"""Tests of what is cut out of sources."""

from __future__ import annotations

import pytest

from test_framework.audit.source.lexical import RELIABLE

__all__ = ["cuts"]

cuts = pytest.mark.skipif(not RELIABLE, reason="this Python's regular expressions cannot be relied on: nothing is cut")
