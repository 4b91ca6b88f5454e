"""Faults by which a run is green although a test did not run, or fails without saying so."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_PLUGIN = "test_framework/plugin/__init__.py"
_ENDING = "test_framework/plugin/exit_status.py"
_OPTIONS = "test_framework/plugin/options.py"
_RECORDER = "test_framework/plugin/recorder.py"
_RECORD = "test_framework/report/record.py"
_RUNNING = "test_framework/runner/tier_runner.py"
_CI = "test_framework/config/ci.py"
_END = "tests/unit/test_exit_status.py::"
_EARLY = f"{_END}test_a_run_that_is_ended_early_is_red"
_PROCESS = f"{_END}test_a_process_that_is_ended_is_red"
_VARIABLE = f"{_END}test_a_variable_that_lets_no_test_run_is_red"
_MODES = "tests/unit/test_run_modes.py::TestVerdict::"

MUTANTS = (
    Mutant(
        "a test whose teardown was never heard of is taken for ended",
        _RECORDER,
        'if report.when not in ("setup", "call"):',
        'if report.when not in ("setup",):',
        (_EARLY,),
    ),
    Mutant(
        "a run that pytest.exit(returncode=0) has ended is green",
        _PLUGIN,
        "stopped = stopped or self._gatherer.unfinished",
        "stopped = stopped",
        (_EARLY,),
    ),
    Mutant(
        "a conftest makes a red run green",
        _ENDING,
        "if status != pytest.ExitCode.OK or self.green:",
        "if status != pytest.ExitCode.OK or self.green is not None:",
        (f"{_END}test_no_conftest_makes_a_red_run_green",),
    ),
    Mutant(
        "os._exit(0) in a test is green",
        _ENDING,
        'status = self.status(status, "os._exit(0) has ended pytest")',
        "pass",
        (_PROCESS,),
    ),
    Mutant(
        "os._exit(0) at the end of the process makes a failure green",
        _ENDING,
        "if not _is_whole_process():",
        "if True:",
        (_PROCESS,),
    ),
    Mutant(
        "os._exit of a program that calls pytest stays ours",
        _ENDING,
        "if not _is_whole_process():",
        "if False:",
        (f"{_END}test_what_was_there_before_is_back_after_the_run",),
    ),
    Mutant(
        "a forked process cannot end itself with 0",
        _ENDING,
        "return os.getpid() != self._pid",
        "return False",
        (f"{_END}test_a_forked_process_writes_no_report",),
    ),
    Mutant(
        "sys.exit(0) in a conftest is green",
        _PLUGIN,
        'raise SystemExit(int(watcher.status(0, "a conftest has ended pytest"))) from error',
        "raise",
        (_PROCESS,),
    ),
    Mutant(
        "sys.exit(0) in a hook is green",
        _PLUGIN,
        'return watcher.status(0, "sys.exit(0) has ended pytest")',
        "raise",
        (f"{_EARLY}",),
    ),
    Mutant(
        "--setup-plan in PYTEST_ADDOPTS is green",
        _PLUGIN,
        "return found if strict else status",
        "return status",
        (_VARIABLE,),
    ),
    Mutant(
        "--setup-plan in PYTEST_ADDOPTS leaves the report of the run before",
        _PLUGIN,
        "    if options.asks_by_words(config):\n        return\n    folder",
        "    if options.runs_nothing(config):\n        return\n    folder",
        (_VARIABLE,),
    ),
    Mutant(
        "--collect-only on the command line is red",
        _PLUGIN,
        "    if options.asks_by_words(config):\n        return status",
        "    if False:\n        return status",
        ("tests/unit/test_plugin.py::test_a_run_of_no_tests_leaves_the_report_alone",),
    ),
    Mutant(
        "a run of which one test was never heard is a pass",
        _RECORD,
        "if any(not test.outcome for test in self.tests.values()):",
        "if False:",
        ("tests/unit/test_record.py",),
    ),
    Mutant(
        "xfail is counted as a pass",
        _RECORD,
        '"xfailed": "xfailed"',
        '"xfailed": "passed"',
        ("tests/unit/test_record.py",),
    ),
    Mutant(
        "xpass is counted as a pass",
        _RECORD,
        '"xpassed": "xpassed"',
        '"xpassed": "passed"',
        ("tests/unit/test_record.py",),
    ),
    Mutant(
        "a tier in which everything is expected to fail did not run",
        _RECORD,
        'return sum(counts.values()) - counts["skipped"]',
        'return counts["passed"] + counts["failed"] + counts["errors"]',
        ("tests/unit/test_record.py",),
    ),
    Mutant(
        "a blank reason is one",
        _RECORDER,
        '.removeprefix(":").strip()',
        '.removeprefix(": ")',
        (f"{_END}test_a_blank_reason_is_none",),
    ),
    Mutant(
        "pytest without a report and with status 0 is green",
        _RUNNING,
        "elif one.report is None or one.report.red:",
        "elif one.report is not None and one.report.red:",
        (f"{_MODES}test_no_report_and_status_0",),
    ),
    Mutant(
        "the report of an earlier run is taken for that of this one",
        _RUNNING,
        '(folder / f"{tier}.{ending}").unlink(missing_ok=True)',
        "pass",
        (f"{_MODES}test_an_old_report_is_not_believed",),
    ),
    Mutant("Azure Pipelines is no CI", _CI, '    "TF_BUILD",\n', "", ("tests/unit/test_gate.py",)),
    Mutant(
        "CI=false does not switch off what other variables say",
        _CI,
        'return SWITCH if _says_yes(env, SWITCH) else ""',
        "return SWITCH if _says_yes(env, SWITCH) else next((n for n in OTHERS if _says_yes(env, n)), '')",
        ("tests/unit/test_gate.py",),
    ),
    Mutant(
        "a file-wide suppression counts where it is indented",
        "test_framework/audit/rules/suppression.py",
        "elif column == 0:",
        "else:",
        ("tests/unit/test_audit_rules.py::test_comments_that_accept",),
    ),
    Mutant(
        "a blank reason of unittest's SkipTest is one for the audit",
        "test_framework/audit/rules/skips.py",
        'if not _says_why(node, "SkipTest"):',
        "if not node.args:",
        ("tests/unit/test_audit_rules_never_run.py",),
    ),
)
