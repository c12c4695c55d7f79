"""One subscriber's bounded queue of events. Pure: uses no bus, no database and no socket.

A full mailbox loses nothing. It is marked `behind` and takes no more, and its subscriber then reads from the
log. Events that arrive while the log is being read are kept, again up to the limit, and added after those
that were read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from watchword.events.event import Event, Place


class Mailbox:
    """Holds at most `limit` events of a stream, or of one key in it, for one subscriber.

    `current` is the place up to which the subscriber has taken every event that is for it. `lost` says why
    it cannot continue from there; None while it can. `idle` is called whenever the subscriber has taken
    everything and waits.
    """

    __slots__ = (
        "_events",
        "_head",
        "_idle",
        "_is_due",
        "_kept",
        "_waiting",
        "_wake_soon",
        "behind",
        "coming",
        "current",
        "key",
        "limit",
        "lost",
    )

    def __init__(
        self,
        key: str | None,
        current: Place,
        limit: int,
        idle: Callable[[], object] | None = None,
        wake_soon: Callable[[Mailbox], object] | None = None,
    ) -> None:
        """`wake_soon` is called when an event was put into a mailbox while its subscriber waits, and must call `wake`;
        without it, `put` wakes the subscriber itself."""
        self.key = key
        self.current = current
        # Events of the stream that are being put into mailboxes in turns, and may be missing in this one.
        self.coming: Sequence[Event] = ()
        # The newest position that was ever added. Events up to it are ignored: the bus may bring an event
        # that was read from the log before.
        self._head = current.position
        self.limit = limit
        self.behind = False
        self.lost: str | None = None
        self._idle = idle
        self._wake_soon = wake_soon or Mailbox.wake
        # Whether `wake_soon` was called, and has not called `wake` yet.
        self._is_due = False
        self._events: deque[Event] = deque()
        # Events that arrive while the log is being read; None while it is not.
        self._kept: deque[Event] | None = None
        self._waiting: asyncio.Future[None] | None = None

    @property
    def size(self) -> int:
        """How many events wait for the subscriber in memory."""
        if self.coming:
            self._collect()
        return len(self._events)

    @property
    def is_idle(self) -> bool:
        """Tell whether the subscriber has taken everything that has happened, and waits."""
        waiting = self._waiting
        return waiting is not None and not waiting.done() and self.is_empty

    @property
    def is_empty(self) -> bool:
        """Tell whether the subscriber has taken everything that has happened, and can continue."""
        if self.coming:
            self._collect()
        return not self._events and not self.behind and self.lost is None

    def put(self, event: Event) -> None:
        """Add an event that has just happened. If there is no room, or earlier events are missing, it is
        left to be read from the log."""
        if event.position <= self._head:
            return
        if self.behind:
            if self._kept is not None:
                self._kept.append(event)
            return
        self._add(event)
        if self._waiting is not None and not self._is_due:
            self._is_due = True
            self._wake_soon(self)

    def keep(self) -> None:
        """Keep the events that arrive from now on: the log is about to be read."""
        # One more than the limit, so that `refill` can tell that some were dropped.
        self._kept = deque(maxlen=self.limit + 1)

    def refill(self, events: Sequence[Event], is_all: bool) -> None:
        """Add events that were read from the log. With `is_all`, the events kept meanwhile follow them."""
        kept, self._kept = self._kept or (), None
        self._events.extend(events)
        if events:
            self._head = events[-1].position
        if is_all and len(kept) <= self.limit:
            self.behind = False
            for event in kept:
                if event.position > self._head:
                    self._add(event)

    def take(self) -> Event | None:
        """Remove and return the next event; None if the mailbox is empty, or the subscriber cannot continue."""
        if self.coming:
            self._collect()
        if not self._events or self.lost is not None:
            return None
        event = self._events.popleft()
        self.current = event.place
        return event

    async def wait(self) -> None:
        """Wait until there may be something to take. Only one task may wait."""
        self._waiting = asyncio.get_running_loop().create_future()
        if self._idle is not None:
            self._idle()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def release(self) -> None:
        """Call nobody any more: the subscriber has left, and holds this mailbox."""
        self._idle = None

    def lose(self, why: str) -> None:
        """Note why the subscriber cannot continue, and wake it."""
        self.lost = why
        self.wake()

    def wake(self) -> None:
        """Let the waiting task look again."""
        self._is_due = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _collect(self) -> None:
        """Take the events that are coming. They are ignored when they are put here later."""
        for event in self.coming:
            if self.key in (None, event.key):
                self.put(event)

    def _add(self, event: Event) -> None:
        if self.behind or len(self._events) >= self.limit:
            self.behind = True
            return
        self._events.append(event)
        self._head = event.position
