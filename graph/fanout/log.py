"""The log: what happened, in the database, appended by the transaction that made it happen.

Positions have no holes and follow the order of commits: an append raises the stream's own row, and
whoever appends to the same stream next waits for that row until the commit. A rollback gives the
position back. So nobody ever meets a hole that fills later, and a hole in what the bus brought is
one that the log can fill. (PostgreSQL's sequences would leave holes and number before the commit; an
advisory lock would need a sequence beside it. One statement on one row is both.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from graph.columns import moment
from graph.database import Database
from graph.errors import CursorExpired
from graph.events import Event
from graph.fanout.cursor import Cursors
from graph.fanout.tables import epochs, events, streams

TOO_OLD = "What followed this cursor is not kept any more. Fetch anew."
# Rows that one statement of the pruning takes, so that it holds no lock for long.
PRUNED_AT_ONCE = 5_000


class Log:
    """Reads and prunes the log of one database. `cursors` are there once it is open."""

    cursors: Cursors

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        """Learn the log's name and secret. Needs a database that has been migrated."""
        async with self._database.read() as session:
            row = (await session.execute(sa.select(epochs))).one()
        self.cursors = Cursors(row.epoch, bytes.fromhex(row.secret))

    async def heads(self, names: Iterable[str]) -> dict[str, int]:
        """Return the position of the newest event of each stream; 0 where there was none yet."""
        wanted = set(names)
        statement = sa.select(streams.c.name, streams.c.position).where(streams.c.name.in_(wanted))
        async with self._database.read() as session:
            found = {row.name: row.position for row in await session.execute(statement)}
        return {name: found.get(name, 0) for name in wanted}

    async def read(self, stream: str, key: str | None, after: int, limit: int) -> list[Event]:
        """Return the next events after a position, of a stream or of one key in it.

        Raises `CursorExpired` when some of them may have been pruned.
        """
        chosen = _of(stream, key).where(events.c.position > after)
        statement = chosen.order_by(events.c.position).limit(limit)
        bounds = sa.select(streams.c.pruned, streams.c.position).where(streams.c.name == stream)
        async with self._database.read() as session:
            found = [_event(row) for row in await session.execute(statement)]
            # Read after the events: what was pruned between the two is seen here.
            row = (await session.execute(bounds)).first()
        pruned, head = (row.pruned, row.position) if row else (0, 0)
        if not pruned <= after <= max(head, found[-1].position if found else 0):
            raise CursorExpired(TOO_OLD)
        return found

    async def before_last(self, stream: str, key: str | None, count: int) -> int:
        """Return the position right before the last `count` events that are kept."""
        newest = _of(stream, key).order_by(events.c.position.desc()).limit(count).subquery()
        bounds = sa.select(streams.c.pruned, streams.c.position).where(streams.c.name == stream)
        async with self._database.read() as session:
            row = (await session.execute(bounds)).first()
            oldest = (await session.execute(sa.select(sa.func.min(newest.c.position)))).scalar()
        head = row.position if row else 0
        return head if oldest is None else max(int(oldest) - 1, row.pruned if row else 0)

    async def since(self, stream: str, seconds: float) -> tuple[list[tuple[Event, float]], int]:
        """Return a stream's events from a time on, each with its own, and its newest position.

        Times are in Unix seconds.
        """
        statement = _of(stream, None).where(events.c.at >= moment(seconds))
        head = (await self.heads([stream]))[stream]
        async with self._database.read() as session:
            found = await session.execute(statement.order_by(events.c.position))
            recent = [row for row in found if row.position <= head]
        return [(_event(row), row.at.timestamp()) for row in recent], head

    async def prune(
        self, oldest: float, most: int, needed: Mapping[str, float] | None = None
    ) -> int:
        """Forget events from before a time (Unix seconds), and all but the newest `most` a stream.

        `needed` names streams, each with the time from which on all of it is kept, however much it
        is. Returns how many are gone. A reader that was on its way to them is told so.
        """
        gone = 0
        async with self._database.read() as session:
            names = [row.name for row in await session.execute(sa.select(streams.c.name))]
        for name in names:
            while pruned := await self._prune(name, oldest, most, (needed or {}).get(name)):
                gone += pruned
        return gone

    async def _prune(self, stream: str, oldest: float, most: int, needed: float | None) -> int:
        of_stream = events.c.stream == stream
        async with self._database.write() as session:
            bounds = sa.select(streams).where(streams.c.name == stream)
            row = (await session.execute(bounds)).one()
            # No further than is pruned at once: others wait until this has been looked at.
            furthest = row.pruned + PRUNED_AT_ONCE
            aged = sa.select(sa.func.max(events.c.position)).where(
                of_stream, events.c.position <= furthest, events.c.at < moment(oldest)
            )
            by_age = (await session.execute(aged)).scalar() or 0
            end = min(max(by_age, row.position - most), furthest)
            if needed is not None and end > row.pruned:
                end = await _before(session, stream, end, needed)
            if end <= row.pruned:
                return 0
            # The bound first: a reader that finds events gone finds the bound moved as well.
            moved = sa.update(streams).where(streams.c.name == stream).values(pruned=end)
            await session.execute(moved)
            await session.execute(sa.delete(events).where(of_stream, events.c.position <= end))
            return int(end - row.pruned)


async def append(session: AsyncSession, happened: Sequence[Event], now: float) -> list[Event]:
    """Write events into the session's transaction, and return them with their positions.

    Whoever appends to the same stream waits until this transaction has ended, so call it last.
    """
    counts = Counter(event.stream for event in happened)
    # In the order of names: two transactions that write to two streams do not wait for each other.
    newest = {name: await _raise(session, name, counts[name]) for name in sorted(counts)}
    next_one = {name: newest[name] - counts[name] for name in counts}
    written: list[Event] = []
    for event in happened:
        next_one[event.stream] += 1
        written.append(replace(event, position=next_one[event.stream]))
    if written:
        at = moment(now)
        await session.execute(sa.insert(events), [_row(event, at) for event in written])
    return written


async def _raise(session: AsyncSession, stream: str, by: int) -> int:
    """Raise a stream's newest position and return it; the row stays locked until the commit."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement: Any = dialect.insert(streams).values(name=stream, position=by, pruned=0)
    raised = statement.on_conflict_do_update(
        index_elements=[streams.c.name], set_={"position": streams.c.position + by}
    ).returning(streams.c.position)
    return int((await session.execute(raised)).scalar_one())


async def _before(session: AsyncSession, stream: str, end: int, needed: float) -> int:
    """Return the position before the first event, up to `end`, from this time on; or else `end`."""
    first = sa.select(sa.func.min(events.c.position)).where(
        events.c.stream == stream, events.c.position <= end, events.c.at >= moment(needed)
    )
    found = (await session.execute(first)).scalar()
    return end if found is None else int(found) - 1


def _of(stream: str, key: str | None) -> sa.Select[Any]:
    chosen = sa.select(events).where(events.c.stream == stream)
    return chosen if key is None else chosen.where(events.c.key == key)


def _row(event: Event, at: object) -> dict[str, Any]:
    return {
        "stream": event.stream,
        "position": event.position,
        "key": event.key,
        "kind": event.kind,
        "data": dict(event.data),
        "at": at,
    }


def _event(row: Any) -> Event:
    return Event(row.stream, row.key, row.kind, row.data, row.position)
