"""A process that does nothing but prune the log: `python -m tests.scenario.pruning URL MOST`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from watchword.errors import Conflict
from watchword.events.log.event_log import EventLog
from watchword.storage.database import Database


async def prune(url: str, most: int) -> None:
    """Keep the newest `most` events of each stream, some fifty times a second, until this process is
    killed."""
    event_log = EventLog(Database(url))
    while True:
        # The database is away, as it often is here.
        with suppress(SQLAlchemyError, OSError, Conflict):
            await event_log.prune(0, most)
        # The servers are to be heard as well.
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(prune(sys.argv[1], int(sys.argv[2])))
