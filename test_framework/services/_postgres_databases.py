"""A database of its own for each test, cloned from a template that is built once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import urlencode, urlsplit

import psycopg
from psycopg import sql

from test_framework import owner
from test_framework.reasons import Code
from test_framework.verdict import Endpoint, Reason, Refused, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PostgresDatabases"]

_PREFIX = "tf_"
_KEPT = 20
_CALLABLE_SECONDS = 300
_FILE_COPY = 150000
"""The server version from which a clone may copy files, which on memory is five times as fast as WAL."""


@dataclass(frozen=True, slots=True)
class _Database:
    name: str
    endpoint: Endpoint


class PostgresDatabases:
    """See `contracts.Databases`.

    Every name carries the process that made it, so that what a killed one left on a server that is not ours
    is found and dropped by the next.
    """

    def __init__(self, endpoint: Endpoint, folder: Path, root: Path) -> None:
        self._endpoint = endpoint
        self._root = root
        ours = endpoint.provider in ("docker", "embedded")
        self._passfile = _write_passfile(endpoint, folder) if ours else None
        self._lock = threading.Lock()
        self._number = count(1)
        self._templates: dict[str, str | Refused] = {}
        self._kept: list[str] = []
        self._made: set[str] = set()
        self._admin = psycopg.connect(endpoint.url, autocommit=True)
        self._fast: LiteralString = " STRATEGY FILE_COPY" if self._admin.info.server_version >= _FILE_COPY else ""
        if endpoint.local:
            self._sweep()

    def _sweep(self) -> None:
        rows = self._admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_PREFIX])
        for (name,) in rows.fetchall():
            mark = name.removeprefix(_PREFIX).rpartition("_")[0]
            if owner.is_mark(mark) and not owner.alive(mark):
                self._drop(name)

    def checkout(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> _Database:
        """Clone a database; builds the template when its content is new."""
        try:
            with self._lock:
                source = self._template(template, run, env)
                name = self._name()
                self._create(name, source)
        except psycopg.OperationalError as error:
            raise Refused(self._gone(error)) from error
        return _Database(name, self._at(name))

    def give_back(self, isolated: _Database, *, keep: bool) -> None:
        """Drop the database, or keep it; of those kept, the oldest goes when there are too many."""
        with self._lock:
            if keep:
                self._kept.append(isolated.name)
            doomed = [isolated.name] if not keep else self._kept[:-_KEPT]
            for name in doomed:
                self._drop(name)
            self._kept = [name for name in self._kept if name not in doomed]

    def close(self) -> None:
        """Drop what was made and close the connection; a server that is gone needs neither."""
        with self._lock:
            try:
                for name in sorted(self._made):
                    self._drop(name)
            except psycopg.OperationalError:
                pass
            self._admin.close()
            if self._passfile:
                self._passfile.unlink(missing_ok=True)

    def _template(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> str:
        """Return the name of the template database, and raise again what it raised when it was first built."""
        if not template:
            return "template1"
        key = self._key(template, run)
        if key not in self._templates:
            try:
                self._templates[key] = self._build(template, env)
            except Refused as refused:
                self._templates[key] = refused
        known = self._templates[key]
        if isinstance(known, Refused):
            raise Refused(known.reason, known.log)
        return known

    def _key(self, template: tuple[str, ...], run: str) -> str:
        """Identify the template by content; a callable may read anything, so it is built anew each run."""
        digest = hashlib.sha256()
        for entry in template:
            digest.update(f"{run}|{entry}".encode() if _is_callable(entry) else self._read(entry))
        return digest.hexdigest()

    def _read(self, entry: str) -> bytes:
        try:
            return (self._root / entry).read_bytes()
        except OSError as error:
            why = f"cannot read it: {error.strerror}"
            raise Refused(Reason.of(Code.TEMPLATE_FAILED, template=entry, error=why)) from error

    def _build(self, template: tuple[str, ...], env: Mapping[str, str]) -> str:
        name = self._name()
        self._create(name, "template1")
        try:
            for entry in template:
                if _is_callable(entry):
                    self._call(entry, self._at(name).url, env)
                else:
                    self._execute(entry, self._read(entry).decode(), self._at(name).url)
        except Refused:
            self._drop(name)
            raise
        return name

    def _execute(self, entry: str, text: str, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            try:
                connection.execute(text.encode())
            except psycopg.Error as error:
                why = f"{error.diag.message_primary or error}, {_place(text, error)}"
                raise Refused(Reason.of(Code.TEMPLATE_FAILED, template=entry, error=why)) from error

    def _call(self, entry: str, url: str, env: Mapping[str, str]) -> None:
        """Run the callable in a process of its own: its code is then as it stands now, and stays out of ours."""
        program = (
            "import importlib, json, sys\n"
            "given = json.load(sys.stdin)\n"
            "module, _, name = given['entry'].partition(':')\n"
            "getattr(importlib.import_module(module), name)(given['url'])\n"
        )
        path = os.pathsep.join(filter(None, [str(self._root), env.get("PYTHONPATH")]))
        try:
            result = subprocess.run(  # noqa: S603  # our own program; the settings name the callable
                [sys.executable, "-c", program],
                input=json.dumps({"entry": entry, "url": url}),
                cwd=self._root,
                env={**env, "PYTHONPATH": path},
                capture_output=True,
                text=True,
                timeout=_CALLABLE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            why = f"it took over {_CALLABLE_SECONDS} s"
            raise Refused(Reason.of(Code.TEMPLATE_FAILED, template=entry, error=why)) from error
        if result.returncode:
            said = hide_secrets(result.stderr)
            last = said.strip().splitlines()
            why = last[-1] if last else f"exit {result.returncode}"
            raise Refused(Reason.of(Code.TEMPLATE_FAILED, template=entry, error=why), log=said)

    def _name(self) -> str:
        return f"{_PREFIX}{owner.MARK}_{next(self._number)}"

    def _create(self, name: str, template: str) -> None:
        self._run("CREATE DATABASE {} TEMPLATE {}" + self._fast, name, template)
        self._made.add(name)

    def _drop(self, name: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._made.discard(name)

    def _run(self, statement: LiteralString, *identifiers: str) -> None:
        self._admin.execute(sql.SQL(statement).format(*map(sql.Identifier, identifiers)))

    def _at(self, name: str) -> Endpoint:
        """Return the endpoint of a database, with a URL to show that works as it is and holds no password."""
        parts = urlsplit(self._endpoint.url)
        # Not by `urlunsplit`, which drops the slashes of a URL that names no host.
        query = f"?{parts.query}" if parts.query else ""
        url, shown = f"{parts.scheme}://{parts.netloc}/{name}{query}", ""
        if self._passfile:
            passfile = urlencode({"passfile": str(self._passfile)}, safe="/")
            shown = f"{parts.scheme}://{parts.username}@{parts.hostname}:{parts.port}/{name}?{passfile}"
        return self._endpoint.at(url, shown)

    def _gone(self, error: Exception) -> Reason:
        where = {"service": self._endpoint.service, "provider": self._endpoint.provider}
        return Reason.of(Code.SERVER_DIED, error=error, **where)


def _write_passfile(endpoint: Endpoint, folder: Path) -> Path:
    """Put the password where only this user can read it, in the form that libpq looks for."""
    parts = urlsplit(endpoint.url)
    path = folder / f"pgpass-{parts.port}"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"*:*:*:*:{parts.password}\n")
    return path


def _is_callable(entry: str) -> bool:
    return ":" in entry and not entry.endswith(".sql")


def _place(text: str, error: psycopg.Error) -> str:
    """Say in which line the server stopped, and show the statement from there."""
    position: Any = error.diag.statement_position
    if not position:
        return "in a statement that the server does not name"
    start = int(position) - 1
    line = text.count("\n", 0, start) + 1
    begin = max(text.rfind(";", 0, start) + 1, 0)
    end = text.find(";", start)
    statement = " ".join(text[begin : end if end >= 0 else None].split())
    return f"at line {line}: {statement[:200]}"
