"""Faults of the command line: what a person gives ends with a traceback, or shows a password."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_TESTS = ("tests/infrastructure/test_command_lines.py::test_found_once",)

_PARSER = "test_framework/cli/_parser.py"
_WORDS = "tests/unit/test_cli_words.py"

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
    Mutant(
        "a misspelt command is refused without the one that was meant",
        _PARSER,
        'return f". Did you mean {near!r}?" if near else ""',
        'return ""',
        (f"{_WORDS}::test_what_may_have_been_meant",),
    ),
    Mutant(
        "a command without its own command shows one line of usage",
        _PARSER,
        "            self.print_help(sys.stderr)\n            self.exit(_MISUSE)\n",
        "            pass\n",
        (f"{_WORDS}::test_without_a_command",),
    ),
    Mutant(
        "an option of the command that exec runs is taken for ours",
        "test_framework/cli/exec.py",
        "nargs=argparse.REMAINDER",
        'nargs="+"',
        ("tests/system/test_exec_command.py::TestCommand::test_without_two_dashes",),
    ),
    Mutant(
        "a misspelt fixture is not told the one that was meant",
        "test_framework/plugin/recorder.py",
        "if call.excinfo and isinstance(call.excinfo.value, pytest.FixtureLookupError):",
        "if False:",
        (f"{_WORDS}::test_a_misspelt_fixture",),
    ),
    Mutant(
        "doctor shows services that nothing of the project uses",
        "test_framework/doctor.py",
        "return tuple(name for name in settings.service_names if name in named) or settings.service_names",
        "return settings.service_names",
        ("tests/unit/test_doctor.py",),
    ),
    Mutant(
        "a part of a word names a service",
        "test_framework/doctor.py",
        'rf"(?<![a-z]){name}"',
        'rf"{name}"',
        ("tests/unit/test_doctor.py",),
    ),
    Mutant(
        "doctor says once for each service why there is no Docker",
        "test_framework/cli/doctor.py",
        "obstacles.setdefault((attempt.provider, reason.code),",
        "obstacles.setdefault((attempt.provider + one.service, reason.code),",
        ("tests/unit/test_doctor.py",),
    ),
)
