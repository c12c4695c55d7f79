"""One subscriber's bounded queue. Pure: it knows no bus, no database and no socket.

A full one loses nothing: it turns to `behind`, takes no more, and its reader goes on in the log.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from graph.events import Event


class Mailbox:
    """Holds at most `limit` events of a stream, or of one key in it, for one reader.

    `position` is where that reader is: everything up to it was taken, or is none of its business.
    `idle` is called whenever the reader has taken everything and waits.
    """

    __slots__ = (
        "_events",
        "_idle",
        "_reach",
        "_waiting",
        "behind",
        "key",
        "limit",
        "lost",
        "position",
    )

    def __init__(
        self, key: str | None, position: int, limit: int, idle: Callable[[], object] | None = None
    ) -> None:
        self.key = key
        self.position = position
        # The newest that it has or has had: what was read from the log may be told here later.
        self._reach = position
        self.limit = limit
        self.behind = False
        self.lost = False
        self._idle = idle
        self._events: deque[Event] = deque()
        self._waiting: asyncio.Future[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Tell whether its reader has taken everything that has happened, and waits."""
        waiting = self._waiting
        return waiting is not None and not waiting.done() and not self._events and not self.behind

    def put(self, event: Event) -> None:
        """Take an event of the present. Without room, or when others are missing, it is for the log."""
        if self.behind or event.position <= self._reach:
            return
        if len(self._events) < self.limit:
            self._events.append(event)
            self._reach = event.position
        else:
            self.behind = True
        self.wake()

    def refill(self, events: Sequence[Event]) -> None:
        """Take what was read from the log."""
        self._events.extend(events)
        if events:
            self._reach = events[-1].position

    def take(self) -> Event | None:
        """Return the next event; None when there is none here."""
        if not self._events:
            return None
        event = self._events.popleft()
        self.position = event.position
        return event

    async def wait(self) -> None:
        """Wait until there may be something to take. One reader only."""
        self._waiting = asyncio.get_running_loop().create_future()
        if self._idle is not None:
            self._idle()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def lose(self) -> None:
        """Note that what comes next is not in the log any more."""
        self.lost = True
        self.wake()

    def wake(self) -> None:
        """Let the reader look again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
