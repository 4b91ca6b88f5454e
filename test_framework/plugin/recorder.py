"""Sends what is known of each test along with its reports, and gathers it where the run is judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from test_framework.config import nearest
from test_framework.plugin.session import STATE
from test_framework.plugin.state import TestState
from test_framework.redaction import KNOWN

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from test_framework.plugin.session import Session
    from test_framework.report.record import Failure, Record
    from test_framework.resolution import Endpoint, Reason, Resolution, Skip

_ATTRIBUTE = "test_framework"
_SECRETS = "secrets"


class WorkerReporter:
    """In the process that runs tests: prepares each, and attaches what it ran on to its reports."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sent: set[str] = set()
        self._known: set[tuple[str, str]] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Have the services before any fixture runs, so that a skip is the test's own and says why."""
        state = item.stash.setdefault(STATE, TestState())
        try:
            self._session.prepare(item, state)
        finally:
            for name, endpoint in state.endpoints.items():
                item.user_properties += _properties(name, endpoint)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the services, the reason of a skip, what was kept, and why it failed."""
        report = yield
        state = item.stash.setdefault(STATE, TestState())
        state.failed = state.failed or (report.failed and call.when == "call")
        if call.excinfo and isinstance(call.excinfo.value, pytest.FixtureLookupError):
            report.sections += _meant(call.excinfo.value.argname, self._session.fixtures)
        told = self._payload(state, _reason(call) if report.skipped else None)
        if self._session.tier and report.failed:
            from test_framework.plugin.failures import described

            told["failure"] = described(report, item.config)
        # The process that judges writes files and prints ids, and has no server of its own.
        if hasattr(item.config, "workerinput") and (new := set(KNOWN.exported()) - self._known):
            self._known |= new
            told[_SECRETS] = list(new)
        if told:
            setattr(report, _ATTRIBUTE, told)
        return report

    def _payload(self, state: TestState, skip: Reason | None) -> dict[str, Any]:
        """Return what there is to tell: for a test without services that ran, nothing."""
        if not (skip or state.endpoints or self._session.has_lease):
            return {}
        resolved = self._session.lease.resolutions if self._session.has_lease else {}
        new = {n: r for n, r in resolved.items() if n not in self._sent}
        self._sent.update(new)
        told = {
            "services": {n: {"provider": e.provider, "version": e.version} for n, e in state.endpoints.items()},
            "skip": skip.to_json() if skip else None,
            "kept": state.kept,
            "left": state.leaked,
            "resolutions": {n: _resolution(r) for n, r in new.items()},
        }
        return {name: found for name, found in told.items() if found}


def _meant(name: str | None, known: Iterable[str]) -> list[tuple[str, str]]:
    """Return the section that names the fixture of ours that a misspelt one may have meant; none where none is near."""
    near = nearest(name or "", known)
    return [("fixture", f"Did you mean {near!r}?")] if near else []


def _reason(call: pytest.CallInfo[None]) -> Reason | None:
    from test_framework.plugin.lease import ReasonedSkip

    skip = call.excinfo.value if call.excinfo else None
    return skip.reason if isinstance(skip, ReasonedSkip) else None


def _resolution(resolution: Resolution) -> dict[str, Any]:
    """Return a resolution for the report, with a note where the major version is another than the one asked for."""
    told: dict[str, Any] = resolution.to_json()
    if resolution.endpoint and resolution.endpoint.note:
        told["note"] = resolution.endpoint.note
    return told


def _properties(name: str, endpoint: Endpoint) -> list[tuple[str, object]]:
    return [(f"{name}.provider", endpoint.provider), (f"{name}.version", endpoint.version or "")]


class ResultCollector:
    """In the process that judges: builds the record from reports, which may come from workers."""

    def __init__(self, record: Record, config: pytest.Config) -> None:
        self._unheard: set[str] = set()
        self._record = record
        self._config = config

    @property
    def unfinished(self) -> bool:
        """Whether there is a test that was to run, and of which nobody has heard how it ended, teardown included."""
        return bool(self._unheard)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take which tests are to run."""
        self._unheard.update(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Take them from a worker of pytest-xdist, since this process collects none."""
        self._unheard.update(ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Take that a test is over, also where a plugin runs it in its own way and reports no teardown."""
        if nodeid in self._record.tests:
            self._unheard.discard(nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of one test."""
        entry = self._record.test(report.nodeid)
        if report.when not in ("setup", "call"):
            # A worker that crashed reports its test in no phase.
            self._unheard.discard(report.nodeid)
        # The time of a subtest is in that of its test.
        entry.seconds += 0.0 if _is_subtest(report) else getattr(report, "duration", 0.0)
        if entry.start is None and self._record.started is not None:
            # A worker that crashed reports its test without a time.
            entry.start = max(0.0, report.start - self._record.started) if getattr(report, "start", 0.0) else None
            entry.worker = getattr(report, "worker_id", "")
        told: dict[str, Any] = getattr(report, _ATTRIBUTE, {})
        if told:
            # A plugin that writes reports as they are is asked after this one.
            for value, user in told.pop(_SECRETS, ()):
                KNOWN.add(value, user)
            entry.services |= told.get("services", {})
            entry.kept = told.get("kept", entry.kept)
            entry.left = told.get("left", entry.left)
            self._record.services |= told.get("resolutions", {})
        if outcome := _outcome(report):
            # A test that failed and whose teardown has an error too is one failed test, not another.
            entry.outcome = outcome if entry.outcome != "failed" else "failed"
        if report.failed and self._record.tier:
            # That of the test itself comes before that of its teardown.
            entry.failure = entry.failure or self._failure(report, told.get("failure"))
        if entry.outcome == "skipped" and report.skipped:
            # That of a subtest stays, whatever its test comes to: a part of it did not run.
            self._take_skip(self._skip(report, told.get("skip")))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take what could not be collected: it counts as a test that had an error or was skipped."""
        if report.failed:
            self._record.uncollected = True
            entry = self._record.test(report.nodeid)
            entry.outcome, entry.collected = "error", False
            entry.failure = self._failure(report, None) if self._record.tier else None
        elif report.skipped:
            entry = self._record.test(report.nodeid)
            entry.outcome, entry.collected = "skipped", False
            self._record.skips[report.nodeid] = self._skip(report, None)

    def _take_skip(self, skip: Skip) -> None:
        """Keep one skip of each test; of several subtests' what the machine lacks before what they say themselves."""
        from test_framework.reasons import Code

        before = self._record.skips.get(skip.nodeid)
        if before is None or before.code == Code.SKIPPED_BY_TEST:
            self._record.skips[skip.nodeid] = skip

    def _failure(self, report: pytest.TestReport | pytest.CollectReport, told: dict[str, Any] | None) -> Failure:
        """Return why it failed: as the process says that ran it, else as the report does."""
        from test_framework.plugin.failures import described
        from test_framework.report.record import Failure

        return Failure(**(told or described(report, self._config)))

    def _skip(self, report: pytest.TestReport | pytest.CollectReport, told: dict[str, str] | None) -> Skip:
        from test_framework.reasons import Code
        from test_framework.resolution import Reason, Skip

        if told is None:
            where, text = report.nodeid, str(report.longrepr)
            if isinstance(report.longrepr, tuple):
                path, line, text = report.longrepr
                root = self._config.rootpath
                # A library may skip for a test, as pytest does for a class of unittest: there is nothing to mend.
                if Path(path).is_relative_to(root) and "site-packages" not in Path(path).relative_to(root).parts:
                    where = f"{Path(path).relative_to(root)}:{line}"
            text = getattr(report, "wasxfail", text).removeprefix("Skipped").removeprefix(":").strip()
            told = Reason.of(Code.SKIPPED_BY_TEST, text=text or "no reason given", where=where).to_json()
        return Skip(report.nodeid, told["code"], told["message"], told["remedy"])


def _is_subtest(report: pytest.TestReport) -> bool:
    """Whether it is one of several within a test: pytest's own, and that of pytest-subtests for pytest before 9."""
    return type(report) is not pytest.TestReport and hasattr(report, "context")


def _outcome(report: pytest.TestReport) -> str | None:
    """Return what this phase says of the whole test, or None when a later one decides."""
    if hasattr(report, "wasxfail"):
        if "[NOTRUN]" in report.wasxfail:
            return "skipped"
        return "xfailed" if report.skipped else "xpassed"
    if report.failed:
        # A worker that crashed reports its test as failed in no phase.
        return "error" if report.when in ("setup", "teardown") else "failed"
    if report.skipped:
        return "skipped"
    return "passed" if report.when == "call" else None
