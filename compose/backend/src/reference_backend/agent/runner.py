"""The runs of this process. They belong to it, not to the connection that began them, and go on when that drops."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from uuid import UUID

from reference_backend.agent.registry import Entry
from reference_backend.agent.run import Parts, RunOver, conclude, execute
from reference_backend.analytics import Analytics
from reference_backend.errors import UNAVAILABLE
from reference_backend.storage import runs
from reference_backend.storage.runs import Accepted, Ended, Ending

__all__ = ["Runner", "Submission", "TooManyRuns"]

log = logging.getLogger(__name__)

_INTERRUPTED = Ending(
    "failed", error={"code": "interrupted", "message": "The process that worked on this run is gone."}
)


class TooManyRuns(Exception):
    """The user has as many runs at once as he may."""


class Submission:
    """A message on its way in: `accepted` when it is kept; the run waits until it is released."""

    def __init__(self) -> None:
        self.accepted: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._released = asyncio.Event()
        # An error is told to whoever waits; when nobody does any more, that is no error of its own.
        self.accepted.add_done_callback(lambda done: done.cancelled() or done.exception())

    def release(self) -> None:
        """Let the run begin: the client knows of it, or will never."""
        self._released.set()

    async def released(self) -> None:
        """Wait for it."""
        await self._released.wait()


class Runner:
    """Begins runs, and ends those that were left by others."""

    def __init__(self, parts: Parts, analytics: Analytics, most: int, lease_seconds: float) -> None:
        self._parts = parts
        self._analytics = analytics
        self._most = most
        self._lease_seconds = lease_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._mine: set[UUID] = set()
        self._of_user: Counter[UUID] = Counter()

    def submit(self, user_id: UUID, client_id: str, thread_id: UUID | None, text: str) -> Submission:
        """Keep a message and answer it, whatever becomes of the caller; raises `TooManyRuns`."""
        if self._of_user[user_id] >= self._most:
            raise TooManyRuns
        submission = Submission()
        self._of_user[user_id] += 1
        task = asyncio.create_task(self._work(submission, user_id, client_id, thread_id, text))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(done, user_id))
        return submission

    def _done(self, task: asyncio.Task[None], user_id: UUID) -> None:
        self._tasks.discard(task)
        self._of_user[user_id] -= 1
        if not self._of_user[user_id]:
            del self._of_user[user_id]

    async def _work(
        self, submission: Submission, user_id: UUID, client_id: str, thread_id: UUID | None, text: str
    ) -> None:
        try:
            accepted = await runs.accept(self._parts.database, user_id, client_id, thread_id, text)
        except Exception as error:  # noqa: BLE001  # it is told to whoever waits for it
            submission.accepted.set_exception(error)
            return
        if accepted.duplicate:
            submission.accepted.set_result(accepted)
            return
        self._mine.add(accepted.run_id)
        try:
            await self._enter(accepted)
            submission.accepted.set_result(accepted)
            await submission.released()
            self._record(accepted, await execute(self._parts, accepted))
        except RunOver:
            log.warning("run was ended by another process", extra={"run_id": str(accepted.run_id)})
        except UNAVAILABLE as error:
            # It is still in the registry: the sweep ends it when all is there again.
            log.warning("run left to the sweep", extra={"run_id": str(accepted.run_id), "reason": str(error)})
        finally:
            self._mine.discard(accepted.run_id)

    async def _enter(self, accepted: Accepted) -> None:
        try:
            await self._parts.registry.enter(Entry(accepted.user_id, accepted.thread_id, accepted.run_id))
        except UNAVAILABLE as error:
            log.warning("run is not in the registry", extra={"run_id": str(accepted.run_id), "reason": str(error)})

    def _record(self, accepted: Accepted, ended: Ended | None) -> None:
        if ended:
            about = {"run_id": str(accepted.run_id), "status": ended.status}
            self._analytics.record("run", accepted.user_id, about)
            log.info("run ended", extra={**about, "user": str(accepted.user_id)})

    async def run(self) -> None:
        """Say that this process lives and end what others left, until cancelled."""
        while True:
            try:
                await self._parts.registry.beat()
                for entry in await self._parts.registry.abandoned(self._mine):
                    log.warning("run was interrupted", extra={"run_id": str(entry.run_id)})
                    await conclude(self._parts, entry, _INTERRUPTED)
            except RunOver:
                # The user has been told already; only the registry did not know.
                continue
            except UNAVAILABLE as error:
                log.warning("sweep failed", extra={"reason": str(error)})
            await asyncio.sleep(self._lease_seconds / 3)

    async def close(self, seconds: float) -> None:
        """Let the runs come to their end, for so long at most; what is left another process ends."""
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=seconds)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=1)
                log.warning("runs left behind", extra={"runs": len(left)})
