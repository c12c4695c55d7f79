"""Wakes subscribers a few at a time, so that an event to thousands of them leaves turns to other tasks.

All tasks that are woken in one turn of the event loop run in the next one, before it looks at any connection or timer.

While a process delivers an event to many, the next transaction hardly gets on: its statements are run by another thread,
which waits for the interpreter. So its event comes when the delivery is over, and each event of a burst would be
delivered by itself. A rest after a long delivery lets the events of the burst happen, and they are delivered together.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from watchword.events.mailbox import Mailbox

# Seconds that the subscribers woken together should take at most, and how many they are at least, at first, and at most.
SLICE_SECONDS = 0.005
FEWEST, FIRST, MOST = 8, 64, 512
# Seconds that a delivery may take without a rest after it; the length of a rest, in deliveries; the longest rest. Several
# groups that follow one stream deliver in turn: each rests while the others send.
SHORT_SECONDS = 0.0005
REST = 3
REST_SECONDS = 0.01


def rest_after(seconds: float) -> float:
    """Return for how many seconds the next events wait after a delivery that took so long: three times that, at most 10 ms."""
    return min(REST * seconds, REST_SECONDS) if seconds > SHORT_SECONDS else 0.0


class Waker:
    """Wakes those that wait at mailboxes, in order. Their number in a turn follows from how long the last turn took.

    Those that are due while others are being woken have their turn after the rest. They may then find several events,
    and handle them all at once.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` returns the time in seconds."""
        self._now = now
        # Those that are being woken, since when, and those that are next.
        self._due: deque[Mailbox] = deque()
        self._next: deque[Mailbox] = deque()
        self._began = 0.0
        self._is_scheduled = False
        self._number = FIRST
        # How many were woken in the last turn, and when.
        self._woken, self._woken_at = 0, 0.0

    def wake_soon(self, mailbox: Mailbox) -> None:
        """Wake the task that waits at a mailbox, after all that are due before it."""
        self._next.append(mailbox)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._due, self._next = self._next, deque()
        self._began, self._woken = self._now(), 0
        self._turn()

    def _turn(self) -> None:
        now = self._now()
        if self._woken == self._number:
            self._adapt(now - self._woken_at)
        due = self._due
        self._woken = min(self._number, len(due))
        for _ in range(self._woken):
            due.popleft().wake()
        # After the tasks that were just woken, so that the time until then is what they take.
        self._woken_at = now
        asyncio.get_running_loop().call_soon(self._turn if due else self._rest)

    def _rest(self) -> None:
        seconds = rest_after(self._now() - self._began)
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._go_on)
        else:
            self._go_on()

    def _go_on(self) -> None:
        self._is_scheduled = bool(self._next)
        if self._next:
            self._begin()

    def _adapt(self, seconds: float) -> None:
        if seconds > SLICE_SECONDS:
            self._number = max(FEWEST, self._number // 2)
        elif seconds < SLICE_SECONDS / 2:
            self._number = min(MOST, 2 * self._number)
