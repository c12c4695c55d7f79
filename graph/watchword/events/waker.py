"""Wakes subscribers a few at a time, so that an event to thousands of them leaves turns to other tasks.

All tasks that are woken in one turn of the event loop run in the next one, before it looks at any connection or timer.
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


class Waker:
    """Wakes those that wait at mailboxes, in order. Their number in a turn follows from how long the last turn took.

    A subscriber that has to wait for its turn may then find several events, and handles them all at once.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` returns the time in seconds."""
        self._now = now
        self._due: deque[Mailbox] = deque()
        self._is_scheduled = False
        self._number = FIRST
        # How many were woken in the last turn, and when.
        self._woken, self._woken_at = 0, 0.0

    def wake_soon(self, mailbox: Mailbox) -> None:
        """Wake the task that waits at a mailbox, after all that are due before it."""
        self._due.append(mailbox)
        if not self._is_scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._is_scheduled = True
        asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._is_scheduled = False
        now = self._now()
        if self._woken == self._number:
            self._adapt(now - self._woken_at)
        due = self._due
        self._woken = min(self._number, len(due))
        for _ in range(self._woken):
            due.popleft().wake()
        if due:
            # After the tasks that were just woken, so that the time between two turns is what they take.
            self._woken_at = now
            self._schedule()
        else:
            self._woken = 0

    def _adapt(self, seconds: float) -> None:
        if seconds > SLICE_SECONDS:
            self._number = max(FEWEST, self._number // 2)
        elif seconds < SLICE_SECONDS / 2:
            self._number = min(MOST, 2 * self._number)
