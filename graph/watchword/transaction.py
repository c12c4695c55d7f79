"""One mutation is one transaction: its rows and its events are committed together, or neither is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.events.bus.bus import Bus
from watchword.events.event import Event
from watchword.events.log.event_log import append
from watchword.formats.exact_json import writable
from watchword.principal import SERVER, Actor
from watchword.storage.database import Database, undisturbed


class Transaction:
    """A writing session with the events that will leave if it commits."""

    def __init__(self, db: AsyncSession, now: float, actor: Actor = SERVER) -> None:
        self.db = db
        self.now = now
        self.actor = actor
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        """Append the event to the log with this transaction, and tell of it after the commit.

        Raises `TypeError` for an event that JSON cannot hold as it is: found after the commit, it would be
        in the log, and the bus could not carry it.
        """
        carried = [event.stream, event.key, event.kind, dict(event.data)]
        writable(carried)
        orjson.dumps(carried)  # refuses integers beyond 64 bits, which would arrive as others
        self.events.append(event)


@asynccontextmanager
async def transaction(
    database: Database, bus: Bus, now: float, actor: Actor = SERVER
) -> AsyncIterator[Transaction]:
    """Run the block as one transaction, with its events in it; publish them once it is committed.

    `actor` is who the audit log says it was.
    """
    async with database.open() as db:
        unit = Transaction(db, now, actor)
        yield unit
        # A client that goes now takes neither the commit apart nor the events away.
        await undisturbed(_commit(unit, bus))


async def _commit(unit: Transaction, bus: Bus) -> None:
    # Last: whoever appends to the same streams waits until this transaction has ended.
    written = await append(unit.db, unit.events, unit.now)
    await unit.db.commit()
    bus.publish(written)
