"""Something that is done now and then, one round after the other, for as long as a process lives."""

from __future__ import annotations

import asyncio
import logging

from graph.clock import Clock, Timer

log = logging.getLogger("watchword.rounds")


class Rounds:
    """Makes a round every so many seconds, counted from the end of the one before."""

    def __init__(self, clock: Clock, every: float) -> None:
        self._clock = clock
        self._every = every
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to make rounds."""
        self._timer = self._clock.call_at(self._clock.now() + self._every, self._begin)

    async def close(self) -> None:
        """Make no more; one that is under way is cut off."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def turn(self) -> None:
        """Make one round. What it raises is logged as what nobody has foreseen, and the next is made."""
        raise NotImplementedError

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._round())

    async def _round(self) -> None:
        try:
            await self.turn()
        except Exception:
            log.exception("a round of %s came to nothing", type(self).__name__)
        self.open()
