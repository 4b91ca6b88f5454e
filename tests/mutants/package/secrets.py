"""Faults of redaction: a secret is shown, or what is none is hidden."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_SECRET = "test_framework/_secret.py"
_REDACTION = "test_framework/redaction.py"
_HIDING = "test_framework/plugin/secret_hider.py"
_SPECS = "test_framework/contracts/specs.py"
_FORMS = ("tests/unit/test_redaction.py",)
_KNOWN = ("tests/unit/test_secret_hider.py::test_whoever_has_a_secret_makes_it_known",)
_REASONS = ("tests/unit/test_secret_hider.py::test_reasons_and_errors_do_not_show_theirs",)
_RUN = ("tests/unit/test_secret_hider.py::test_pytest_shows_none[here]",)
_WORKERS = ("tests/system/test_secrets.py::test_a_run_shows_no_secret[in workers]",)
_COMMANDS = "tests/system/test_secrets_on_command_lines.py"

MUTANTS = (
    Mutant("a word of four letters is shown", _SECRET, "_AS_A_WORD = 4", "_AS_A_WORD = 6", _FORMS),
    Mutant("one letter turns the output into stars", _SECRET, "_AS_A_WORD = 4", "_AS_A_WORD = 1", _FORMS),
    Mutant("a long secret in a word is shown", _SECRET, "_ANYWHERE = 8", "_ANYWHERE = 20", _FORMS),
    Mutant("a short one in a word is hidden", _SECRET, "_ANYWHERE = 8", "_ANYWHERE = 4", _FORMS),
    Mutant("the user's name is hidden everywhere", _SECRET, "word != user.casefold() and ", "", _FORMS),
    Mutant("a usual word is hidden everywhere", _SECRET, "word not in _WORDS and ", "", _FORMS),
    Mutant("a number in a longer one is hidden", _SECRET, 'r"(?!\\.?\\d)" if value.isdigit() else ""', '""', _FORMS),
    Mutant("a secret in percent signs is shown", _SECRET, "%(?:25)*{byte:02x}", "%{byte:02x}", _FORMS),
    Mutant("a secret in a form is shown", _SECRET, 'if letter == " ":', "if False:", _FORMS),
    Mutant("a secret quoted for a shell is shown", _SECRET, 'if letter == "\'":', "if False:", _FORMS),
    Mutant("a secret in XML is shown", _SECRET, "if letter in _ENTITIES:", "if False:", _FORMS),
    Mutant("a secret in JSON is shown", _SECRET, 'return rf"\\\\*(?:{', 'return rf"(?:{', _FORMS),
    Mutant("the login of an HTTP header is shown", _SECRET, "for before in range(3):", "for before in ():", _FORMS),
    Mutant("what is left of a cut secret is shown", _REDACTION, "any(cut in text for cut in CUTS)", "False", _FORMS),
    Mutant("the end of a cut secret is shown", _SECRET, "if form[-_LEAST_CUT:] in text:", "if False:", _FORMS),
    Mutant("a secret between colours is shown", _REDACTION, 'if "\\x1b[" in text else', "if False else", _FORMS),
    Mutant(
        "a part of a secret hides the whole", _REDACTION, "key=lambda secret: -len", "key=lambda secret: len", _FORMS
    ),
    Mutant("the register grows with the tests", _REDACTION, "_MOST_PASSING = 128", "_MOST_PASSING = 10_000", _FORMS),
    Mutant("a word of a test's login is hidden", _REDACTION, "short=pool is self._passing", "short=False", _FORMS),
    Mutant(
        "a parameter of a URL is shown",
        _REDACTION,
        "for query in (parts.query, parts.fragment):",
        "for query in ():",
        _FORMS,
    ),
    Mutant("a secret of staging is shown", _REDACTION, "if SECRET_NAME.fullmatch(name):", "if False:", _FORMS),
    Mutant(
        "a login of Docker is shown", _REDACTION, "for login in _DOCKER_AUTH.findall(text):", "for login in ():", _FORMS
    ),
    Mutant(
        "the supervisor's log shows passwords",
        "test_framework/supervisor/server.py",
        "return hide_secrets(super().format(record))",
        "return super().format(record)",
        _FORMS,
    ),
    Mutant(
        "the password of a new server is shown", _SPECS, "        KNOWN.add(self.password)\n", "        pass\n", _KNOWN
    ),
    Mutant(
        "the password of a server that a test has is shown",
        "test_framework/resolution.py",
        "        KNOWN.add_url(self.url, passing=bool(self.prefix))\n",
        "        pass\n",
        _KNOWN,
    ),
    Mutant(
        "tokens of a user are shown",
        "test_framework/e2e/auth.py",
        "        KNOWN.add_passing(self.access_token)\n",
        "",
        _KNOWN,
    ),
    Mutant(
        "an error of the settings shows a secret of the environment",
        "test_framework/config/load.py",
        "    KNOWN.configure_environment(env)\n",
        "",
        ("tests/unit/test_secret_hider.py::test_an_error_of_the_settings_shows_no_secret",),
    ),
    Mutant(
        "a password in a variable of url_env is shown",
        "test_framework/config/load.py",
        "[*table.url_env, *_handed_over(table, env)]",
        "_handed_over(table, env)",
        _KNOWN,
    ),
    Mutant(
        "a password in the table of a service is shown",
        "test_framework/config/load.py",
        "                    KNOWN.configure(text)\n",
        "                    pass\n",
        _KNOWN,
    ),
    Mutant(
        "compose shows the stack's passwords",
        "test_framework/stack/variables.py",
        '        KNOWN.add(values.get(name, ""))\n',
        "        pass\n",
        _KNOWN,
    ),
    Mutant(
        "a remedy shows a secret",
        "test_framework/resolution.py",
        "hide_secrets(entry.remedy.format(**fields))",
        "entry.remedy.format(**fields)",
        _REASONS,
    ),
    Mutant("a server's log shows its password", "test_framework/resolution.py", "hide_secrets(log)", "log", _REASONS),
    Mutant(
        "an error of the settings shows a secret",
        "test_framework/config/model.py",
        "super().__init__(hide_secrets(message))",
        "super().__init__(message)",
        _REASONS,
    ),
    Mutant(
        "the report shows a secret in an id",
        "test_framework/report/record.py",
        "if KNOWN.hide(text) != text:",
        "if False:",
        ("tests/unit/test_secret_hider.py::test_a_report_does_not_show_an_id",),
    ),
    Mutant(
        "JUnit shows secrets",
        "test_framework/report/junit.py",
        "hidden = [hide_secrets(text) for _, text in told]",
        "hidden = [text for _, text in told]",
        ("tests/unit/test_report_junit.py::test_what_is_known_as_a_password_is_hidden",),
    ),
    Mutant(
        "commands print secrets",
        "test_framework/cli/__init__.py",
        "    hide_output()\n",
        "",
        ("tests/unit/test_secret_hider.py::test_commands_hide_what_they_print",),
    ),
    Mutant("pytest shows values of a traceback", _HIDING, "setattr(thing, name, _hidden(value))", "pass", _RUN),
    Mutant("xfail shows its reason", _HIDING, "report.wasxfail = _hidden(report.wasxfail)", "pass", _RUN),
    Mutant(
        "other plugins are told a property",
        _HIDING,
        "        if report.user_properties:\n",
        "        if False:\n",
        _RUN,
    ),
    Mutant("an id shows a value", _HIDING, "(hidden := KNOWN.hide(val)) != val", "(hidden := val) != val", _RUN),
    Mutant("an id shows what somebody has written", _HIDING, 'if named.get("ids"):', "if False:", _RUN),
    Mutant("pytest.param shows its id", _HIDING, "id=hide_known(given)", "id=given", _RUN),
    Mutant("warnings show secrets", _HIDING, "write(KNOWN.hide(msg), **options)", "write(msg, **options)", _RUN),
    Mutant("the log file shows secrets", _HIDING, "lambda record: KNOWN.hide(form(record))", "form", _RUN),
    Mutant(
        "a file that cannot be collected shows secrets",
        _HIDING,
        "        if report.sections or not report.passed:\n",
        "        if False:\n",
        ("tests/unit/test_secret_hider.py::test_a_file_that_cannot_be_collected_shows_none",),
    ),
    Mutant(
        "the password of Redis is on the command line of its container",
        "test_framework/services/redis.py",
        'f"#{hashlib.sha256(password.encode()).hexdigest()}"',
        'f">{password}"',
        (f"{_COMMANDS}::test_redis_logs_in_by_a_digest",),
    ),
    Mutant(
        "a class puts a password on a command line",
        "test_framework/providers/embedded.py",
        "        launch.check_command(self.service.name, command.argv)\n",
        "",
        (f"{_COMMANDS}::test_a_class_that_puts_it_there[embedded]",),
    ),
    Mutant(
        "a class puts a password on the command line of a container",
        "test_framework/providers/docker/container.py",
        """            launch.check_command(f"{service.name}'s container", classes.command_of(container))\n""",
        "",
        (f"{_COMMANDS}::test_a_class_that_puts_it_there[docker]",),
        docker=True,
    ),
    Mutant(
        "a table may put a password on a command line",
        "test_framework/config/custom.py",
        'for field in _secret_fields(table) if "password" not in known else ():',
        "for field in ():",
        ("tests/unit/test_custom_services.py::test_bad_tables",),
    ),
)
