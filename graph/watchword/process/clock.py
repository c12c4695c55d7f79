"""The clock, which is passed in as a value, so that tests can move time instead of waiting."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from typing import Protocol

# The longest sleep of a timer, in seconds. The clock may jump forward, for example after the machine slept;
# a timer notices that within this time.
LONGEST_NAP = 30.0
# Seconds by which the wall clock must have moved against the monotonic one to be read as a jump. Servers of
# time correct a clock by less than this in one nap.
JUMP = 0.005
# Seconds by which a timer may be early: the loop's own timers count whole milliseconds.
EARLY = 0.001
# Cancelled timers that may stay in the heap in any case.
MOST_CANCELLED = 100


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

    def __init__(self) -> None:
        self._timers: _Timers | None = None

    def now(self) -> float:
        return time.time()

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        loop = asyncio.get_running_loop()
        timers = self._timers
        if timers is None or timers.loop is not loop:
            timers = self._timers = _Timers(loop)
        return timers.add(when, callback)


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


class _Timer:
    """One callback, with the context variables of the code that asked for it."""

    __slots__ = ("_callback", "_context", "_timers", "when")

    def __init__(self, timers: _Timers, when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self._timers = timers
        self._callback: Callable[[], object] | None = callback
        self._context: Context | None = copy_context()

    @property
    def is_over(self) -> bool:
        """Tell whether it was called or cancelled."""
        return self._callback is None

    def cancel(self) -> None:
        if self._callback is not None:
            self._callback = self._context = None
            self._timers.cancelled()

    def fire(self) -> None:
        """Call back soon, unless it is cancelled before."""
        self._timers.loop.call_soon(self._call, context=self._context)

    def _call(self) -> None:
        callback = self._callback
        self._callback = self._context = None
        if callback is not None:
            callback()


class _Timers:
    """All timers of an event loop in one heap, under one timer of the loop.

    A connection has several timers, and each operation one; most are cancelled. In the heap one costs less
    than half of a timer of the loop, in time and in memory. The heap is ordered by the monotonic clock, which
    nobody can set. The wall clock is read at least every `LONGEST_NAP` seconds, and if it has jumped forward,
    the order is made anew.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._heap: list[tuple[float, int, _Timer]] = []
        self._count = itertools.count()
        # How many timers in the heap are cancelled.
        self._cancelled = 0
        # The wall clock's lead over the monotonic one, when the heap was last ordered.
        self._lead = time.time() - time.monotonic()
        self._handle: asyncio.TimerHandle | None = None
        # When the loop's timer ends, on the monotonic clock.
        self._ends_at = math.inf

    def add(self, when: float, callback: Callable[[], object]) -> _Timer:
        """Call back at `when` (Unix seconds)."""
        timer = _Timer(self, when, callback)
        now = time.monotonic()
        due = now + when - time.time()
        heapq.heappush(self._heap, (due, next(self._count), timer))
        if due < self._ends_at:
            self._wait(due, now)
        return timer

    def cancelled(self) -> None:
        """Note that a timer was cancelled. Without it, the heap would keep each to its time."""
        self._cancelled += 1
        if self._cancelled > MOST_CANCELLED and self._cancelled > len(self._heap) / 2:
            self._reorder(each for each in self._heap if not each[2].is_over)
            self._cancelled = 0

    def _wait(self, due: float, now: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        nap = max(0.0, min(due - now, LONGEST_NAP))
        self._ends_at = now + nap
        self._handle = self.loop.call_later(nap, self._wake)

    def _wake(self) -> None:
        self._handle, self._ends_at = None, math.inf
        now = time.monotonic()
        self._notice_jump(time.time() - now)
        heap = self._heap
        while heap and heap[0][0] <= now + EARLY:
            _, _, timer = heapq.heappop(heap)
            if timer.is_over:
                self._cancelled -= 1
            else:
                timer.fire()
        if heap:
            self._wait(heap[0][0], now)

    def _notice_jump(self, lead: float) -> None:
        jumped, self._lead = lead - self._lead > JUMP, lead
        # A clock that was set back changes nothing: no timer waits longer than it was asked to.
        if jumped:
            self._reorder((min(due, timer.when - lead), n, timer) for due, n, timer in self._heap)

    def _reorder(self, timers: Iterable[tuple[float, int, _Timer]]) -> None:
        self._heap = list(timers)
        heapq.heapify(self._heap)
