"""The log: what happened, in the database, appended by the transaction that made it happen.

Positions have no holes and follow the order of commits: an append raises the stream's own row, and
the next append to the same stream waits for that row until the commit. A rollback gives the
position back. So nobody ever meets a hole that fills later, and a hole in what the bus brought is
one that the log can fill. (PostgreSQL's sequences would leave holes and number before the commit; an
advisory lock would need a sequence beside it. One statement on one row is both.)
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.errors import CursorExpired, WentBack
from watchword.events.cursor import Cursors
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.log.changes import Changes, Seen, changes
from watchword.events.log.retention import prune
from watchword.events.log.tables import MARK, epochs, events, streams
from watchword.storage.columns import moment
from watchword.storage.database import Database, batches

TOO_OLD = "What followed this cursor is not kept any more. Fetch anew."
WENT_BACK = "The database is at an earlier state than this cursor. Fetch anew."


class EventLog:
    """Reads and prunes the log of one database. `cursors` are there once it is open."""

    cursors: Cursors

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        """Learn the log's name and secret. Needs a database that has been migrated."""
        async with self._database.read() as db:
            row = (await db.execute(sa.select(epochs))).one()
        self.cursors = Cursors(row.epoch, bytes.fromhex(row.secret))

    async def heads(self, names: Iterable[str]) -> dict[str, Place]:
        """Return the place of the newest event of each stream; the beginning where there was none."""
        found = dict.fromkeys(names, BEGINNING)
        head = sa.select(streams.c.name, streams.c.position, streams.c.mark)
        async with self._database.read() as db:
            for some in batches(list(found)):
                for row in await db.execute(head.where(streams.c.name.in_(some))):
                    found[row.name] = Place(row.position, row.mark)
        return found

    async def read(self, stream: str, key: str | None, after: Place, limit: int) -> list[Event]:
        """Return the next events after a place, of a stream or of one key in it.

        Raises `CursorExpired` when some of them may have been pruned, and `WentBack` when what was at
        that place is not in the log.
        """
        chosen = _of(stream, key).where(events.c.position > after.position)
        statement = chosen.order_by(events.c.position).limit(limit)
        async with self._database.read() as db:
            found = [_event(row) for row in await db.execute(statement)]
            # Check the place after reading the events, so that pruning between the two is noticed.
            await check(db, stream, after)
        return _chained(found, after) if key is None else found

    async def check(self, stream: str, place: Place) -> None:
        """Raise `CursorExpired` when a subscriber cannot go on from a place, `WentBack` included."""
        async with self._database.read() as db:
            await check(db, stream, place)

    async def before(self, stream: str, place: Place) -> Place:
        """Return the place right before an event. Raises `CursorExpired` when it is not kept any more,
        `WentBack` included."""
        async with self._database.read() as db:
            await check(db, stream, place)
            row = await _bounds(db, stream, place.position - 1)
        mark = None if row is None else _mark(row, place.position - 1)
        if mark is None:
            raise CursorExpired(TOO_OLD)
        return Place(place.position - 1, mark)

    async def before_last(self, stream: str, key: str | None, count: int) -> Place:
        """Return the place right before the last `count` events that are kept."""
        newest = _of(stream, key).order_by(events.c.position.desc()).limit(count).subquery()
        async with self._database.read() as db:
            # Read the head first: an event that is committed during the search is then after it, and not passed over.
            head = await _bounds(db, stream, None)
            while head is not None:
                oldest = (await db.execute(sa.select(sa.func.min(newest.c.position)))).scalar()
                if oldest is None:
                    return Place(head.position, head.mark)
                row = await _bounds(db, stream, oldest - 1)
                if row is not None and (mark := _mark(row, oldest - 1)) is not None:
                    return Place(oldest - 1, mark)
                # It was pruned between the two statements.
            return BEGINNING

    async def since(self, stream: str, seconds: float) -> tuple[list[tuple[Event, float]], Place]:
        """Return a stream's events from a time on, each with its own, and its newest place.

        Times are in Unix seconds.
        """
        statement = _of(stream, None).where(events.c.at >= moment(seconds))
        head = (await self.heads([stream]))[stream]
        async with self._database.read() as db:
            found = await db.execute(statement.order_by(events.c.position))
            recent = [row for row in found if row.position <= head.position]
        return [(_event(row), row.at.timestamp()) for row in recent], head

    async def changes(self, since: Seen | None) -> Changes:
        """Return the streams that changed since the last time; see `changes.py`."""
        async with self._database.read() as db:
            return await changes(db, since, check)

    async def prune(
        self, oldest: float, most: int, needed: Mapping[str, float] | None = None
    ) -> int:
        """Forget events from before a time (Unix seconds), and all but the newest `most` a stream.

        `needed` names streams, each with the time from which on all of it is kept, however much it
        is. Returns how many are gone. A reader that was on its way to them is told so.
        """
        return await prune(self._database, oldest, most, needed or {})


async def append(db: AsyncSession, happened: Sequence[Event], now: float) -> list[Event]:
    """Write events into the session's transaction, and return them with their places.

    Other appends to the same streams wait until this transaction has ended, so call it last.
    """
    marked = [replace(event, mark=secrets.token_hex(MARK // 2)) for event in happened]
    counts = Counter(event.stream for event in marked)
    newest = {event.stream: event.mark for event in marked}
    # In the order of names: two transactions that write to two streams do not wait for each other.
    last = {n: await _raise(db, n, counts[n], newest[n]) for n in sorted(counts)}
    written: list[Event] = []
    for event in marked:
        before = last[event.stream]
        event = replace(event, position=before.position + 1, before=before.mark)
        last[event.stream] = event.place
        written.append(event)
    if written:
        at = moment(now)
        await db.execute(sa.insert(events), [_row(event, at) for event in written])
    return written


async def _raise(db: AsyncSession, stream: str, by: int, mark: str) -> Place:
    """Raise a stream's newest place and return the one before; its row stays locked until the
    commit."""
    is_sqlite = db.get_bind().dialect.name == "sqlite"
    statement: Any = (
        (sqlite if is_sqlite else postgresql)
        .insert(streams)
        .values(
            name=stream,
            position=by,
            mark=mark,
            before="",
            pruned=0,
            pruned_mark="",
            changed=_COUNTED if is_sqlite else _NUMBERED,
        )
    )
    raised = statement.on_conflict_do_update(
        index_elements=[streams.c.name],
        set_={
            "position": streams.c.position + by,
            "mark": statement.excluded.mark,
            "before": streams.c.mark,
            "changed": statement.excluded.changed,
        },
    ).returning(streams.c.position, streams.c.before)
    row = (await db.execute(raised)).one()
    return Place(row.position - by, row.before)


# SQLite has one writer at a time, so that a counter follows the order of commits.
_COUNTED = sa.select(sa.func.coalesce(sa.func.max(streams.c.changed), 0) + 1).scalar_subquery()
# PostgreSQL can tell whether a snapshot saw a transaction by its number.
_NUMBERED = sa.cast(sa.cast(sa.func.pg_current_xact_id(), sa.Text), sa.BigInteger)


async def check(db: AsyncSession, stream: str, place: Place) -> None:
    """Raise `CursorExpired` when the log does not go on from a place, `WentBack` included."""
    row = await _bounds(db, stream, place.position)
    if row is None and place == BEGINNING:
        return
    if row is not None and place.position < row.pruned:
        raise CursorExpired(TOO_OLD)
    if row is None or place.mark != _mark(row, place.position):
        raise WentBack(WENT_BACK)


async def _bounds(db: AsyncSession, stream: str, position: int | None) -> Any:
    """Return a stream's row with the mark of the event at a position; None if there is no stream."""
    here = (events.c.stream == stream, events.c.position == position)
    there = sa.select(events.c.mark).where(*here).scalar_subquery().label("there")
    statement = sa.select(streams, there).where(streams.c.name == stream)
    return (await db.execute(statement)).first()


def _mark(row: Any, position: int) -> str | None:
    """Return the mark at a position that `_bounds` was asked for; None if the log does not have it."""
    mark: str | None = row.there
    return row.pruned_mark if mark is None and position == row.pruned else mark


def _of(stream: str, key: str | None) -> sa.Select[Any]:
    chosen = sa.select(events).where(events.c.stream == stream)
    return chosen if key is None else chosen.where(events.c.key == key)


def _chained(found: Sequence[Event], after: Place) -> list[Event]:
    """Return consecutive events, each with the mark of the one before."""
    marks = [after.mark, *(event.mark for event in found)]
    return [replace(event, before=mark) for event, mark in zip(found, marks, strict=False)]


def _row(event: Event, at: object) -> dict[str, Any]:
    return {
        "stream": event.stream,
        "position": event.position,
        "key": event.key,
        "kind": event.kind,
        "data": dict(event.data),
        "at": at,
        "mark": event.mark,
    }


def _event(row: Any) -> Event:
    return Event(row.stream, row.key, row.kind, row.data, row.position, row.mark)
