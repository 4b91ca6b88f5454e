"""Databases that are ready before they are asked for: cloned ahead of demand, and recycled in the background."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import psycopg

from test_framework.resolution import hide_secrets
from test_framework.services._postgres_admin import DatabaseFingerprint
from test_framework.services._postgres_shape import TemplateShape

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.services._postgres_admin import Admin

_log = logging.getLogger(__name__)

_FEWEST, _MOST = 2, 16
_MOST_BYTES = 512 << 20
"""What may lie ready, at most: a template of a gigabyte has one clone ahead."""

_END_SECONDS = 2.0
_SETTLE_SECONDS = 0.003
"""A session is on its way out for so long; to ask about it earlier is to ask twice."""

_ON_ITS_WAY_SECONDS = 5.0
_STALE_SECONDS = 30.0
"""A template that is not current and was not used for so long belonged to a run that is over."""

_MOST_TO_DROP = 8
"""So many changed databases may wait to be dropped before that comes first."""


@dataclass
class _TemplateClones:
    """The clones of one template.

    Attributes:
        most: How many may lie ready; known with the first clone.
        shape: What all clones have in common; known with the first one.
        out: How many tests have now.
        waiting: How many clients wait for one.
        peak: The most that tests have had at once.
        used: When one was last handed out.
    """

    name: str
    most: int = _FEWEST
    shape: TemplateShape | None = None
    ready: deque[str] = field(default_factory=deque)
    out: int = 0
    waiting: int = 0
    peak: int = 1
    used: float = field(default_factory=time.monotonic)

    @property
    def wanted(self) -> int:
        """How many clones should lie ready: twice the most that tests have had at once."""
        return min(max(_FEWEST, 2 * self.peak), self.most)


class Pool:
    """Hands out clones of templates. Safe to call from several threads.

    One thread of its own clones ahead, looks at what was given back, and drops. A database that was not changed is
    handed out again as it is; one in which only tables were written to that have no rows in the template, with these
    emptied, which takes less time than a clone. That is read from the server's own counts, sequences and catalogs, and
    where they cannot prove it (a server older than 15, a session that stays), the database is dropped.

    Args:
        admin: Returns a connection for the thread.
        name: Returns a new name.
    """

    def __init__(self, admin: Callable[[], Admin], name: Callable[[], str]) -> None:
        self._admin = admin
        self._name = name
        self._condition = threading.Condition()
        self._clones: dict[str, _TemplateClones] = {}
        self._states: dict[str, DatabaseFingerprint] = {}
        self._returned: deque[tuple[str, _TemplateClones, float]] = deque()
        self._to_drop: deque[str] = deque()
        self._template_of: dict[str, _TemplateClones] = {}
        self._closed = False
        self._busy = False
        self._being_cloned: _TemplateClones | None = None
        self._thread: threading.Thread | None = None

    def prepare(self, source: str) -> None:
        """Begin to clone a template, in the background."""
        with self._condition:
            self._clones_of(source)
            self._condition.notify_all()

    def take(self, source: str, make: Callable[[str, str, TemplateShape | None], DatabaseFingerprint | None]) -> str:
        """Return the name of a database that is as the template.

        Where none is ready, `make` clones it now: it is given both names, and the shape where that is known already,
        and returns the state of the clone.
        """
        with self._condition:
            clones = self._clones_of(source)
            clones.out += 1
            clones.peak = max(clones.peak, clones.out)
            clones.used = time.monotonic()
            if not clones.ready:
                # One that is on its way is here sooner than one that would be begun now.
                clones.waiting += 1
                self._condition.wait_for(
                    lambda: clones.ready or self._on_their_way(clones) < clones.waiting, _ON_ITS_WAY_SECONDS
                )
                clones.waiting -= 1
            name = clones.ready.popleft() if clones.ready else None
            if name:
                self._template_of[name] = clones
            self._condition.notify_all()
        if name:
            return name
        name = self._name()
        try:
            state = make(name, source, clones.shape)
        except BaseException:
            with self._condition:
                clones.out -= 1
            raise
        with self._condition:
            self._template_of[name] = clones
            if state:
                self._states[name] = state
        return name

    def put(self, name: str, *, retain: bool = False) -> None:
        """Take a database back without waiting; one to `retain` is only counted as no longer out."""
        with self._condition:
            clones = self._template_of.pop(name)
            clones.out -= 1
            if retain:
                self._states.pop(name, None)
            else:
                self._returned.append((name, clones, time.monotonic()))
                self._condition.notify_all()

    def out(self) -> set[str]:
        """Return the databases that tests have."""
        with self._condition:
            return set(self._template_of)

    def drop(self, name: str) -> None:
        """Drop a database in the background."""
        with self._condition:
            self._to_drop.append(name)
            self._condition.notify_all()

    def forget(self, current: str) -> list[str]:
        """Drop the clones of all templates but this one that nobody has used for a while; return those templates."""
        with self._condition:
            oldest = time.monotonic() - _STALE_SECONDS
            stale = [s for s in self._clones.values() if s.name != current and not s.out and s.used < oldest]
            for source in stale:
                del self._clones[source.name]
                self._to_drop.extend(source.ready)
            self._condition.notify_all()
        return [source.name for source in stale]

    def close(self) -> None:
        """Stop."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self._thread:
            # A server that hangs is not waited for.
            self._thread.join(_END_SECONDS)

    def _on_their_way(self, source: _TemplateClones) -> int:
        """Return how many clones may be ready soon: those being recycled, and the one being made."""
        return (self._being_cloned is source) + sum(of is source for _, of, _ in self._returned)

    def _clones_of(self, source: str) -> _TemplateClones:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, daemon=True, name="databases")
            self._thread.start()
        return self._clones.setdefault(source, _TemplateClones(source))

    def _work(self) -> None:
        try:
            with self._admin() as admin:
                while job := self._next(admin):
                    _run_job(job)
        except psycopg.OperationalError as error:
            # Whoever asks next makes his own, and hears of the server's end there.
            _log.warning("databases are not made ahead any more: %s", hide_secrets(str(error)))

    def _next(self, admin: Admin) -> Callable[[], None] | None:
        """Wait for the next job: recycle what was returned, which is soonest ready; then clone; then drop."""
        with self._condition:
            self._busy, self._being_cloned = True, None
            # Who waits for what did not become ready looks after himself.
            self._condition.notify_all()
            while not self._closed:
                if len(self._to_drop) > _MOST_TO_DROP:
                    return self._drop_one(admin)
                rest = self._returned[0][2] + _SETTLE_SECONDS - time.monotonic() if self._returned else None
                if rest is not None and rest <= 0:
                    name, self._being_cloned, _ = self._returned.popleft()
                    return partial(self._recycle, admin, name, self._being_cloned)
                for source in self._clones.values():
                    if len(source.ready) + self._on_their_way(source) < source.wanted:
                        self._being_cloned = source
                        return partial(self._clone, admin, source)
                if self._to_drop:
                    return self._drop_one(admin)
                self._busy = rest is not None
                self._condition.wait(rest)
                self._busy = True
        return None

    def _drop_one(self, admin: Admin) -> Callable[[], None]:
        return partial(admin.drop, self._to_drop.popleft())

    def _clone(self, admin: Admin, source: _TemplateClones) -> None:
        name = self._name()
        try:
            admin.create(name, source.name)
        except psycopg.Error:
            # Who asks for one makes it himself then, and is told why it cannot be.
            source.most = 0
            raise
        if source.shape is None:
            source.most = max(1, min(_MOST, _MOST_BYTES // max(1, admin.size(name))))
            with admin.connect_to(name) as inside:
                source.shape = TemplateShape.of(inside)
        state = admin.state(name, source.shape)
        with self._condition:
            if state:
                self._states[name] = state
            (source.ready if source.name in self._clones else self._to_drop).append(name)
            self._condition.notify_all()

    def _recycle(self, admin: Admin, name: str, source: _TemplateClones) -> None:
        wanted = len(source.ready) < source.most and source.name in self._clones
        state = self._state_if_reusable(admin, name, source.shape) if wanted and source.shape else None
        with self._condition:
            if state:
                self._states[name] = state
                source.ready.append(name)
                self._condition.notify_all()
            else:
                self._states.pop(name, None)
                self._to_drop.append(name)

    def _state_if_reusable(self, admin: Admin, name: str, shape: TemplateShape) -> DatabaseFingerprint | None:
        """Return the state of a database that is as it was before the test, or is so again; None where it is not."""
        before, now = self._states.get(name), admin.state(name, shape)
        if before is None or now is None or now.facts != before.facts:
            return None
        if now == before and not now.touched:
            return before
        try:
            with admin.connect_to(name) as inside:
                if now.counts == before.counts and shape.sequences_match(inside, now.touched):
                    return before
                return DatabaseFingerprint.of(inside, name, shape) if shape.restore(inside, now.touched) else None
        except psycopg.Error as error:
            # Such as a server of somebody else's, on which we may not do it.
            _log.info("%s is dropped: %s", name, hide_secrets(str(error)))
            return None


def _run_job(job: Callable[[], None]) -> None:
    """Run one job; an error of the server is logged, unless the connection is lost."""
    try:
        job()
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        _log.warning("%s", hide_secrets(str(error)))
