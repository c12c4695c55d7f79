"""A clock that moves only when a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from watchword.process.clock import Clock


async def passed(clock: Clock, seconds: float) -> None:
    """Wait until the clock was moved by so many seconds."""
    over = asyncio.Event()
    timer = clock.call_at(clock.now() + seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()


class _Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class MovedClock:
    """A clock that stands still at `time` (Unix seconds) until `move` is called, which runs due timers."""

    def __init__(self, time: float = 1_800_000_000.0) -> None:
        self.time = time
        self._timers: list[tuple[float, int, _Timer]] = []
        self._count = itertools.count()

    def now(self) -> float:
        return self.time

    def call_at(self, when: float, callback: Callable[[], object]) -> _Timer:
        timer = _Timer(callback)
        heapq.heappush(self._timers, (when, next(self._count), timer))
        return timer

    @property
    def waiting(self) -> int:
        """The number of timers that are waiting."""
        return sum(timer.callback is not None for _, _, timer in self._timers)

    def move(self, seconds: float) -> None:
        """Move the time forward, and run each timer at its time."""
        end = self.time + seconds
        while self._timers and self._timers[0][0] <= end:
            self.time, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
                timer.cancel()
        self.time = end


def waits_for(clock: MovedClock, seconds: float) -> bool:
    """Tell whether a timer is due in so many seconds."""
    return any(
        when == clock.now() + seconds and timer.callback is not None
        for when, _, timer in clock._timers
    )
