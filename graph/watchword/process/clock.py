"""Time as a value that is passed in, so that tests move it instead of waiting for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

# A clock may be put forward, as when a machine sleeps: whoever waits notices within this time.
LONGEST_NAP = 30.0


class Timer(Protocol):
    """A callback that waits for its time."""

    def cancel(self) -> None:
        """Forget the callback; harmless when it has run."""


class Clock(Protocol):
    """Tells the time, and calls back when a time has come."""

    def now(self) -> float:
        """Return the time in seconds since the Unix epoch."""

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call back once at `when` (Unix seconds), at once if that has passed.

        It may come early when the clock is put back meanwhile: ask `now` where that matters.
        """


class SystemClock:
    """The machine's own clock, on the running event loop."""

    def now(self) -> float:
        return time.time()

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        return _Naps(when, callback)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait for so many seconds of a clock."""
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
    """Waits for a time in naps, and looks at the clock between them."""

    __slots__ = ("_callback", "_end", "_handle", "_loop", "_when")

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self._when = when
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        # A clock that is put back lets nobody wait for longer than was meant.
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
