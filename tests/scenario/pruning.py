"""A process that only prunes the log: `python -m tests.scenario.pruning URL MOST`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from watchword.errors import Conflict
from watchword.events.log.event_log import EventLog
from watchword.storage.database import Database


async def prune(url: str, most: int) -> None:
    """Prune to the newest `most` events of each stream about fifty times a second, until killed."""
    event_log = EventLog(Database(url))
    while True:
        # The storm often makes the database unavailable.
        with suppress(SQLAlchemyError, OSError, Conflict):
            await event_log.prune(0, most)
        # Leave the servers some time of the database.
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(prune(sys.argv[1], int(sys.argv[2])))
