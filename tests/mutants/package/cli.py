"""Faults of the command line: what a person gives ends with a traceback, or shows a password."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_TESTS = ("tests/infrastructure/test_command_lines.py::test_found_once",)

MUTANTS = (
    Mutant(
        "a link into a forbidden folder ends the audit",
        "test_framework/suite/discovery.py",
        "except OSError as error:  # a link into a folder where nobody may look",
        "except ValueError as error:",
        _TESTS,
    ),
    Mutant(
        "a path that cannot be used ends with a traceback",
        "test_framework/cli/__init__.py",
        "if error.filename is None:",
        "if True:",
        _TESTS,
    ),
    Mutant(
        "a URL that stands where another value belongs shows its password",
        "test_framework/config/model.py",
        "super().__init__(hide_secrets(message))",
        "super().__init__(message)",
        _TESTS,
    ),
)
