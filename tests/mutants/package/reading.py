"""Faults of the audit, of staging's checks, of reports and of what is added to a project."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


def _mutant(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, f"test_framework/{file}.py", old, new, tests)


MUTANTS = (
    _mutant(
        "code of others is audited",
        "suite/discovery",
        'frozenset(("node_modules", "site-packages", "dist-packages"))',
        'frozenset(("site-packages", "dist-packages"))',
        "tests/unit/test_audit_discovery.py",
    ),
    _mutant(
        "a module with a name like a backup's is left out",
        "suite/discovery",
        'elif copy and f"{copy[1]}.py" in names:',
        "elif copy:",
        "tests/unit/test_audit_discovery.py",
    ),
    _mutant(
        "a virtual environment is audited",
        "suite/discovery",
        'if os.path.exists(f"{path}/pyvenv.cfg") or',
        "if",
        "tests/unit/test_audit_discovery.py",
    ),
    _mutant(
        "what git ignores is audited",
        "suite/discovery",
        "    if entry.path in limits.ignored:",
        "    if entry.path in ():",
        "tests/unit/test_audit_discovery.py",
    ),
    _mutant(
        "a link to a folder above is walked for ever",
        "suite/discovery",
        'reason = "a link to what is audited already" if real in seen else None',
        "reason = None",
        "tests/unit/test_audit_discovery.py",
    ),
    _mutant(
        "a blank reason of a skip is one",
        "audit/rules/skips",
        'str(reason.value or "").strip()',
        'str(reason.value or "")',
        "tests/unit/test_audit_rules.py",
    ),
    _mutant(
        "None is a reason of a skip",
        "audit/rules/skips",
        'str(reason.value or "").strip()',
        "str(reason.value).strip()",
        "tests/unit/test_audit_rules.py",
    ),
    _mutant(
        "an indented comment accepts for the whole file",
        "audit/rules/suppression",
        "        elif column == 0:",
        "        elif column >= 0:",
        "tests/unit/test_audit_rules.py",
    ),
    _mutant(
        "a comment without a reason accepts",
        "audit/rules/suppression",
        '            found.unreasoned += (line,)\n        elif not match["file"]:',
        '            found.unreasoned += (line,)\n        if not match["file"]:',
        "tests/unit/test_audit_rules.py",
    ),
    _mutant(
        "a comment accepts any rule",
        "audit/rules/suppression",
        "any(rule in self.lines.get(line, ()) for line in lines)",
        "any(line in self.lines for line in lines)",
        "tests/unit/test_audit_rules.py",
    ),
    _mutant(
        "a server in trouble passes",
        "staging/steps",
        "if response.status >= _SERVER_ERROR:",
        "if response.status > _SERVER_ERROR + 99:",
        "tests/system/test_staging_steps.py::test_a_server_in_trouble",
    ),
    _mutant(
        "any server that switches is a WebSocket",
        "staging/steps",
        "    except InvalidHandshake as error:",
        "    except InvalidHandshake as error:\n        if response.status == 101:\n            return",
        "tests/system/test_staging_websocket.py",
    ),
    _mutant(
        "a WebSocket cannot be checked without a library, and there is a traceback",
        "staging/steps",
        "    except ImportError as error:",
        "    except ZeroDivisionError as error:",
        "tests/system/test_staging_websocket.py::test_without_the_library_the_step_says_what_to_install",
    ),
    _mutant(
        "an address that no WebSocket client takes is told with its login",
        "staging/steps",
        "_unusable(source, error.msg)",
        "_unusable(source, str(error))",
        "tests/system/test_staging_websocket.py::test_an_address_that_no_client_takes",
    ),
    _mutant(
        "an address without TLS is said to have it",
        "staging/steps",
        "        if parts.scheme in _TLS:",
        "        if parts.scheme not in _TLS:",
        "tests/system/test_staging_steps.py::test_tls_is_a_step_of_its_own",
    ),
    _mutant(
        "a schema that lags behind has not drifted",
        "staging/drift",
        '_at(told, _REVISION), _at(told, "schema.expected"),',
        "_at(told, _REVISION), _at(told, _REVISION),",
        "tests/unit/test_staging_drift.py",
    ),
    _mutant(
        "a keyspace without a number is another one than 0",
        "staging/drift",
        'return name or ("0" if parts.scheme.startswith("redis") else "")',
        "return name",
        "tests/unit/test_staging_drift.py",
    ),
    _mutant(
        "any frontend is one that logins return to",
        "staging/drift",
        "        if _origin(given) not in known:",
        "        if not known:",
        "tests/unit/test_staging_drift.py",
    ),
    _mutant(
        "ClickHouse's refusal of a login is taken for another service",
        "services/clickhouse",
        "_REFUSING = (401, 403)",
        "_REFUSING = (401,)",
        "tests/system/test_clickhouse.py::test_an_answer_that_is_no_version",
    ),
    _mutant(
        "any answer is a version",
        "services/clickhouse",
        'if not re.fullmatch(r"\\d+(\\.\\d+)+", answer):',
        "if not answer:",
        "tests/system/test_clickhouse.py::test_an_answer_that_is_no_version",
    ),
    _mutant(
        "how long a test took that failed counts for shards",
        "report/durations",
        '_WHOLE = ("passed", "xfailed", "xpassed")',
        '_WHOLE = ("passed", "failed", "xfailed", "xpassed")',
        "tests/unit/test_report_durations.py",
    ),
    _mutant(
        "a test that takes no time is left out of the durations",
        "report/durations",
        "max(round(took, 3), LEAST_SECONDS)",
        "round(took, 3)",
        "tests/unit/test_report_durations.py",
    ),
    _mutant(
        "what is added ends up on somebody's last line",
        "adopt/lines",
        'missing = max(0, blank - there) + (not text.endswith("\\n"))',
        "missing = max(0, blank - there)",
        "tests/unit/test_adopt_modules.py",
        "tests/unit/test_init_cli.py",
    ),
    _mutant(
        "a file of Windows gets lines of two kinds",
        "adopt/lines",
        'newline = "\\r\\n" if "\\r\\n" in text else "\\n"',
        'newline = "\\n"',
        "tests/unit/test_adopt_modules.py",
    ),
    _mutant(
        "a comment is taken away from the table that it stands above",
        "adopt/tables",
        "return below(text, head.end() - 1,",
        'return below(text, text.find("\\n[", head.end()),',
        "tests/unit/test_adopt_layouts.py::test_a_comment_stays_with_its_table",
    ),
    _mutant(
        "what somebody changed meanwhile is written over",
        "adopt/writing",
        "if (path.read_bytes() if path.exists() else None) != change.before:",
        "if change.after == change.before:",
        "tests/unit/test_init_cli.py::test_changed_meanwhile",
    ),
    _mutant(
        "a link that leads out of the project is written to",
        "adopt/plan",
        "if not real.is_relative_to(root.resolve()):",
        "if not real:",
        "tests/unit/test_init_cli.py::test_files_that_cannot_be",
    ),
    _mutant(
        "a dump that only psql can read is a schema",
        "adopt/settings",
        'return "" if _FOR_PSQL.search(project.text(path)) else path',
        "return path",
        "tests/unit/test_adopt_layouts.py::test_a_schema_that_is_certain",
    ),
    _mutant(
        "of two schemas any is taken",
        "adopt/settings",
        "if len(found) != 1 or not",
        "if not found or not",
        "tests/unit/test_adopt_layouts.py::test_of_two_schemas_none_is_certain",
    ),
    _mutant(
        "a key is put where one of that name says something else",
        "adopt/tables",
        "    _refuse_taken(path, expected, keys)\n",
        "",
        "tests/unit/test_adopt_layouts.py",
    ),
)
