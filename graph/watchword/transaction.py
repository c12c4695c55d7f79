"""Transactions: rows and events that are committed together, or not at all."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.events.bus.bus import Bus
from watchword.events.event import Event, Place
from watchword.events.log.event_log import append
from watchword.formats.exact_json import writable
from watchword.principal import SERVER, Actor
from watchword.storage.database import Database, Publishing, undisturbed
from watchword.storage.written import written

log = logging.getLogger("watchword.transaction")

_ENDED = "the block of a transaction has committed or rolled back by itself, so its rows and events may be apart"


class UnpublishedWrite(Exception):
    """A transaction wrote a table of `Domain.tables` and published no event in the table's stream, or its block has
    ended it before, so that rows and events are not committed together."""


class Transaction:
    """A database session for writing (`db`), with the events to publish once it is committed."""

    def __init__(
        self, db: AsyncSession, now: float, actor: Actor = SERVER, is_announced: bool = False
    ) -> None:
        """With `is_announced`, the domain has a hook that hears what happens to accounts."""
        self.db = db
        self.now = now
        self.actor = actor
        self.is_announced = is_announced
        self.events: list[Event] = []
        self.heads: dict[str, Place] = {}
        """The newest place in each stream that it wrote; empty until it is committed."""

    def publish(self, event: Event) -> None:
        """Append the event to the log in this transaction, and send it to subscribers after the commit.

        Raises `TypeError` for an event that JSON cannot represent exactly. After the commit it would be too late:
        the event would be in the log, and the bus could not carry it.
        """
        carried = [event.stream, event.key, event.kind, dict(event.data)]
        writable(carried)
        orjson.dumps(
            carried
        )  # refuses integers beyond 64 bits, which would arrive as other numbers
        self.events.append(event)


@asynccontextmanager
async def transaction(
    database: Database, bus: Bus, now: float, actor: Actor = SERVER
) -> AsyncIterator[Transaction]:
    """Run the block as one transaction, and publish its events after the commit.

    The audit log records `actor`. Raises `UnpublishedWrite` before the commit if the block wrote a table and
    published no event in its stream, or has committed or rolled back by itself, and the database's `publishing` is
    enforced.
    """
    async with database.open() as db:
        unit = Transaction(db, now, actor, database.publishing.is_announced)
        began = db.sync_session.get_transaction()
        yield unit
        if db.sync_session.get_transaction() is not began:
            _complain(database.publishing, _ENDED, "Leave that to the end of the block.")
        # If the client disconnects here, this task is cancelled. The commit and the publishing must still finish.
        await undisturbed(_commit(unit, bus, database.publishing))


async def _commit(unit: Transaction, bus: Bus, publishing: Publishing) -> None:
    if publishing.streams:
        await _check_published(unit, publishing)
    if publishing.around is None or not unit.events:
        await _append(unit, unit.events, bus)
        return
    with publishing.around(unit.events) as happened:
        await _append(unit, happened, bus)


async def _append(unit: Transaction, happened: Sequence[Event], bus: Bus) -> None:
    # Append last: others that append to the same streams wait until this transaction has ended.
    appended = await append(unit.db, happened, unit.now)
    await unit.db.commit()
    unit.heads = {event.stream: event.place for event in appended}
    bus.publish(appended)


async def _check_published(unit: Transaction, publishing: Publishing) -> None:
    """Find tables that were written without an event in their stream. Answers that are kept would be stale."""
    published = {event.stream for event in unit.events}
    streams = {name: publishing.streams.get(name) for name in await written(unit.db)}
    silent = sorted(name for name, stream in streams.items() if stream and stream not in published)
    if not silent:
        return
    fault = "; ".join(
        f"a transaction wrote the table {name!r} and published no event in the stream {streams[name]!r}"
        for name in silent
    )
    _complain(publishing, fault, "Publish one in the same transaction (Domain.tables).")


def _complain(publishing: Publishing, fault: str, advice: str) -> None:
    if publishing.is_enforced:
        raise UnpublishedWrite(f"{fault}. {advice}")
    log.error("%s: shared answers may be stale until the next event", fault)
