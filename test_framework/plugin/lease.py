"""The lease of one pytest process: resolves what a test needs, and skips or fails the test that cannot have it."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from textwrap import shorten
from typing import TYPE_CHECKING, NoReturn

import pytest
from _pytest.outcomes import Skipped

from test_framework.config import BadSetting
from test_framework.plugin import conditions, markers
from test_framework.plugin.state import FixtureResource
from test_framework.reach import why_not_write
from test_framework.reach.libpq import ignore_libpq_variables, is_postgres_url
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused, Resolution
from test_framework.supervisor.client import SupervisorLost, SupervisorUnanswered, connect
from test_framework.supervisor.wire import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.plugin.state import SessionState
    from test_framework.supervisor.client import SupervisorClient

_WIDTH = 120


class ReasonedSkip(Skipped):
    """A skip that carries its reason, for the report; raise it in a test for a reason of the catalogue."""

    def __init__(self, reason: Reason) -> None:
        # Short, since the summary tells all of it once, and not for each test.
        super().__init__(shorten(str(reason), _WIDTH, placeholder=" …"), _use_item_location=True)
        self.reason = reason


# pytest prints the class of what it catches, but for its own; a person is to read "Skipped: …" here too.
ReasonedSkip.__module__, ReasonedSkip.__name__, ReasonedSkip.__qualname__ = "builtins", "Skipped", "Skipped"


class Lease:
    """See `session.Session.lease`."""

    def __init__(self, session: SessionState) -> None:
        self.resolutions: dict[str, Resolution] = {}
        self._session = session
        self._settings = session.settings
        self._client: SupervisorClient | None = None
        self._unanswered: SupervisorUnanswered | None = None
        self._lock = threading.Lock()
        self._environment = ExitStack()
        self._variables_ignored = False

    @property
    def client(self) -> SupervisorClient:
        """The connection to the supervisor, made on first use.

        Raises:
            SupervisorLost: It cannot be made, or the run has ended, which what is warmed in the background may not see.
        """
        with self._lock:
            if self._unanswered:
                # One test has waited for it, and named it.
                raise self._unanswered
            if self._client is None:
                session = self._session
                if session.over:
                    raise SupervisorLost("the run has ended")
                # What `say` does changes when the terminal is there, so it is looked up each time.
                say = lambda text: session.say(text)  # noqa: E731, PLW0108  # see above
                try:
                    self._client = connect(self._settings, session.overrides, session.run, say)
                except SupervisorUnanswered as error:
                    self._unanswered = error
                    raise
            return self._client

    @cached_property
    def _no_docker(self) -> Reason | None:
        return conditions.docker()

    def warm(self, names: Iterable[str]) -> None:
        """Begin to resolve services in the background."""
        try:
            self.client.warm([self._request_for(name) for name in names])
        except BadSetting:
            # The first test that needs the service asks again, and there it can be told.
            return
        except (SupervisorLost, OSError):
            self._client = None

    def ignore_libpq_variables(self) -> None:
        """Remove the variables from the environment by which libpq would not connect as the URL of a fixture says."""
        if not self._variables_ignored:
            self._environment.enter_context(ignore_libpq_variables())
            self._variables_ignored = True

    def close(self) -> None:
        """End the lease; wait until external servers are as they were."""
        with self._lock, self._environment:
            if self._client is not None:
                with suppress(SupervisorLost, BadSetting):
                    for text in self._client.leave():
                        # The summary is written by now, and this is for a log in CI too.
                        print(f"test framework: {text}", file=sys.stderr)  # noqa: T201
                self._client.close()
                self._client = None

    def _request_for(self, name: str) -> ServiceRequest:
        return ServiceRequest.of(name, self._settings, self._session.tier)

    def prepare(self, item: pytest.Item, needed: tuple[str, ...]) -> None:
        """See `session.Session.prepare`."""
        if reason := conditions.unmet(item, needed, self._settings, lambda: self._no_docker):
            self._skip_or_fail(reason)
        if not needed:
            return
        try:
            for name in needed:
                self.endpoint(name)
            for refused in self.client.dead(needed):
                _fail(refused.reason, refused.log)
        except (SupervisorLost, BadSetting) as error:
            _fail_with(str(error))

    def endpoint(self, name: str) -> Endpoint:
        """Return the endpoint of a service for the test that runs; skip or fail the test when it has none."""
        assert self._session.current is not None, "a service is asked for outside of a test"
        item, state = self._session.current
        if name not in self.resolutions:
            self.resolutions[name] = self.client.resolve(self._request_for(name))
        endpoint = self._usable(item, self.resolutions[name])
        if is_postgres_url(endpoint.url):
            self.ignore_libpq_variables()
        state.endpoints[name] = endpoint
        return endpoint

    def _usable(self, item: pytest.Item, resolution: Resolution) -> Endpoint:
        """Return the endpoint if this test may use it; skip or fail the test if not."""
        if resolution.broken and resolution.broken.reason:
            _fail(resolution.broken.reason, resolution.broken.log)
        endpoint = resolution.endpoint
        if endpoint is None:
            assert resolution.reason is not None, "a resolution has an endpoint or a reason"
            self._skip_or_fail(_with_other_attempts(resolution, resolution.reason))
        wanted = markers.wanted_provider(item)
        if wanted and endpoint.provider != wanted:
            self._skip_or_fail(_other_provider(resolution, endpoint, wanted))
        reason = why_not_write(endpoint)
        if reason and not markers.is_safe(item):
            self._skip_or_fail(reason)
        return endpoint

    def _skip_or_fail(self, reason: Reason) -> NoReturn:
        if self._session.fail_on_unavailable:
            _fail_with(_format_reason(reason))
        raise ReasonedSkip(reason)

    def checkout(self, name: str) -> tuple[str, Endpoint]:
        """Return the name and the endpoint of a fresh isolated resource; fail the test when there is none.

        A template that needs an extension which the server lacks skips it: what is wrong is the server, not the test.
        """
        try:
            return self.client.checkout(name)
        except Refused as refused:
            if refused.reason.code is Code.EXTENSION_MISSING:
                self._skip_or_fail(refused.reason)
            _fail(refused.reason, refused.log)
        except (SupervisorLost, BadSetting) as error:
            _fail_with(str(error))

    @contextmanager
    def isolated(self, request: pytest.FixtureRequest, server: Endpoint) -> Iterator[FixtureResource]:
        """Hand an isolated resource of a server to the fixture that asks, for its scope."""
        session = self._session
        assert session.current is not None, "a resource is asked for outside of a test"
        name, endpoint = self.checkout(server.service)
        resource = FixtureResource(name, endpoint, request.fixturename or "", session.current[1])
        session.resources.append(resource)
        try:
            yield resource
        finally:
            session.resources.remove(resource)
            self._give_back(resource, "" if request.scope == "function" else request.node.nodeid)

    def _give_back(self, resource: FixtureResource, shared_by: str) -> None:
        """Give a resource back; that of a failed test is retained for as long as the servers stay warm."""
        failed = any(state.failed for state in resource.states)
        stays = self._settings.supervisor and self._settings.idle_seconds > 0
        # External servers are left as they were.
        retain = failed and stays and resource.endpoint.ours
        try:
            self.client.give_back(resource.name, retain=retain)
        except SupervisorLost:
            return
        if retain:
            endpoint = resource.endpoint
            notes = [f"password in {endpoint.password_file}"] if endpoint.password_file else []
            notes += [f"prefix {endpoint.prefix}"] if endpoint.prefix else []
            notes += [f"of {shared_by}"] if shared_by else []
            # The last of the tests that have used it reports it.
            resource.states[-1].kept.append(" ".join([endpoint.service, endpoint.safe_url, *notes]))

    def check_leaked(self, resource: FixtureResource) -> None:
        """Fail the test that has used a resource if it has changed the server outside of it.

        Where another client may have made the change, the summary of the run reports it, and no test fails.
        """
        if resource.endpoint.prefix:
            # The login of a prefix cannot change anything else.
            return
        try:
            leaked, alone = self.client.leaked(resource.name)
        except SupervisorLost:
            # The next test that needs the service fails with that.
            return
        if not leaked:
            return
        service, what = resource.endpoint.service, "; ".join(leaked)
        if alone and not self._session.shared_services & {service, "services"}:
            instead = f'set isolation = "prefix" in [tool.test_framework.services.{service}]'
            self.fail_leaked(f"{service}, {what}", instead)
        resource.states[-1].leaked.append(f"{service}, {what}")

    def fail_leaked(self, what: str, instead: str) -> NoReturn:
        """Fail the test for what it has left for other tests to find; `instead` is what it could do."""
        _fail(Reason.of(Code.LEFT_BEHIND, what=what, instead=instead), "")

    @contextmanager
    def requiring(self, package: str) -> Iterator[None]:
        """Fail the test with the package to install, when an import in the block fails."""
        try:
            yield
        except ImportError as error:
            _fail(Reason.of(Code.SDK_MISSING, package=f"'{package}'" if "[" in package else package, error=error), "")


def _fail(reason: Reason, log: str) -> NoReturn:
    lines = [_format_reason(reason)]
    if log.strip():
        lines += ["", "The end of the server's log:", log.rstrip()]
    _fail_with("\n".join(lines))


def _fail_with(text: str) -> NoReturn:
    """Fail the test with this text alone, without the exception that was being handled."""
    raise pytest.fail.Exception(text, pytrace=False) from None


def _other_provider(resolution: Resolution, endpoint: Endpoint, wanted: str) -> Reason:
    """Return why the service does not run on the provider that the test requires."""
    for attempt in resolution.attempts:
        if attempt.provider == wanted and attempt.reason:
            return attempt.reason
    source = f"the order of providers, in which {endpoint.provider} came first for {resolution.service}"
    return Reason.of(Code.PROVIDER_DISABLED, provider=wanted, source=source)


def _with_other_attempts(resolution: Resolution, reason: Reason) -> Reason:
    """Return the reason, with the code of every other attempt added."""
    others: dict[str, list[str]] = {}
    for attempt in resolution.attempts:
        if attempt.reason and attempt.reason is not reason:
            off = attempt.reason.code is Code.PROVIDER_DISABLED
            why = attempt.reason.message.removeprefix(f"{attempt.provider} is ") if off else attempt.reason.code
            others.setdefault(why, []).append(attempt.provider)
    told = "; ".join(f"{', '.join(names)}: {why}" for why, names in others.items())
    note = f" [{told}]" if told else ""
    return Reason(reason.code, f"{resolution.service}: {reason.message}{note}", reason.remedy, reason.kind)


def _format_reason(reason: Reason) -> str:
    return f"{reason.code}: {reason.message}. {reason.remedy}"
