"""Simulates Python's import system, as far as it can be followed without running code."""
