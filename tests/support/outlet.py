"""Outlets that keep their answers, and a lease holder that records its calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from watchword.asgi.backlog import Backlog, BacklogLimits
from watchword.delivery.run import Batch, Sent
from watchword.errors import Ending
from watchword.process.clock import Clock


class Kept:
    """Accepts answers as a transport does; `seen` is what the client would have received."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.is_complete = False
        self.positions: list[str] = []
        self.came = asyncio.Event()

    def next(self, answer: Sent) -> None:
        self.seen.append(json.loads(answer.json))
        self.came.set()

    def next_batch(self, batch: Batch) -> None:
        for answer in batch.answers:
            self.next(answer)

    def position(self, cursor: str) -> None:
        self.positions.append(cursor)

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors
        self.complete()

    def complete(self) -> None:
        self.is_complete = True
        self.came.set()

    async def drained(self) -> None:
        pass

    async def until(self, count: int) -> None:
        """Wait for so many answers in total, or for the end."""
        async with asyncio.timeout(20):
            while len(self.seen) < count and not self.is_complete:
                self.came.clear()
                await self.came.wait()


class FakeOutgoing:
    """A connection whose client reads only when it is told to."""

    def __init__(self) -> None:
        self.sent = 0
        self._writes = 0
        self._unread = 0

    @property
    def unsent(self) -> tuple[int, int]:
        return self._writes, self._unread

    def write(self, size: int) -> None:
        """Add so many bytes to those that wait."""
        self._writes += 1
        self._unread += size

    def read(self, size: int) -> None:
        """Make the client read up to so many bytes."""
        read = min(size, self._unread)
        self._unread -= read
        self.sent += read
        if not self._unread:
            self._writes = 0


class Unread(Kept):
    """An outlet on its own connection. Answers wait until the test calls `read`."""

    def __init__(self, clock: Clock, limits: BacklogLimits, drop: Callable[[], object]) -> None:
        super().__init__()
        self.outgoing = FakeOutgoing()
        self.backlog = Backlog(clock, limits, self.outgoing, drop)

    def next(self, answer: Sent) -> None:
        super().next(answer)
        self.outgoing.write(len(answer.json))
        self.backlog.wrote(*self.outgoing.unsent)


class Reading(Unread):
    """An outlet whose client reads everything at once, except while it is stuck.

    `is_awaited` is set when a run waits for the client.
    """

    def __init__(self, clock: Clock, limits: BacklogLimits, drop: Callable[[], object]) -> None:
        super().__init__(clock, limits, drop)
        self.is_awaited = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()

    def next(self, answer: Sent) -> None:
        super().next(answer)
        if self._reads.is_set():
            self.read()

    async def drained(self) -> None:
        if not self._reads.is_set():
            self.is_awaited.set()
        await self._reads.wait()

    def stick(self) -> None:
        """Stop reading."""
        self.is_awaited.clear()
        self._reads.clear()

    def read(self) -> None:
        """Read everything that waits, and all later answers at once."""
        self._reads.set()
        self.outgoing.read(self.outgoing.unsent[1])


class Noted:
    """A lease holder that records its calls, in order."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []
        self.told: list[str] = []

    def ended(self, ending: Ending) -> None:
        self.endings.append(ending)
        self.told.append("ended")

    def reminded(self) -> None:
        self.told.append("reminded")

    def regranted(self) -> None:
        self.told.append("regranted")
