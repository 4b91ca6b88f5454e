"""Faults of the gate: a run that must not pass does."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_GATE = "test_framework/gate.py"
_TESTS = ("tests/unit/test_gate.py",)

MUTANTS = (
    Mutant("a run in which nothing ran is green", _GATE, "if record.ran == 0 and", "if record.ran < 0 and", _TESTS),
    Mutant(
        "a strict gate lets everything pass", _GATE, "return self.strict and bool(self.why)", "return False", _TESTS
    ),
    Mutant(
        "the gate is lenient under --require",
        _GATE,
        "return required or in_ci(env)",
        "return in_ci(env)",
        _TESTS,
    ),
    Mutant(
        "failed tests are told to start a Docker that they did not need",
        "test_framework/report/wording.py",
        'if tests_failed and told["provider"]',
        "if False",
        ("tests/unit/test_report_terminal.py",),
    ),
    Mutant(
        "why tests failed is not in the summary",
        "test_framework/report/terminal.py",
        'if message.partition(":")[0] in CATALOGUE:',
        "if False:",
        ("tests/unit/test_report_terminal.py",),
    ),
)
