"""Hides what is known as secret in all that pytest makes of tests: reports, ids, what it prints, its log file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from test_framework.redaction import KNOWN, hide_known

if TYPE_CHECKING:
    from collections.abc import Generator


class SecretHider:
    """In each process of a run.

    What only looks like a secret stays in what a person reads, since it may be what the test is about. The files that
    outlive the run are stricter: see `redaction.hide_secrets`.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Hide in what pytest prints by itself, such as warnings and lines of a live log, and in its log file."""
        config = session.config
        terminal = config.get_terminal_writer() if config.pluginmanager.has_plugin("terminalreporter") else None
        if terminal is not None:
            write = terminal.write

            def hidden(msg: str, **options: Any) -> None:
                write(KNOWN.hide(msg), **options)

            terminal.write = hidden  # type: ignore[method-assign]  # there is no other place that all goes through
        logging = config.pluginmanager.get_plugin("logging-plugin")
        if logging and (config.getoption("log_file", None) or config.getini("log_file")):
            formatter = logging.log_file_handler.formatter
            form = formatter.format
            formatter.format = lambda record: KNOWN.hide(form(record))

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Hide in the ids that somebody has written, or has made of values, as by `ids=str`."""
        parametrize = metafunc.parametrize

        def hidden(argnames: Any, argvalues: Any, *more: Any, **named: Any) -> None:
            if named.get("ids"):
                named["ids"] = _hidden_ids(named["ids"])
            parametrize(argnames, [_with_hidden_id(value) for value in argvalues], *more, **named)

        metafunc.parametrize = hidden  # type: ignore[method-assign]  # marks are read by way of it too

    def pytest_make_parametrize_id(self, val: object) -> str | None:
        """Return an id without the secret that a parameter has, since ids are in every report and in caches."""
        if isinstance(val, str) and (hidden := KNOWN.hide(val)) != val:
            return hidden
        return None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hide in the report of a test, after every other plugin has added to it, so that all that read it are safe."""
        report = yield
        if report.sections or not report.passed or hasattr(report, "wasxfail"):
            _hide_in(report)
        if report.user_properties:
            report.user_properties = [(name, hide_known(value)) for name, value in report.user_properties]
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Hide in the report of a file that cannot be collected, or has printed something."""
        report = yield
        if report.sections or not report.passed:
            _hide_in(report)
        return report


def _hidden_ids(ids: Any) -> Any:
    """Return ids, or what makes one of each value."""
    return (lambda value: hide_known(ids(value))) if callable(ids) else [hide_known(each) for each in ids]


def _with_hidden_id(value: Any) -> Any:
    """Return what a test is called with, of which `pytest.param` may have given the id."""
    given = getattr(value, "id", None)
    named = isinstance(given, str) and type(value) is type(pytest.param())
    return value._replace(id=hide_known(given)) if named else value


def _hide_in(report: pytest.TestReport | pytest.CollectReport) -> None:
    report.longrepr, report.sections = _hidden(report.longrepr), _hidden(report.sections)
    if isinstance(report, pytest.TestReport) and hasattr(report, "wasxfail"):
        report.wasxfail = _hidden(report.wasxfail)


def _hidden(thing: Any) -> Any:
    # Not while a run passes: it costs what pytest has imported by then, when something has failed.
    from _pytest._code.code import TerminalRepr

    if isinstance(thing, str):
        return KNOWN.hide(thing)
    if type(thing) in (list, tuple):
        return type(thing)(_hidden(each) for each in thing)
    if isinstance(thing, TerminalRepr):
        # What pytest makes of an exception: lines, values and places, in objects of several kinds.
        for name, value in vars(thing).items():
            setattr(thing, name, _hidden(value))
    return thing
