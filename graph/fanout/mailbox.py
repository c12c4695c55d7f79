"""One subscriber's bounded queue. Pure: it knows no bus, no socket and no limit but its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from graph.ending import Ending
from graph.events import Event


class Mailbox:
    """Holds at most `limit` events for one reader; a full one tells its owner that it is over.

    `over` is called once, with the ending, by whoever puts the event that did not fit.
    """

    def __init__(self, limit: int, over: Callable[[Ending], object]) -> None:
        self.limit = limit
        self._over = over
        self.ending: Ending | None = None
        self._events: deque[Event] = deque()
        self._waiting: asyncio.Future[None] | None = None

    def put(self, event: Event) -> None:
        """Take an event, or end when there is no room. An ended mailbox takes no more."""
        if self.ending is not None:
            return
        if len(self._events) >= self.limit:
            self.end(Ending.SLOW)
            return
        self._events.append(event)
        self._wake()

    def end(self, ending: Ending) -> None:
        """Let the reader stop: what it has not read is forgotten."""
        if self.ending is None:
            self.ending = ending
            self._events.clear()
            self._wake()
            self._over(ending)

    async def read(self) -> AsyncIterator[Event]:
        """Yield events in order until the mailbox ends. One reader only."""
        while self.ending is None:
            while self._events:
                yield self._events.popleft()
            if self.ending is None:
                self._waiting = asyncio.get_running_loop().create_future()
                await self._waiting

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
