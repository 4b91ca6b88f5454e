"""Template databases: made once for each content, by SQL files or by a callable of the project."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg

from test_framework import inputs
from test_framework.config import is_callable
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused, hide_secrets
from test_framework.services._postgres_connection import STATEMENT_SECONDS, ServerUnanswered, open_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

BARE = "template1"
"""The database that every server has, from which an empty one is made."""

_CALLABLE_SECONDS = round(STATEMENT_SECONDS)


class Templates:
    """The templates on one server; for one thread at a time.

    Args:
        root: Where the files of a template are looked for.
        create: Makes an empty database and returns its name.
        drop: Drops one.
        url_of: Returns the URL of one.
        lack: Is given an entry that failed, its statements as far as they are known, what was said, and the
            environment; returns the refusal where the server lacks an extension, None where it failed otherwise.
    """

    def __init__(
        self,
        root: Path,
        create: Callable[[], str],
        drop: Callable[[str], None],
        url_of: Callable[[str], str],
        lack: Callable[[str, str, str, Mapping[str, str]], Refused | None],
    ) -> None:
        self._root = root
        self._create = create
        self._drop = drop
        self._url_of = url_of
        self._lack = lack
        self._known: dict[str, str] = {}
        self._failed: dict[tuple[str, str], Refused] = {}
        self._digests: dict[str, tuple[tuple[int, ...], str]] = {}

    def get(self, template: tuple[str, ...], run: str, env: Mapping[str, str]) -> str:
        """Return the name of the template database, and raise again what it raised when this run first built it."""
        if not template:
            return BARE
        key = self._key(template, run)
        if key not in self._known:
            if (failed := self._failed.get((run, key))) is not None:
                raise Refused(failed.reason, failed.log)
            try:
                self._known[key] = self._build(template, env)
            except Refused as refused:
                # The next run tries again: what the server lacked may have been installed.
                self._failed[run, key] = refused
                raise
        return self._known[key]

    def names(self) -> list[str]:
        """Return the templates that there are."""
        return [*self._known.values()]

    def forget(self, name: str) -> None:
        """Build it anew when it is asked for again."""
        self._known = {key: known for key, known in self._known.items() if known != name}

    def _key(self, template: tuple[str, ...], run: str) -> str:
        """Identify the template by content; a callable may read anything, so it is built anew each run."""
        return "|".join(f"{run} {entry}" if is_callable(entry) else self._digest(entry) for entry in template)

    def _digest(self, entry: str) -> str:
        """Return the digest of a file's content, which is read again only when the file was written to."""
        try:
            stat = (self._root / entry).stat()
        except OSError as error:
            raise _unreadable(entry, error) from error
        stamp = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        known = self._digests.get(entry)
        if known is None or known[0] != stamp:
            known = self._digests[entry] = stamp, hashlib.sha256(self._read(entry)).hexdigest()
        return known[1]

    def _read(self, entry: str) -> bytes:
        try:
            return inputs.read_bytes(self._root / entry)
        except OSError as error:
            raise _unreadable(entry, error) from error

    def _build(self, template: tuple[str, ...], env: Mapping[str, str]) -> str:
        name = self._create()
        try:
            for entry in template:
                if is_callable(entry):
                    self._call(entry, self._url_of(name), env)
                else:
                    self._execute(entry, self._read(entry).decode(), self._url_of(name), env)
            # The first session in a database writes down what all later ones read, and clones have it too.
            open_connection(self._url_of(name)).close()
        except Refused:
            self._drop(name)
            raise
        return name

    def _execute(self, entry: str, text: str, url: str, env: Mapping[str, str]) -> None:
        with open_connection(url) as connection:
            try:
                connection.execute(text.encode())
            except ServerUnanswered:
                raise
            except psycopg.Error as error:
                if lack := self._lack(entry, text, str(error), env):
                    raise lack from error
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
            if lack := self._lack(entry, said, said, env):
                raise lack
            last = said.strip().splitlines()
            why = last[-1] if last else f"exit {result.returncode}"
            raise Refused(Reason.of(Code.TEMPLATE_FAILED, template=entry, error=why), log=said)


def _unreadable(entry: str, error: OSError) -> Refused:
    return Refused(Reason.of(Code.TEMPLATE_FAILED, template=entry, error=f"cannot read it: {error.strerror}"))


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
