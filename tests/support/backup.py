"""Copies of a log, and putting one back under processes that run: a database that goes back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from watchword.events.log.tables import events, streams
from watchword.storage.database import Database

Copy = list[tuple[sa.Table, list[dict[str, Any]]]]


async def copied(database: Database) -> Copy:
    """Take a copy of the log."""
    async with database.read() as db:
        return [
            (table, [dict(row._mapping) for row in await db.execute(sa.select(table))])
            for table in (streams, events)
        ]


async def restored(database: Database, copy: Copy) -> None:
    """Put a copy back: what happened after it was taken has not happened."""
    async with database.write() as db:
        for table, rows in copy:
            await db.execute(sa.delete(table))
            if rows:
                await db.execute(sa.insert(table), rows)
