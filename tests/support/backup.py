"""Backups of an event log, and restoring one under running processes: the database goes back in time."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from watchword.events.log.tables import events, streams
from watchword.storage.database import Database

Copy = list[tuple[sa.Table, list[dict[str, Any]]]]


async def copied(database: Database) -> Copy:
    """Copy the event log."""
    async with database.read() as db:
        return [
            (table, [dict(row._mapping) for row in await db.execute(sa.select(table))])
            for table in (streams, events)
        ]


async def restored(database: Database, copy: Copy) -> None:
    """Restore a copy: later events are gone."""
    async with database.write() as db:
        for table, rows in copy:
            await db.execute(sa.delete(table))
            if rows:
                await db.execute(sa.insert(table), rows)
