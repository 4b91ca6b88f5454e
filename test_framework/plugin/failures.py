"""Why a test failed, for the report, and without the passwords of what it had: imported when there is either."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from _pytest._code.code import TerminalRepr

from test_framework.redaction import hide_known, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from test_framework.verdict import Endpoint

__all__ = ["described", "hide_in", "secrets_of"]

_MESSAGE = 300
_TEXT = 8000
"""Characters of each: what pytest prints of one failure can be megabytes."""

_LEAST_SECRET = 6


def described(
    report: pytest.TestReport | pytest.CollectReport, config: pytest.Config, secrets: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the fields of `report.record.Failure` for what failed.

    Args:
        report: Of the phase, or of the collection.
        config: Knows the folder that paths are relative to.
        secrets: Passwords that stand nowhere in what is returned, however they are written there.
    """
    crash = getattr(report.longrepr, "reprcrash", None)
    text = hide_secrets(report.longreprtext, secrets)
    # The name of pytest's own exception, which pytest.fail raises, says nothing.
    message = hide_secrets(crash.message.removeprefix("Failed: "), secrets) if crash else text
    first = next((line.strip() for line in message.splitlines() if line.strip()), "no message")
    file, line = _place(report, config)
    shown = first if len(first) <= _MESSAGE else f"{first[: _MESSAGE - 1]}…"
    kept = text if len(text) <= _TEXT else f"… {len(text) - _TEXT} characters before this\n{text[-_TEXT:]}"
    return {"message": shown, "file": file, "line": line, "text": kept}


def hide_in(report: pytest.TestReport, secrets: Iterable[str]) -> None:
    """Replace passwords in what pytest prints of a test, and in what the test has printed.

    Args:
        report: Of the phase; it is changed.
        secrets: Only these: what else looks like a password may be what the test is about.
    """
    report.longrepr = _hidden(report.longrepr, tuple(secrets))
    report.sections = _hidden(report.sections, tuple(secrets))


def _hidden(thing: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(thing, str):
        return hide_known(thing, secrets)
    if type(thing) in (list, tuple):
        return type(thing)(_hidden(each, secrets) for each in thing)
    if isinstance(thing, TerminalRepr):
        # What pytest makes of an exception: lines, values and places, in objects of several kinds.
        for name, value in vars(thing).items():
            setattr(thing, name, _hidden(value, secrets))
    return thing


def secrets_of(endpoints: Iterable[Endpoint]) -> set[str]:
    """Return the passwords of what a test had, as they are and as URLs have them.

    Without short ones, and those that are the user's name too: they are no secrets, and stand in other words.
    """
    logins = [urlsplit(endpoint.url) for endpoint in endpoints]
    found = {login.password for login in logins if login.password and login.password != login.username}
    return {form for password in found for form in (password, unquote(password)) if len(form) >= _LEAST_SECRET}


def _place(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> tuple[str, int]:
    """Return the last line of the test's own file that the failure went through, else where the test begins."""
    file, line, _ = getattr(report, "location", (report.nodeid.partition("::")[0], None, ""))
    mine = os.path.abspath(config.rootpath / file)  # noqa: PTH100  # without following links, as pytest has it
    traceback = getattr(report.longrepr, "reprtraceback", None)
    for entry in reversed(getattr(traceback, "reprentries", ())):
        at = getattr(entry, "reprfileloc", None)
        if at and os.path.abspath(config.invocation_params.dir / at.path) == mine:  # noqa: PTH100  # see above
            return file, at.lineno
    return file, (line or 0) + 1
