"""Transactions: rows and events that are committed together, or not at all."""

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
    """A database session for writing (`db`), with the events to publish once it is committed."""

    def __init__(self, db: AsyncSession, now: float, actor: Actor = SERVER) -> None:
        self.db = db
        self.now = now
        self.actor = actor
        self.events: list[Event] = []

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

    The audit log records `actor`.
    """
    async with database.open() as db:
        unit = Transaction(db, now, actor)
        yield unit
        # If the client disconnects here, this task is cancelled. The commit and the publishing must still finish.
        await undisturbed(_commit(unit, bus))


async def _commit(unit: Transaction, bus: Bus) -> None:
    # Append last: others that append to the same streams wait until this transaction has ended.
    written = await append(unit.db, unit.events, unit.now)
    await unit.db.commit()
    bus.publish(written)
