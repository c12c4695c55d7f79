"""A process that does nothing but prune the log: `python -m tests.scenario.pruning URL MOST`."""

from __future__ import annotations

import asyncio
import sys

from sqlalchemy.exc import SQLAlchemyError

from graph.database import Database
from graph.errors import Conflict
from graph.fanout.log import Log


async def prune(url: str, most: int) -> None:
    """Keep the newest `most` events of each stream, without a pause, until this process is killed."""
    log = Log(Database(url))
    while True:
        try:
            await log.prune(0, most)
        except (SQLAlchemyError, OSError, Conflict):
            # The database is away, as it often is here.
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(prune(sys.argv[1], int(sys.argv[2])))
