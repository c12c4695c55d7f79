"""Deletes events that are too old, and those beyond the number that each stream keeps.

Only streams with something to delete are touched, each in transactions of its own that take a bounded number
of rows. Several processes may prune at the same time: the first statement of each transaction locks the
stream's row and raises the stream's `pruned` position, or does nothing.
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

# The most rows that one transaction deletes, so that appends to the stream do not wait for long.
PRUNED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Due:
    """A stream, of which the events up to `end` can be deleted. Those up to `pruned` were deleted before."""

    stream: str
    pruned: int
    end: int


async def prune(database: Database, oldest: float, most: int, needed: Mapping[str, float]) -> int:
    """Delete events from before `oldest` (Unix seconds), and all but the newest `most` of each stream.

    `needed` maps streams to a time (Unix seconds); their events since then are all kept. Return the number
    of deleted events.
    """
    total = 0
    while deleted := await _prune_some(database, oldest, most, needed):
        total += deleted
    return total


async def _prune_some(
    database: Database, oldest: float, most: int, needed: Mapping[str, float]
) -> int:
    async with database.read() as db:
        due = [*await _too_old(db, oldest, needed), *await _too_many(db, most, needed)]
        for stream, since in needed.items():
            due += await _not_needed(db, stream, oldest, most, since)
    return sum([await _delete(database, each) for each in due])


async def _too_old(db: AsyncSession, oldest: float, needed: Mapping[str, float]) -> list[Due]:
    # Select the oldest first, by the index on `at`, and a limited number, so that one query stays short.
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


async def _delete(database: Database, due: Due) -> int:
    """Delete a stream's events up to `end`, at most `PRUNED_AT_ONCE`. Return how many were deleted."""
    end = min(due.end, due.pruned + PRUNED_AT_ONCE)
    if end <= due.pruned:
        return 0
    async with database.write() as db:
        # Raise `pruned` before deleting. The update locks the stream's row: another process that prunes
        # waits here, then sees the new position and cannot move it back.
        if (await db.execute(_raise_pruned(due.stream, end))).first() is None:
            return 0
        old = sa.delete(events).where(events.c.stream == due.stream, events.c.position <= end)
        await db.execute(old)
    return end - due.pruned


def _raise_pruned(stream: str, end: int) -> Any:
    last = sa.select(events.c.mark).where(events.c.stream == stream, events.c.position == end)
    mark = sa.func.coalesce(last.scalar_subquery(), streams.c.pruned_mark)
    moved = sa.update(streams).where(streams.c.name == stream, streams.c.pruned < end)
    return moved.values(pruned=end, pruned_mark=mark).returning(streams.c.pruned)
