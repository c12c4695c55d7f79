"""A program that follows a subscription with `watchword.client`, and what it has seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.clock import MovedClock
from tests.support.site import LIVE, Site
from tests.support.toy_server import until
from watchword.client import Live, Session, Update

PATIENCE = 60


class Naps:
    """A sleep that moves the clock instead, and wakes somebody who waits for a nap."""

    def __init__(self, clock: MovedClock) -> None:
        self._clock = clock
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        self._clock.move(seconds)
        await asyncio.sleep(0)


class Watcher:
    """Follows a subscription in a task. `updates` are those that came; `ended` is the task's error."""

    def __init__(self, live: Live, document: str = LIVE) -> None:
        self.updates: list[Update] = []
        self.started = asyncio.Event()
        self._live = live
        self._document = document
        self.task = asyncio.create_task(self._follow())

    @property
    def opened(self) -> list[str]:
        """The names of the incidents that were opened, in the order of their events."""
        changes = [update.data["incidentsChanged"] for update in self.updates if update.data]
        return [each["incident"]["name"] for each in changes if each["kind"] == "OPENED"]

    async def began(self) -> None:
        """Wait for the present state, with which the subscription begins."""
        await self._wait(lambda: bool(self.updates))

    async def hears(self, site: Site) -> None:
        """Open an incident, and wait until it has come."""
        name = await site.open()
        await self._wait(lambda: name in self.opened)

    async def end(self) -> BaseException | None:
        """Wait for the end of the subscription, and return its error."""
        await self._wait(self.task.done)
        return self.task.exception()

    async def _wait(self, happened: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            await until(lambda: happened() or self.task.done())
        if not happened():
            self.task.result()
            raise AssertionError("the subscription has ended")

    async def _follow(self) -> None:
        async for update in self._live.subscribe(self._document, started=self.started.set):
            self.updates.append(update)

    async def stop(self) -> None:
        """Stop following, as a program does that is cancelled."""
        self.task.cancel()
        await asyncio.wait({self.task})


@asynccontextmanager
async def watching(site: Site, session: Session) -> AsyncIterator[Watcher]:
    """Follow all incidents while the block runs. At its end, each has come once and in order."""
    await site.open()
    async with Live(session, sleep=Naps(site.clock).sleep, chance=lambda: 0.5) as live:
        watcher = Watcher(live)
        try:
            await watcher.began()
            yield watcher
            # The first was there before, as the present state.
            assert watcher.opened == site.opened[1:]
        finally:
            await watcher.stop()
