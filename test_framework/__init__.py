"""Test orchestration: every tier on the best services this machine can offer, and exactly why when it has none."""

__version__ = "0.1.0"
