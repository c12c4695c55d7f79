"""The clock, which is passed in as a value, so that tests can move time instead of waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

# The longest sleep of a timer, in seconds. The clock may jump forward, for example after the machine slept;
# a timer notices that within this time.
LONGEST_NAP = 30.0


class Timer(Protocol):
    """A scheduled callback."""

    def cancel(self) -> None:
        """Cancel the callback; does nothing if it has run."""


class Clock(Protocol):
    """Returns the time, and schedules callbacks."""

    def now(self) -> float:
        """Return the time in seconds since the Unix epoch."""

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call back once at `when` (Unix seconds), or soon if that has passed.

        If the clock is set back meanwhile, the callback may run early: check `now` where that matters.
        """


class SystemClock:
    """The machine's own clock, on the running event loop."""

    def now(self) -> float:
        return time.time()

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        return _Naps(when, callback)


async def sleep(clock: Clock, seconds: float) -> None:
    """Sleep for so many seconds of this clock."""
    passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        # The timer may fire after this task was cancelled, when the future is done already.
        if not passed.done():
            passed.set_result(None)

    timer = clock.call_at(clock.now() + seconds, wake)
    try:
        await passed
    finally:
        timer.cancel()


class _Naps:
    """Waits for a time in naps of at most `LONGEST_NAP` seconds, and reads the clock after each."""

    __slots__ = ("_callback", "_end", "_handle", "_loop", "_when")

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self._when = when
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        # If the clock is set back, still wait no longer than was asked for.
        self._end = self._loop.time() + when - time.time()
        self._sleep()

    def cancel(self) -> None:
        self._handle.cancel()

    def _sleep(self) -> None:
        left = max(0.0, min(self._when - time.time(), self._end - self._loop.time()))
        is_last = left <= LONGEST_NAP
        self._handle = self._loop.call_later(
            min(left, LONGEST_NAP), self._callback if is_last else self._sleep
        )
