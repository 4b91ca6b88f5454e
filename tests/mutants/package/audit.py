"""Faults of the audit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        "what an older version of the package read is believed",
        "test_framework/audit/cache.py",
        "(Path(__file__).parent, Path(suite.__file__).parent)",
        "(Path(__file__).parent,)",
        ("tests/unit/test_audit_warm.py::test_other_code_reads_every_file_anew",),
    ),
    Mutant(
        "the audit is imported as a whole by whoever names it",
        "test_framework/audit/__init__.py",
        "    def __getattr__(name: str) -> object:\n",
        "    from test_framework.audit.run import audit\n\n    def __getattr__(name: str) -> object:\n",
        ("tests/unit/test_audit_face.py",),
    ),
)
