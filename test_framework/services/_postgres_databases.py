"""A database of its own for each test, cloned from a template that is built once."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import psycopg

from test_framework import owner
from test_framework.contracts import IsolatedResource
from test_framework.private import write_private
from test_framework.reasons import Code
from test_framework.resolution import Endpoint, Reason, Refused, hide_secrets
from test_framework.services._postgres_admin import Admin
from test_framework.services._postgres_connection import ServerUnanswered
from test_framework.services._postgres_extensions import missed, refused_server
from test_framework.services._postgres_leaks import LeakedObjects
from test_framework.services._postgres_pool import Pool
from test_framework.services._postgres_templates import BARE, Templates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from test_framework.services._postgres_admin import DatabaseFingerprint
    from test_framework.services._postgres_shape import TemplateShape

_log = logging.getLogger(__name__)
_PREFIX = "tf_"
_MOST_RETAINED = 20


class PostgresDatabases:
    """See `contracts.Databases`.

    Every name carries the process that made it, so that what a killed one left on a server that is not ours
    is found and dropped by the next.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        folder: Path,
        root: Path,
        programs_with: Callable[[Sequence[str], Mapping[str, str]], list[str]] = lambda *_: [],
    ) -> None:
        self._endpoint = endpoint
        self._ours = endpoint.ours
        self._passfile = _write_passfile(endpoint, folder) if self._ours else None
        self._lock = threading.Lock()
        self._number = count(1)
        self._name_prefix = owner.prefix_of(_PREFIX)
        self._retained: list[str] = []
        self._run = ""
        self._admin = self._connect()
        self._programs_with = programs_with
        self._templates = Templates(
            root, self._empty, self._admin.drop, lambda name: self._endpoint_for(name).url, self._lack
        )
        self._spare: list[Admin] = [self._connect()]
        self._pool = Pool(lambda: self._spare.pop() if self._spare else self._connect(), self._name)
        self._leaked_objects = LeakedObjects(self._connect(), _PREFIX) if self._ours else None
        if not self._ours:
            self._sweep()

    def _connect(self) -> Admin:
        return Admin(self._endpoint.url, direct=self._ours)

    def _sweep(self) -> None:
        """Drop what a killed process of this machine has left; another run may be at it, or we may not."""
        for name in self._admin.names(_PREFIX):
            if owner.abandoned(name, _PREFIX):
                self._drop(name)

    def _drop(self, name: str) -> str:
        """Drop a database; return why it is still there."""
        try:
            self._admin.drop(name)
        except psycopg.Error as error:
            if self._admin.connection_lost:
                raise
            _log.warning("%s stays: %s", name, hide_secrets(str(error)))
            return str(error)
        return ""

    def prepare(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> None:
        """Build the template and begin to clone it; the first `checkout` raises what fails."""
        with suppress(Refused, psycopg.OperationalError):
            self._pool.prepare(self._template(template, run, env))

    def checkout(
        self, template: tuple[str, ...], run: str, env: Mapping[str, str], *, skip_template: bool = False
    ) -> IsolatedResource:
        """Return a clone; builds the template when its content is new."""
        try:
            name = self._pool.take(self._template(template, run, env), self._clone)
        except psycopg.OperationalError as error:
            raise Refused(self._reason_gone(error)) from error
        return IsolatedResource(name, self._endpoint_for(name))

    def leaked(self, isolated: IsolatedResource) -> list[str]:
        """Return nothing: what a test leaves on the server is found and removed when its database comes back."""
        return []

    def give_back(self, isolated: IsolatedResource, *, retain: bool) -> None:
        """Take the database back, or retain it; the oldest of too many retained ones is dropped."""
        if self._leaked_objects:
            # While the database is there, the server can tell which roles own something in it.
            with suppress(psycopg.OperationalError):
                self._leaked_objects.remove_leaked_by(isolated.name, self._pool.out)
        self._pool.put(isolated.name, retain=retain)
        if retain:
            with self._lock:
                self._retained.append(isolated.name)
                to_drop = self._retained[:-_MOST_RETAINED]
                self._retained = self._retained[-_MOST_RETAINED:]
            for name in to_drop:
                self._pool.drop(name)

    def tidy(self) -> None:
        """Remove what tests have left on the server outside of their databases."""
        if self._leaked_objects:
            with suppress(psycopg.OperationalError):
                self._leaked_objects.tidy()

    def close(self) -> str:
        """Drop what was made, where the server lives on, and close the connections; see `contracts.Databases`."""
        self._pool.close()
        with self._lock:
            left = "" if self._ours else self._drop_all()
            for admin in (self._admin, *self._spare):
                admin.close()
            if self._leaked_objects:
                self._leaked_objects.close()
            if self._passfile:
                self._passfile.unlink(missing_ok=True)
        return left

    def _drop_all(self) -> str:
        """Drop everything that was made here, also what the pool was still at; return what stays, and why."""
        try:
            stays = {name: why for name in self._admin.names(self._name_prefix) if (why := self._drop(name))}
        except psycopg.OperationalError as error:
            return f"the databases {self._name_prefix}…: {hide_secrets(str(error))}"
        return "; ".join(f"the database {name}: {hide_secrets(why)}" for name, why in stays.items())

    def _template(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> str:
        """Return the name of the template database; stale ones of other contents or runs are dropped."""
        with self._lock:
            if self._leaked_objects and run != self._run:
                self._run = run
                self._leaked_objects.begin_run()
            known = self._templates.names()
            source = self._templates.get(template, run, env)
            if source not in known and source != BARE:
                if self._leaked_objects:
                    self._leaked_objects.accept_existing()
                self._admin.wait_until_unused(source)
                for name in self._pool.forget(source):
                    self._templates.forget(name)
                    if name != BARE:
                        self._pool.drop(name)
        return source

    def _lack(self, entry: str, text: str, said: str, env: Mapping[str, str]) -> Refused | None:
        """Return the refusal for a template that failed for want of an extension; None if it failed otherwise."""
        if (found := missed(said, text)) is None:
            return None
        name, library = found
        need, missing = {name: f"the template {entry}"}, (name,)
        holders = [] if library else self._programs_with(missing, env)
        return refused_server(need, missing, self._endpoint, library=library, holders=holders)

    def _empty(self) -> str:
        name = self._name()
        self._admin.create(name, BARE)
        return name

    def _clone(self, name: str, source: str, shape: TemplateShape | None) -> DatabaseFingerprint | None:
        with self._lock:
            self._admin.create(name, source)
            return self._admin.state(name, shape) if shape else None

    def _name(self) -> str:
        return f"{self._name_prefix}{next(self._number)}"

    def _endpoint_for(self, name: str) -> Endpoint:
        """Return the endpoint of a database, with a URL to show that works as it is and holds no password."""
        parts = urlsplit(self._endpoint.url)
        # Not by `urlunsplit`, which drops the slashes of a URL that names no host.
        query = f"?{parts.query}" if parts.query else ""
        url = f"{parts.scheme}://{parts.netloc}/{name}{query}"
        return self._endpoint.at(url, _shown(url, self._passfile) if self._passfile else "")

    def _reason_gone(self, error: Exception) -> Reason:
        where = {"service": self._endpoint.service, "provider": self._endpoint.provider}
        return Reason.of(
            Code.SERVER_HANGS if isinstance(error, ServerUnanswered) else Code.SERVER_DIED, error=error, **where
        )


def _shown(url: str, passfile: Path) -> str:
    """Return a URL that names the file of the password in its place; in it a `+` would not stand for a space."""
    parts = urlsplit(url)
    file = quote(str(passfile))
    return f"{parts.scheme}://{parts.username}@{parts.hostname}:{parts.port}{parts.path}?passfile={file}"


def _write_passfile(endpoint: Endpoint, folder: Path) -> Path:
    """Put the password where only this user can read it, in the form that libpq looks for."""
    parts = urlsplit(endpoint.url)
    return write_private(folder / f"pgpass-{parts.port}", f"*:*:*:*:{parts.password}\n", replace=True)
