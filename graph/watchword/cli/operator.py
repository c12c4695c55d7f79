"""Gives commands access to the database, as the operator, and to the bus that notifies the servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from watchword.config.settings import Settings
from watchword.domain import load
from watchword.errors import Unsafe
from watchword.events.bus import buses
from watchword.events.bus.bus import Bus
from watchword.events.log.event_log import EventLog
from watchword.principal import OPERATOR
from watchword.process.background import Background
from watchword.process.clock import Clock, SystemClock
from watchword.storage.database import Database
from watchword.transaction import Transaction, transaction


class Operator:
    """Reads and writes the database as the operator, which is the actor in the audit log."""

    def __init__(self, database: Database, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Lend a session for reading. Keep the block short: it occupies a database connection."""
        return self._database.read()

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """Run the block as one transaction, including the events that it publishes.

        Raises `Conflict` when another writer changed the same row meanwhile.
        """
        return transaction(self._database, self._bus, self._clock.now(), OPERATOR)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Lend the database to one command. Raises `Unsafe` when it does not exist yet."""
    database = Database(settings.database_url)
    _check_there(database)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def operator(settings: Settings) -> AsyncIterator[Operator]:
    """Lend an `Operator` to one command. Raises `Unsafe` if the database does not exist yet."""
    async with opened(settings) as database:
        domain = load(settings.mount).domain
        database.publishing = domain.publishing(settings.unpublished_writes == "raise")
        event_log = EventLog(database)
        await event_log.open()
        clock = SystemClock()
        background = Background(clock)
        bus = buses.bus(settings.bus_url, lambda: event_log.cursors.epoch, background)
        await bus.open(lambda event: None)
        try:
            yield Operator(database, bus, clock)
        finally:
            # The servers get the events at once or, if the bus is away, when they next check the log.
            await background.close()
            await bus.close()


def _check_there(database: Database) -> None:
    # Opening a missing SQLite file would create an empty database, which only the server can set up.
    path = database.url.database or ""
    if database.is_sqlite and not path.startswith("file:") and not Path(path).exists():
        raise Unsafe("There is no database yet: start the server once, which makes it.")
