"""One mutation is one transaction; its events leave after the commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from graph.database import Database, undisturbed
from graph.events import Event
from graph.fanout.bus import Bus


class Transaction:
    """A writing session with the events that will leave if it commits."""

    def __init__(self, session: AsyncSession, now: float) -> None:
        self.session = session
        self.now = now
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        """Let the event leave after the commit; a rollback forgets it."""
        self.events.append(event)


@asynccontextmanager
async def transaction(database: Database, bus: Bus, now: float) -> AsyncIterator[Transaction]:
    """Run the block as one transaction and publish its events once it is committed."""
    async with database.open() as session:
        unit = Transaction(session, now)
        yield unit
        # A client that goes now takes neither the commit apart nor the events away.
        await undisturbed(_commit(unit, bus))


async def _commit(unit: Transaction, bus: Bus) -> None:
    await unit.session.commit()
    await bus.publish(unit.events)
