"""Databases that are ready before they are asked for: cloned ahead of demand, and taken back behind the test's back."""

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
from test_framework.services._postgres_admin import State
from test_framework.services._postgres_shape import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_framework.services._postgres_admin import Admin

__all__ = ["Pool"]

_log = logging.getLogger(__name__)

_FEWEST, _MOST = 2, 16
_MOST_BYTES = 512 << 20
"""What may lie ready, at most: a template of a gigabyte has one clone ahead."""

_END_SECONDS = 2.0
_REST_SECONDS = 0.003
"""A session is on its way out for so long; to ask about it earlier is to ask twice."""

_ON_ITS_WAY_SECONDS = 5.0
_STALE_SECONDS = 30.0
"""A template that is not current and was not used for so long belonged to a run that is over."""

_BACKLOG = 8
"""So many changed databases may wait to be dropped before that comes first."""


@dataclass
class _Source:
    """A template, and its clones; how many may lie ready, and its shape, is known with the first."""

    name: str
    most: int = _FEWEST
    shape: Shape | None = None
    ready: deque[str] = field(default_factory=deque)
    out: int = 0
    waiting: int = 0
    peak: int = 1
    used: float = field(default_factory=time.monotonic)

    @property
    def wanted(self) -> int:
        """How many clones should lie ready: as many as may be asked for at once, and as many again."""
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
        self._news = threading.Condition()
        self._sources: dict[str, _Source] = {}
        self._states: dict[str, State] = {}
        self._back: deque[tuple[str, _Source, float]] = deque()
        self._doomed: deque[str] = deque()
        self._of: dict[str, _Source] = {}
        self._closed = False
        self._busy = False
        self._making: _Source | None = None
        self._thread: threading.Thread | None = None

    def prepare(self, source: str) -> None:
        """Begin to clone a template that will be asked for."""
        with self._news:
            self._known(source)
            self._news.notify_all()

    def take(self, source: str, make: Callable[[str, str, Shape | None], State | None]) -> str:
        """Return the name of a database that is as the template.

        Where none is ready, `make` clones it now: it is given both names, and the shape where that is known already,
        and returns the state of the clone.
        """
        with self._news:
            known = self._known(source)
            known.out += 1
            known.peak = max(known.peak, known.out)
            known.used = time.monotonic()
            if not known.ready:
                # One that is on its way is here sooner than one that would be begun now.
                known.waiting += 1
                self._news.wait_for(lambda: known.ready or self._coming(known) < known.waiting, _ON_ITS_WAY_SECONDS)
                known.waiting -= 1
            name = known.ready.popleft() if known.ready else None
            if name:
                self._of[name] = known
            self._news.notify_all()
        if name:
            return name
        name = self._name()
        try:
            state = make(name, source, known.shape)
        except BaseException:
            with self._news:
                known.out -= 1
            raise
        with self._news:
            self._of[name] = known
            if state:
                self._states[name] = state
        return name

    def put(self, name: str, *, keep: bool = False) -> None:
        """Take a database back without waiting; one to `keep` is only not counted any more."""
        with self._news:
            known = self._of.pop(name)
            known.out -= 1
            if keep:
                self._states.pop(name, None)
            else:
                self._back.append((name, known, time.monotonic()))
                self._news.notify_all()

    def out(self) -> set[str]:
        """Return the databases that tests have."""
        with self._news:
            return set(self._of)

    def drop(self, name: str) -> None:
        """Drop a database that is nobody's, when there is time."""
        with self._news:
            self._doomed.append(name)
            self._news.notify_all()

    def forget(self, current: str) -> list[str]:
        """Drop the clones of all templates but this one that nobody has used for a while; return those templates."""
        with self._news:
            oldest = time.monotonic() - _STALE_SECONDS
            stale = [s for s in self._sources.values() if s.name != current and not s.out and s.used < oldest]
            for source in stale:
                del self._sources[source.name]
                self._doomed.extend(source.ready)
            self._news.notify_all()
        return [source.name for source in stale]

    def close(self) -> None:
        """Stop."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._thread:
            # A server that hangs is not waited for.
            self._thread.join(_END_SECONDS)

    def _coming(self, source: _Source) -> int:
        """How many clones may be ready soon."""
        return (self._making is source) + sum(of is source for _, of, _ in self._back)

    def _known(self, source: str) -> _Source:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, daemon=True, name="databases")
            self._thread.start()
        return self._sources.setdefault(source, _Source(source))

    def _work(self) -> None:
        try:
            with self._admin() as admin:
                while job := self._next(admin):
                    _try(job)
        except psycopg.OperationalError as error:
            # Whoever asks next makes his own, and hears of the server's end there.
            _log.warning("databases are not made ahead any more: %s", hide_secrets(str(error)))

    def _next(self, admin: Admin) -> Callable[[], None] | None:
        """Wait for something to do: what comes back is soonest ready, then new clones, then what has to go."""
        with self._news:
            self._busy, self._making = True, None
            # Who waits for what did not become ready looks after himself.
            self._news.notify_all()
            while not self._closed:
                if len(self._doomed) > _BACKLOG:
                    return self._drop_one(admin)
                rest = self._back[0][2] + _REST_SECONDS - time.monotonic() if self._back else None
                if rest is not None and rest <= 0:
                    name, self._making, _ = self._back.popleft()
                    return partial(self._look, admin, name, self._making)
                for source in self._sources.values():
                    if len(source.ready) + self._coming(source) < source.wanted:
                        self._making = source
                        return partial(self._clone, admin, source)
                if self._doomed:
                    return self._drop_one(admin)
                self._busy = rest is not None
                self._news.wait(rest)
                self._busy = True
        return None

    def _drop_one(self, admin: Admin) -> Callable[[], None]:
        return partial(admin.drop, self._doomed.popleft())

    def _clone(self, admin: Admin, source: _Source) -> None:
        name = self._name()
        try:
            admin.create(name, source.name)
        except psycopg.Error:
            # Who asks for one makes it himself then, and is told why it cannot be.
            source.most = 0
            raise
        if source.shape is None:
            source.most = max(1, min(_MOST, _MOST_BYTES // max(1, admin.size(name))))
            with admin.inside(name) as inside:
                source.shape = Shape.of(inside)
        state = admin.state(name, source.shape)
        with self._news:
            if state:
                self._states[name] = state
            (source.ready if source.name in self._sources else self._doomed).append(name)
            self._news.notify_all()

    def _look(self, admin: Admin, name: str, source: _Source) -> None:
        wanted = len(source.ready) < source.most and source.name in self._sources
        state = self._restored(admin, name, source.shape) if wanted and source.shape else None
        with self._news:
            if state:
                self._states[name] = state
                source.ready.append(name)
                self._news.notify_all()
            else:
                self._states.pop(name, None)
                self._doomed.append(name)

    def _restored(self, admin: Admin, name: str, shape: Shape) -> State | None:
        """Return the state of a database that is as it was before the test, or is so again; None where it is not."""
        before, now = self._states.get(name), admin.state(name, shape)
        if before is None or now is None or now.facts != before.facts:
            return None
        if now == before and not now.touched:
            return before
        try:
            with admin.inside(name) as inside:
                if now.counts == before.counts and shape.stands(inside, now.touched):
                    return before
                return State.of(inside, name, shape) if shape.restore(inside, now.touched) else None
        except psycopg.Error as error:
            # Such as a server of somebody else's, on which we may not do it.
            _log.info("%s is dropped: %s", name, hide_secrets(str(error)))
            return None


def _try(job: Callable[[], None]) -> None:
    """Do it; a server that refuses is there for the next job, one that is gone is not."""
    try:
        job()
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        _log.warning("%s", hide_secrets(str(error)))
