"""The pytest plugin: options, markers, fixtures, the gate and the summary.

It is loaded into every pytest run, so importing it must cost next to nothing: no docker, no testcontainers,
no database driver, and no connection before a test or a tier asks for a service.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from test_framework import gate
from test_framework.config import BadSetting, Settings
from test_framework.plugin import exit_status, fixtures, fixtures_custom, markers, options, outputs, shards, summary
from test_framework.plugin.collection import CollectionFilter, use_paths
from test_framework.plugin.fixture_times import OUTPUT, FixtureTimes
from test_framework.plugin.recorder import ResultCollector, WorkerReporter
from test_framework.plugin.secret_hider import SecretHider
from test_framework.plugin.session import KEY, Session
from test_framework.progress import ProgressLine
from test_framework.report.record import Record

if TYPE_CHECKING:
    from collections.abc import Generator

    from test_framework.plugin.split import Splitter


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options.add(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Watch over the exit status of a tier's run before any code of the project is loaded."""
    tier: str | None = getattr(early_config.known_args_namespace, "tier", None)
    if not tier:
        return (yield)
    watcher = exit_status.ExitStatusGuard.watch(early_config, tier)
    try:
        return (yield)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
        raise SystemExit(int(watcher.status(0, "a conftest has ended pytest"))) from error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Let no run of a tier exit 0 without a green verdict, whatever has ended it."""
    watcher = config.stash.get(exit_status.KEY, None)
    if watcher is None or hasattr(config, "workerinput"):
        return (yield)
    try:
        status = yield
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
        return watcher.status(0, "sys.exit(0) has ended pytest")
    if watcher.green is None and (asked := options.runs_nothing(config)):
        return _without_tests(config, watcher, asked, status)
    return watcher.status(status)


def _without_tests(config: pytest.Config, watcher: exit_status.ExitStatusGuard, asked: str, status: Any) -> Any:
    """Return the status of a run that was to run nothing: what a variable or a file asks for is judged by the gate."""
    if options.asks_by_words(config):
        return status
    session = config.stash.get(KEY, None)
    settings = session.settings if session else options.settings_of(config, options.overrides_of(config))
    strict = gate.is_strict(settings, os.environ, required=config.option.require is not None)
    why = f"{asked} (PYTEST_ADDOPTS, or addopts in the settings of pytest) lets pytest end"
    found = watcher.status(status, why)
    return found if strict else status


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the settings, and let the tier say which tests to run and where its reports go."""
    markers.register(config)
    if config.option.help or config.option.version:
        return
    overrides = options.overrides_of(config)
    settings = options.settings_of(config, overrides)
    tier: str | None = config.option.tier
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    run = worker[_RUN] if worker else uuid4().hex
    fail_on_unavailable = bool(config.option.use_real_services)
    session = config.stash[KEY] = Session(settings, overrides, tier, run, fail_on_unavailable=fail_on_unavailable)
    splitter = shards.register(config, settings, worker)
    config.pluginmanager.register(fixtures, "test_framework_fixtures")
    if own := fixtures_custom.custom_fixtures(settings):
        session.fixtures |= own
        config.pluginmanager.register(fixtures_custom.fixture_module(settings), "test_framework_own_fixtures")
    config.pluginmanager.register(WorkerReporter(session), "test_framework_sender")
    config.pluginmanager.register(SecretHider(), "test_framework_hiding")
    times = FixtureTimes() if tier else None
    if worker is not None:
        if watcher := config.stash.get(exit_status.KEY, None):
            watcher.leave()  # this process is not the one that judges
    else:
        if tier:
            _use_tier(config, settings, tier)
        config.pluginmanager.register(_ControllerPlugin(config, session, times, splitter), "test_framework_judge")
    if times:
        config.pluginmanager.register(times, "test_framework_fixture_times")
    if tier or config.option.pattern:
        config.pluginmanager.register(CollectionFilter(settings, tier, config.option.pattern), "test_framework_files")


_RUN = "test_framework_run"


def _use_tier(config: pytest.Config, settings: Settings, tier: str) -> None:
    """Take the tier's files, and JUnit's file where the command line names none; remove the last verdict."""
    use_paths(config, settings, tier)
    if options.asks_by_words(config):
        return
    folder = settings.reports_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{uuid4().hex}"
        probe.touch()
        probe.unlink()
        # A run that dies must not leave the verdict of the one before it.
        for stale in (f"{tier}.json", f"{tier}.xml", *(["index.html"] if settings.html else [])):
            (folder / stale).unlink(missing_ok=True)
    except OSError as error:
        source = settings.origin("reports")
        raise pytest.UsageError(
            f"the report folder {folder} ({source}) cannot be written: {error.strerror}."
        ) from error
    # Without pytest's own plugin for it there is no such option, and no file.
    if not getattr(config.option, "xmlpath", True):
        config.option.xmlpath = str(folder / f"{tier}.xml")


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Refuse markers that name what does not exist, and fixtures that are there already, before any test runs."""
    known = session.config.stash[KEY].settings.service_names
    try:
        fixtures_custom.check_fixture_names(session)
        for item in items:
            markers.check(item, known)
    except BadSetting as error:
        _end_worker(session, str(error))
        raise pytest.UsageError(str(error)) from error


def _end_worker(session: pytest.Session, why: str) -> None:
    """In a worker of pytest-xdist, stop the whole run with these words; a worker that just ends would be replaced."""
    if hasattr(session.config, "workerinput"):
        session.shouldstop = why
        pytest.exit(why, returncode=pytest.ExitCode.TESTS_FAILED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Take the network from a test that asks for no service in a tier without network."""
    session = item.config.stash[KEY]
    tier = session.tier_of(item.path)
    if tier is None or session.settings.tier(tier).network or _uses_services(item):
        return (yield)
    from test_framework.plugin.network import blocked

    with blocked(item.nodeid, tier):
        return (yield)


def _uses_services(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    needed = markers.needs(item, (), item.config.stash[KEY].fixtures)
    return bool(needed) or "services" in names or markers.wanted_provider(item) is not None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Bound the collection, where the settings say so."""
    seconds = session.config.stash[KEY].settings.collection_timeout
    if not seconds or not hasattr(signal, "setitimer"):
        return (yield)

    def over(*_: object) -> None:
        # A KeyboardInterrupt gets past the handlers that turn what a module raises into an error of that module.
        raise _CollectionTimeout(f"collection took longer than {seconds:g} s (--collection-timeout)")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return (yield)
    except _CollectionTimeout as timeout:
        _end_worker(session, str(timeout))
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _CollectionTimeout(KeyboardInterrupt):
    """Collection took too long."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """End a forked process that has come this far."""
    if watcher := session.config.stash.get(exit_status.KEY, None):
        watcher.end_fork()
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the lease."""
    if KEY in config.stash:
        config.stash[KEY].close()


class _ControllerPlugin:
    """In the process that the exit code comes from: warms, gathers, judges, tells."""

    def __init__(
        self, config: pytest.Config, session: Session, times: FixtureTimes | None, splitter: Splitter | None
    ) -> None:
        self._config = config
        self._session = session
        self._splitter = splitter
        self._record = Record(session.tier, started=time.time(), shard=splitter.shard if splitter else None)
        self._times = times
        self._of_workers: list[list[Any]] = []
        self._verdict: gate.Verdict | None = None
        self._written = outputs.WrittenReports()
        self._line = ProgressLine(lambda _: None, watched=False)
        self._gatherer = ResultCollector(self._record, config)
        config.pluginmanager.register(self._gatherer, "test_framework_gatherer")

    def pytest_report_header(self) -> str:
        """Say which tier this is and which providers will be tried."""
        settings, tier = self._session.settings, self._session.tier
        order, source = settings.order("", tier)
        names = [name for name in order if name not in settings.disabled]
        shard = self._record.shard
        part = f", shard {shard} ({shard.source})" if shard else ""
        return f"test framework: tier {tier or '-'}, providers {', '.join(names)} ({source}){part}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Start what the tier needs while pytest collects."""
        self._line = self._session.say = _progress_line(self._config)
        # Without a supervisor each worker has servers of its own, and the process that judges runs no test.
        alone = not self._session.settings.supervisor and getattr(self._config.option, "numprocesses", None)
        if not options.runs_nothing(self._config) and not alone:
            self._session.warm()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self) -> None:
        """End a line of progress before pytest shows the outcome of the test that waited."""
        self._line.end()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Let a worker of pytest-xdist take part in this run."""
        node.workerinput[_RUN] = self._session.run
        shards.share_with_worker(node.workerinput, self._record.shard)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker of pytest-xdist has found; one that crashed sends nothing."""
        told = getattr(node, "workeroutput", {})
        self._of_workers.extend(told.get(OUTPUT, []))
        if self._splitter:
            self._splitter.take(told)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
        """Judge the run; an exit code that pytest has already made bad stays as it is."""
        if options.runs_nothing(self._config):
            return
        settings = self._session.settings
        stopped = exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
        if self._session.tier and not (session.shouldfail and self._record.failing):
            # `pytest.exit` may name any exit status, 0 too.
            stopped = stopped or self._gatherer.unfinished
        # pytest stops as if by a person when a file cannot be collected; that is a failure like any other.
        self._record.interrupted = stopped and not self._record.uncollected
        if self._splitter:
            self._record.collection = self._splitter.collection
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._record.is_part:
            # There are more shards than tests to share among them.
            session.exitstatus = exitstatus = pytest.ExitCode.OK
        require = options.require_of(self._config, settings)
        strict = gate.is_strict(settings, os.environ, required=self._config.option.require is not None)
        self._verdict = gate.judge(self._record, settings, strict=strict, require=require)
        if self._times:
            self._record.require = require
            self._record.seconds = time.time() - (self._record.started or 0)
            from test_framework.report.fixtures import FixtureTime, merge_fixture_times

            found = [*self._times.to_json(), *self._of_workers]
            self._record.fixtures = merge_fixture_times(FixtureTime(*fields) for fields in found)
            junit: str | None = getattr(self._config.option, "xmlpath", None)
            self._written = outputs.write(self._record, self._verdict, settings, junit)
        if (self._verdict.red or self._record.interrupted) and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if watcher := self._config.stash.get(exit_status.KEY, None):
            from test_framework.report.stored import Report

            watcher.green = not Report.of(self._record, self._verdict.to_json()).red

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell a person."""
        if self._verdict:
            shard = self._splitter.sentence() if self._splitter else ""
            summary.write(terminalreporter, self._record, self._verdict, self._written, shard)
            if self._record.tier:
                outputs.annotate(terminalreporter, self._record, self._verdict, self._config.rootpath)


def _progress_line(config: pytest.Config) -> ProgressLine:
    """Return what writes progress to the terminal, past pytest's capture."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if terminal is None:
        return ProgressLine(lambda _: None, watched=False)

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            terminal.ensure_newline()
            terminal.write(text, flush=True)

    return ProgressLine(write, watched=terminal.isatty)
