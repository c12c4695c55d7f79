"""A process that hears the events of a bus on Redis, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from watchword.events.bus.buses import bus as bus_of
from watchword.events.bus.redis import RedisBus
from watchword.events.event import Event
from watchword.process.background import Background
from watchword.process.clock import SystemClock

PATIENCE = 30


class Ear:
    """The events that one process has received, and a way to wait for them."""

    def __init__(self, bus: RedisBus) -> None:
        self.bus = bus
        self.heard: list[Event] = []
        self._more = asyncio.Event()

    def receive(self, event: Event) -> None:
        self.heard.append(event)
        self._more.set()

    @property
    def keys(self) -> list[str]:
        return [event.key for event in self.heard]

    async def hear(self, key: str) -> None:
        """Wait until an event with this key was received."""
        async with asyncio.timeout(PATIENCE):
            while key not in self.keys:
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def ear(url: str, *streams: str, namespace: str = "here") -> AsyncIterator[Ear]:
    """Open the bus of one process, and follow these streams once it is connected."""
    background = Background(SystemClock())
    bus = bus_of(url, lambda: namespace, background)
    assert isinstance(bus, RedisBus)
    listening = Ear(bus)
    await bus.open(listening.receive)
    try:
        await until(lambda: bus._pubsub is not None)
        for stream in streams:
            await bus.follow(stream)
        yield listening
    finally:
        await background.close()
        await bus.close()


async def until(holds: Callable[[], bool]) -> None:
    """Let other tasks run until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        # There is no event to wait for, so look after each turn of the event loop.
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)
