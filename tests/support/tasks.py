"""Ends the tasks that a test leaves behind."""

from __future__ import annotations

import asyncio


async def end_other_tasks() -> None:
    """Cancel all other tasks of this event loop, and wait until they have ended.

    A background task that still runs when its database is closed opens a new connection, which nobody closes.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
