"""A message of the user: kept, acknowledged, answered by a run that the connection does not own."""

from __future__ import annotations

import asyncio
from uuid import UUID

from reference_backend.agent.runner import TooManyRuns
from reference_backend.resources import Resources
from reference_backend.storage.runs import Conflict, NoSuchThread
from reference_backend.websocket.channel import Channel
from reference_backend.websocket.protocol import UserMessage

__all__ = ["answer"]


async def answer(message: UserMessage, channel: Channel, resources: Resources, user_id: UUID) -> None:
    """Begin the run for a message, or find the one that its id had before; the client is told which.

    Raises:
        psycopg.OperationalError: It could not be kept.
    """
    longest = resources.settings.text_max_characters
    if len(message.text) > longest:
        await channel.error("text_too_long", f"A text has {longest} characters at most.", id=message.id)
        return
    try:
        submission = resources.runner.submit(user_id, message.id, message.thread_id, message.text)
    except TooManyRuns:
        await channel.error("too_many_runs", "Wait until one of your runs is over.", id=message.id)
        return
    try:
        # The run's own work: that the connection ends is no reason to end it.
        accepted = await asyncio.shield(submission.accepted)
        await channel.send(
            {
                "type": "accepted",
                "id": message.id,
                "run_id": str(accepted.run_id),
                "thread_id": str(accepted.thread_id),
                "message_id": str(accepted.message_id),
                "duplicate": accepted.duplicate,
            }
        )
    except NoSuchThread:
        await channel.error("thread_not_found", "There is no such thread.", id=message.id)
    except Conflict:
        await channel.error("id_conflict", "This id belongs to another message.", id=message.id)
    finally:
        submission.release()
