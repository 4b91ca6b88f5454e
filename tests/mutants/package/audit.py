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
    Mutant(
        "a setting that ruff took over is only an unknown key",
        "test_framework/config/load.py",
        "            refuse_removed(table.prefix + key, key, source)\n",
        "",
        ("tests/unit/test_audit_import_rules.py",),
    ),
    Mutant(
        "a variable for a setting that ruff took over is only an unknown one",
        "test_framework/config/load.py",
        'refuse_removed(variable.removeprefix(PREFIX).lower().replace("_", ".", 1), variable, "the environment")',
        "pass",
        ("tests/unit/test_audit_import_rules.py",),
    ),
    Mutant(
        "a comment for a rule that ruff took over accepts nothing and nobody says so",
        "test_framework/audit/work.py",
        "        refuse_suppressions(relative, text)\n",
        "",
        ("tests/unit/test_audit_import_rules.py",),
    ),
    Mutant(
        "a comment for a whole file is overlooked where its rule is ruff's",
        "test_framework/audit/removed_rules.py",
        "((0, accepted.file), *sorted(accepted.lines.items()))",
        "sorted(accepted.lines.items())",
        ("tests/unit/test_audit_import_rules.py",),
    ),
    Mutant(
        "the explanation of a rule that ruff took over is only an unknown id",
        "test_framework/audit/explained.py",
        "if name in REMOVED_RULES:",
        "if False:",
        ("tests/unit/test_audit_import_rules.py",),
    ),
)
