"""Server processes that share a database, each reduced to its directory of live connections, in the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from math import inf

from watchword.connections.directory import Directory
from watchword.connections.live import Subscribed, Transport
from watchword.connections.registry import Registry
from watchword.errors import Ending
from watchword.events.bus.bus import Bus
from watchword.events.bus.buses import bus as bus_of
from watchword.events.hub import Hub
from watchword.events.log.event_log import EventLog
from watchword.principal import Principal
from watchword.process.background import Background
from watchword.process.clock import Clock
from watchword.storage.database import Database

LOOK_SECONDS = 0.05


@dataclass(eq=False)
class FakeConnection:
    """A live connection that notes how it was ended, and leaves the registry that has it, as those of the transports do."""

    principal: Principal | None = None
    address: str = "192.0.2.1"
    transport: Transport = Transport.WEBSOCKET
    opened_at: float = 1_000.0
    ends_at: float = inf
    subscriptions: Iterable[Subscribed] = ()
    unsent_bytes: int = 0
    is_quiet: bool = True
    is_sent: bool = True
    registry: Registry | None = None
    endings: list[Ending] = field(default_factory=list)
    is_ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def session(self) -> str | None:
        return None if self.principal is None else self.principal.session

    def end(self, ending: Ending) -> None:
        self.endings.append(ending)
        if self.registry is not None:
            self.registry.discard(self)
        self.is_ended.set()


@dataclass
class Process:
    """What a server process has of the directory, and the hub that brings it events."""

    directory: Directory
    bus: Bus
    hub: Hub
    database: Database
    background: Background

    def opened(self, principal: Principal | None = None, at: float = 1.0) -> FakeConnection:
        """Open a connection."""
        registry = self.directory.registry
        made = FakeConnection(principal, opened_at=at, registry=registry)
        registry.add(made)
        return made

    async def die(self) -> None:
        """End as a killed process does: it tells nobody."""
        await self.background.close()


@asynccontextmanager
async def process(url: str, clock: Clock, bus_url: str = "memory://") -> AsyncIterator[Process]:
    """Run a process for a block, on the database with this URL."""
    async with AsyncExitStack() as closing:
        database = Database(url)
        closing.push_async_callback(database.close)
        background = Background(clock)
        event_log = EventLog(database)
        await event_log.open()
        bus = bus_of(bus_url, lambda: event_log.cursors.epoch, background)
        closing.push_async_callback(bus.close)
        closing.push_async_callback(background.close)
        hub = Hub(event_log, bus, background, 1_000, LOOK_SECONDS)
        await hub.open()
        directory = Directory(database, bus, hub, clock, background, LOOK_SECONDS)
        await directory.open()
        closing.push_async_callback(directory.close)
        yield Process(directory, bus, hub, database, background)
