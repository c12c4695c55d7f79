"""What the log forgets: events that are too old, and of each stream those that are too many.

Only streams that have something to forget are touched, each in transactions of its own that take a
bounded number of rows. Several processes may prune at once: the first statement of each transaction
raises the stream's bound or does nothing, and locks the stream's row while it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.events.log.tables import events, streams
from watchword.storage.columns import moment
from watchword.storage.database import NAMED_AT_ONCE, Database

# Rows that one transaction takes, so that appends to the stream do not wait for long.
PRUNED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Due:
    """A stream whose events up to `end` can be forgotten; those up to `pruned` are gone already."""

    stream: str
    pruned: int
    end: int


async def prune(database: Database, oldest: float, most: int, needed: Mapping[str, float]) -> int:
    """Forget events from before a time (Unix seconds), and all but the newest `most` a stream.

    `needed` names streams, each with the time from which on all of it is kept, however much it is.
    Returns how many are gone.
    """
    gone = 0
    while forgotten := await _prune_some(database, oldest, most, needed):
        gone += forgotten
    return gone


async def _prune_some(
    database: Database, oldest: float, most: int, needed: Mapping[str, float]
) -> int:
    async with database.read() as db:
        due = [*await _too_old(db, oldest, needed), *await _too_many(db, most, needed)]
        for stream, since in needed.items():
            due += await _not_needed(db, stream, oldest, most, since)
    return sum([await _forget(database, each) for each in due])


async def _too_old(db: AsyncSession, oldest: float, needed: Mapping[str, float]) -> list[Due]:
    # The oldest first, by the index of times; a limited number, so that one round stays short.
    old = sa.select(events.c.stream, events.c.position).where(
        events.c.at < moment(oldest), events.c.stream.not_in(needed)
    )
    some = old.order_by(events.c.at).limit(PRUNED_AT_ONCE).subquery()
    end = sa.func.max(some.c.position)
    ends = sa.select(some.c.stream, end.label("end")).group_by(some.c.stream).subquery()
    return await _due(db, ends)


async def _too_many(db: AsyncSession, most: int, needed: Mapping[str, float]) -> list[Due]:
    kept = sa.text("(position - pruned) > :most").bindparams(most=most)
    end = (streams.c.position - most).label("end")
    ends = sa.select(streams.c.name.label("stream"), end).where(kept, streams.c.name.not_in(needed))
    return await _due(db, ends.limit(NAMED_AT_ONCE).subquery())


async def _not_needed(
    db: AsyncSession, stream: str, oldest: float, most: int, since: float
) -> list[Due]:
    row = (await db.execute(sa.select(streams).where(streams.c.name == stream))).first()
    if row is None:
        return []
    here = (events.c.stream == stream, events.c.position <= row.pruned + PRUNED_AT_ONCE)
    old = sa.select(sa.func.max(events.c.position)).where(*here, events.c.at < moment(oldest))
    end = max((await db.execute(old)).scalar() or 0, row.position - most)
    first = sa.select(sa.func.min(events.c.position)).where(*here, events.c.at >= moment(since))
    kept = (await db.execute(first)).scalar()
    return [Due(stream, row.pruned, end if kept is None else min(end, kept - 1))]


async def _due(db: AsyncSession, ends: sa.Subquery) -> list[Due]:
    chosen = sa.select(ends.c.stream, streams.c.pruned, ends.c.end)
    rows = await db.execute(chosen.join(streams, streams.c.name == ends.c.stream))
    return [Due(row.stream, row.pruned, row.end) for row in rows]


async def _forget(database: Database, due: Due) -> int:
    """Forget a stream's events up to its end, or as many as are taken at once; return how many."""
    end = min(due.end, due.pruned + PRUNED_AT_ONCE)
    if end <= due.pruned:
        return 0
    async with database.write() as db:
        # Move the bound before deleting. The update locks the stream's row: another process that prunes
        # waits here, then sees the new bound and cannot move it back.
        if (await db.execute(_bound(due.stream, end))).first() is None:
            return 0
        gone = sa.delete(events).where(events.c.stream == due.stream, events.c.position <= end)
        await db.execute(gone)
    return end - due.pruned


def _bound(stream: str, end: int) -> Any:
    last = sa.select(events.c.mark).where(events.c.stream == stream, events.c.position == end)
    mark = sa.func.coalesce(last.scalar_subquery(), streams.c.pruned_mark)
    moved = sa.update(streams).where(streams.c.name == stream, streams.c.pruned < end)
    return moved.values(pruned=end, pruned_mark=mark).returning(streams.c.pruned)
