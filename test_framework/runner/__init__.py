"""Runs tiers one after another, each as one run of pytest, and judges them together."""

from __future__ import annotations

__all__ = ["COLLECTED_TO"]

COLLECTED_TO = "--collected-to"
"""The option by which a run of pytest is told where to write how much it has collected."""
