"""Events of a stream, committed for tests of the hub, and read by its followers."""

from __future__ import annotations

import asyncio

from tests.support.caught import Caught
from watchword.context import Services
from watchword.events.event import Event
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.transaction import transaction


async def happen(services: Services, *keys: str, heard: bool = True) -> list[Event]:
    """Commit an event for each key, in a transaction each. Without `heard`, the bus delivers none."""
    written = []
    for key in keys:
        bus = Caught() if not heard else services.bus
        async with transaction(services.database, bus, services.clock.now()) as unit:  # type: ignore[arg-type]
            unit.publish(Event("toys", key, "made"))
        written += bus.events if isinstance(bus, Caught) else []
    return written


async def read(reader: Reader, mailbox: Mailbox, count: int) -> list[str]:
    async with asyncio.timeout(20):
        return [(await reader.next(mailbox)).key for _ in range(count)]
