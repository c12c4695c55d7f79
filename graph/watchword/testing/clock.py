"""A clock that moves only when a test moves it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class MovedTimer:
    """A callback that is scheduled on a `MovedClock`."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Cancel the callback; does nothing if it has run."""
        self.callback = None


class MovedClock:
    """A clock that stands still at `time` (Unix seconds) until `move` is called, which runs due timers."""

    def __init__(self, time: float = 1_800_000_000.0) -> None:
        self.time = time
        self._timers: list[tuple[float, int, MovedTimer]] = []
        self._count = itertools.count()

    def now(self) -> float:
        """Return the time in seconds since the Unix epoch."""
        return self.time

    def call_at(self, when: float, callback: Callable[[], object]) -> MovedTimer:
        """Call back once, when the clock is moved to `when` (Unix seconds) or beyond."""
        timer = MovedTimer(callback)
        heapq.heappush(self._timers, (when, next(self._count), timer))
        return timer

    @property
    def waiting(self) -> int:
        """The number of timers that are waiting."""
        return sum(timer.callback is not None for _, _, timer in self._timers)

    @property
    def next_at(self) -> float | None:
        """When the next timer is due (Unix seconds); None if none waits."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def is_waiting_for(self, seconds: float) -> bool:
        """Tell whether a timer is due in so many seconds."""
        return any(
            when == self.time + seconds and timer.callback is not None
            for when, _, timer in self._timers
        )

    def move(self, seconds: float) -> None:
        """Move the time forward, and run each timer at its time."""
        end = self.time + seconds
        while self._timers and self._timers[0][0] <= end:
            self.time, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
                timer.cancel()
        self.time = end
