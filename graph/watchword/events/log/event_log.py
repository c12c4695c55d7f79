"""The event log: a table of events. The transaction that causes an event also appends it.

Positions have no holes and follow the order of commits: an append updates the stream's row, and the next
append to the same stream waits for that row until the commit. A rollback gives the position back. So a
reader never finds a hole that is filled later, and the log can fill every hole in what the bus delivered.
(PostgreSQL's sequences leave holes, and number rows before the commit; an advisory lock would need a sequence
beside it. Updating one row does the work of both.)
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.errors import CursorExpired, WentBack
from watchword.events.cursor import Cursors
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.known import Known
from watchword.events.log.changes import Changes, Look, changes
from watchword.events.log.retention import prune
from watchword.events.log.tables import MARK, epochs, events, streams
from watchword.storage.columns import moment
from watchword.storage.database import Database, batches

TOO_OLD = "What followed this cursor is not kept any more. Fetch anew."
WENT_BACK = "The database is at an earlier state than this cursor. Fetch anew."


class EventLog:
    """Reads and prunes the log of one database. `cursors` is set by `open`.

    Whatever is read becomes known in `known` before it is returned.
    """

    cursors: Cursors

    def __init__(self, database: Database, known: Known | None = None) -> None:
        self._database = database
        self.known = Known() if known is None else known

    async def open(self) -> None:
        """Read the log's epoch and secret. The database must have been migrated."""
        async with self._database.read() as db:
            row = (await db.execute(sa.select(epochs))).one()
        self.cursors = Cursors(row.epoch, bytes.fromhex(row.secret))

    async def heads(self, names: Iterable[str]) -> dict[str, Place]:
        """Return the place of each stream's newest event; `BEGINNING` for a stream without events."""
        found = dict.fromkeys(names, BEGINNING)
        head = sa.select(streams.c.name, streams.c.position, streams.c.mark)
        async with self._database.read() as db:
            for some in batches(list(found)):
                for row in await db.execute(head.where(streams.c.name.in_(some))):
                    found[row.name] = Place(row.position, row.mark)
        self._learn(found)
        return found

    async def read(
        self, stream: str, key: str | None, resume_from: Place, limit: int
    ) -> list[Event]:
        """Return the next events after a place, of a stream or of one key in it.

        Raises `CursorExpired` if some of them may have been pruned, and `WentBack` if the event at that
        place is not in the log.
        """
        chosen = _of(stream, key).where(events.c.position > resume_from.position)
        statement = chosen.order_by(events.c.position).limit(limit)
        async with self._database.read() as db:
            found = [_event(row) for row in await db.execute(statement)]
            # Check after reading, so that pruning in between is noticed.
            await check(db, stream, resume_from)
        self._learn({stream: found[-1].place if found else resume_from})
        return _chained(found, resume_from) if key is None else found

    async def check(self, stream: str, place: Place) -> None:
        """Raise `CursorExpired` or `WentBack` if the log does not continue from a place."""
        async with self._database.read() as db:
            await check(db, stream, place)
        self._learn({stream: place})

    async def before(self, stream: str, place: Place) -> Place:
        """Return the place right before an event.

        Raises `CursorExpired` if that place is not kept any more, and `WentBack` if the event is not in the log.
        """
        async with self._database.read() as db:
            await check(db, stream, place)
            row = await _bounds(db, stream, place.position - 1)
        self._learn({stream: place})
        mark = None if row is None else _mark(row, place.position - 1)
        if mark is None:
            raise CursorExpired(TOO_OLD)
        return Place(place.position - 1, mark)

    async def before_last(self, stream: str, key: str | None, count: int) -> Place:
        """Return the place right before the last `count` events that are kept."""
        newest = _of(stream, key).order_by(events.c.position.desc()).limit(count).subquery()
        async with self._database.read() as db:
            # Read the head first: an event that is committed during the search then comes after it.
            head = await _bounds(db, stream, None)
            while head is not None:
                self._learn({stream: Place(head.position, head.mark)})
                oldest = (await db.execute(sa.select(sa.func.min(newest.c.position)))).scalar()
                if oldest is None:
                    return Place(head.position, head.mark)
                row = await _bounds(db, stream, oldest - 1)
                if row is not None and (mark := _mark(row, oldest - 1)) is not None:
                    return Place(oldest - 1, mark)
                # The event was pruned between the two statements: search again.
            return BEGINNING

    async def since(self, stream: str, seconds: float) -> tuple[list[tuple[Event, float]], Place]:
        """Return a stream's events since a time, each with its time, and the stream's head.

        Times are in Unix seconds.
        """
        statement = _of(stream, None).where(events.c.at >= moment(seconds))
        head = (await self.heads([stream]))[stream]
        async with self._database.read() as db:
            found = await db.execute(statement.order_by(events.c.position))
            recent = [row for row in found if row.position <= head.position]
        return [(_event(row), row.at.timestamp()) for row in recent], head

    async def times(self, stream: str, positions: Sequence[int]) -> dict[int, float]:
        """Return when the events at these positions happened, in Unix seconds, as far as they are kept."""
        at = sa.select(events.c.position, events.c.at).where(events.c.stream == stream)
        found: dict[int, float] = {}
        async with self._database.read() as db:
            for some in batches(list(positions)):
                for row in await db.execute(at.where(events.c.position.in_(some))):
                    found[row.position] = row.at.timestamp()
        return found

    async def changes(self, last: Look | None) -> Changes:
        """Return the streams that changed since the last look; see `changes.py`."""
        async with self._database.read() as db:
            found = await changes(db, last, check)
        self._learn(found.heads)
        return found

    async def prune(
        self, oldest: float, most: int, needed: Mapping[str, float] | None = None
    ) -> int:
        """Delete events from before `oldest` (Unix seconds), and all but the newest `most` of each stream.

        `needed` maps streams to a time (Unix seconds); their events since then are all kept. Return the
        number of deleted events. Subscribers that have not read them yet get `CursorExpired`.
        """
        return await prune(self._database, oldest, most, needed or {})

    def _learn(self, places: Mapping[str, Place]) -> None:
        for stream, place in places.items():
            self.known.read(stream, place)


async def append(db: AsyncSession, happened: Sequence[Event], now: float) -> list[Event]:
    """Append events within the session's transaction, and return them with their places.

    Call it last: other appends to the same streams wait until this transaction has ended.
    """
    marked = [replace(event, mark=secrets.token_hex(MARK // 2)) for event in happened]
    counts = Counter(event.stream for event in marked)
    newest = {event.stream: event.mark for event in marked}
    # Lock the rows in the order of names: otherwise two transactions with the same streams could deadlock.
    heads = {n: await _raise_head(db, n, counts[n], newest[n]) for n in sorted(counts)}
    written: list[Event] = []
    for event in marked:
        before = heads[event.stream]
        event = replace(event, position=before.position + 1, before=before.mark)
        heads[event.stream] = event.place
        written.append(event)
    if written:
        at = moment(now)
        await db.execute(_APPENDED, [_row(event, at) for event in written])
    return written


async def _raise_head(db: AsyncSession, stream: str, by: int, mark: str) -> Place:
    """Raise a stream's head and return the one before. The row stays locked until the commit."""
    statement = _RAISED[db.get_bind().dialect.name]
    row = (await db.execute(statement, {"stream": stream, "by": by, "newest": mark})).one()
    return Place(row.position - by, row.before)


# SQLite has one writer at a time, so a counter follows the order of commits.
_COUNTED = sa.select(sa.func.coalesce(sa.func.max(streams.c.changed), 0) + 1).scalar_subquery()
# PostgreSQL can tell from a transaction's number whether a snapshot saw the transaction.
_NUMBERED = sa.cast(sa.cast(sa.func.pg_current_xact_id(), sa.Text), sa.BigInteger)


def _raised(insert: Callable[..., Any], changed: object) -> Any:
    """Return the statement that raises a head. It is made once, because making it takes longer than running it."""
    by: sa.BindParameter[int] = sa.bindparam("by", type_=sa.Integer)
    statement = insert(streams).values(
        name=sa.bindparam("stream"),
        position=by,
        mark=sa.bindparam("newest"),
        before="",
        pruned=0,
        pruned_mark="",
        changed=changed,
    )
    return statement.on_conflict_do_update(
        index_elements=[streams.c.name],
        set_={
            "position": streams.c.position + by,
            "mark": statement.excluded.mark,
            "before": streams.c.mark,
            "changed": statement.excluded.changed,
        },
    ).returning(streams.c.position, streams.c.before)


_RAISED = {
    "sqlite": _raised(sqlite.insert, _COUNTED),
    "postgresql": _raised(postgresql.insert, _NUMBERED),
}
_APPENDED = sa.insert(events)


async def check(db: AsyncSession, stream: str, place: Place) -> None:
    """Raise `CursorExpired` or `WentBack` if the log does not continue from a place."""
    row = await _bounds(db, stream, place.position)
    if row is None and place == BEGINNING:
        return
    if row is not None and place.position < row.pruned:
        raise CursorExpired(TOO_OLD)
    if row is None or place.mark != _mark(row, place.position):
        raise WentBack(WENT_BACK)


async def _bounds(db: AsyncSession, stream: str, position: int | None) -> Any:
    """Return a stream's row, with the mark of the event at a position as `there`; None if no such stream."""
    here = (events.c.stream == stream, events.c.position == position)
    there = sa.select(events.c.mark).where(*here).scalar_subquery().label("there")
    statement = sa.select(streams, there).where(streams.c.name == stream)
    return (await db.execute(statement)).first()


def _mark(row: Any, position: int) -> str | None:
    """Return the mark at the position that `_bounds` was asked for; None if it is not kept."""
    mark: str | None = row.there
    return row.pruned_mark if mark is None and position == row.pruned else mark


def _of(stream: str, key: str | None) -> sa.Select[Any]:
    chosen = sa.select(events).where(events.c.stream == stream)
    return chosen if key is None else chosen.where(events.c.key == key)


def _chained(found: Sequence[Event], resume_from: Place) -> list[Event]:
    """Return consecutive events, each with the mark of the one before."""
    marks = [resume_from.mark, *(event.mark for event in found)]
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
        "trace": event.trace,
    }


def _event(row: Any) -> Event:
    return Event(row.stream, row.key, row.kind, row.data, row.position, row.mark, trace=row.trace)
