"""One subscriber's bounded queue. Pure: it knows no bus, no database and no socket.

A full one loses nothing: it turns to `behind`, takes no more, and its reader goes on in the log. What
comes while the log is being read is kept, again up to the limit, and joined to what was read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from watchword.events.event import Event, Place


class Mailbox:
    """Holds at most `limit` events of a stream, or of one key in it, for one reader.

    `place` is where that reader is: everything up to it was taken, or is none of its business.
    `lost` says why there is no going on from there; None while there is. `idle` is called whenever
    the reader has taken everything and waits.
    """

    __slots__ = (
        "_events",
        "_idle",
        "_kept",
        "_reach",
        "_waiting",
        "behind",
        "key",
        "limit",
        "lost",
        "place",
    )

    def __init__(
        self, key: str | None, place: Place, limit: int, idle: Callable[[], object] | None = None
    ) -> None:
        self.key = key
        self.place = place
        # The newest that it has or has had: what was read from the log may be told here later.
        self._reach = place.position
        self.limit = limit
        self.behind = False
        self.lost: str | None = None
        self._idle = idle
        self._events: deque[Event] = deque()
        # What comes while the log is being read; None while it is not.
        self._kept: deque[Event] | None = None
        self._waiting: asyncio.Future[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Tell whether its reader has taken everything that has happened, and waits."""
        waiting = self._waiting
        return waiting is not None and not waiting.done() and self.is_empty

    @property
    def is_empty(self) -> bool:
        """Tell whether its reader has taken everything that has happened, and can go on."""
        return not self._events and not self.behind and self.lost is None

    def put(self, event: Event) -> None:
        """Take an event of the present. Without room, or when others are missing, it is for the log."""
        if event.position <= self._reach:
            return
        if self.behind:
            if self._kept is not None:
                self._kept.append(event)
            return
        self._take_in(event)
        self.wake()

    def keep(self) -> None:
        """Keep events that come from now on, while the log is being read."""
        self._kept = deque(maxlen=self.limit + 1)

    def refill(self, events: Sequence[Event], is_all: bool) -> None:
        """Take events that were read from the log; with `is_all`, continue with the events kept meanwhile."""
        kept, self._kept = self._kept or (), None
        self._events.extend(events)
        if events:
            self._reach = events[-1].position
        if is_all and len(kept) <= self.limit:
            self.behind = False
            for event in kept:
                if event.position > self._reach:
                    self._take_in(event)

    def take(self) -> Event | None:
        """Return the next event; None when there is none here."""
        if not self._events:
            return None
        event = self._events.popleft()
        self.place = event.place
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

    def lose(self, why: str) -> None:
        """Note that the subscriber cannot continue from its place."""
        self.lost = why
        self.wake()

    def wake(self) -> None:
        """Let the reader look again."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _take_in(self, event: Event) -> None:
        if self.behind or len(self._events) >= self.limit:
            self.behind = True
            return
        self._events.append(event)
        self._reach = event.position
