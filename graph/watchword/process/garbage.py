"""When this process collects its garbage.

CPython collects everything when the number of its objects has grown by a quarter. That takes half a second for
5,000 live connections, holds the event loop for all of it, and happens a dozen times while they arrive. So this
process collects everything as seldom as `SHARE` says.

A collection of young objects looks at all that were made since the last one and still exist. An event to 5,000
subscribers replaces a dozen objects of each, so CPython would make hundreds of collections, each of 5 to 80 ms. So
young objects are collected when their number has really grown, which an event does not do.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable

from watchword.process.background import Background

log = logging.getLogger("watchword.garbage")

# Full collections take at most this share of the time. At a hundredth they would be what the slowest hundredth of
# all events waits for.
SHARE = 1 / 250
# Seconds between two looks whether a full collection is due.
LOOK_SECONDS = 60.0
# Young objects are collected when so many more were made than were released. A fifth of a processor's time for
# deliveries to personal subscribers was spent on this.
YOUNG = 20_000
# As many collections never happen, so CPython begins no other collection by itself. What survived a young one waits for
# the next full one: a tenth of the time of a client that connects was spent on looking at it once more, in vain.
_NEVER = 2**31 - 1

# The apps in this process that have this policy, and the thresholds from before the first of them.
_opened = 0
_before = (0, 0, 0)


class GarbagePolicy:
    """Collects everything at intervals, while it is open."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        collect: Callable[[], object] = gc.collect,
    ) -> None:
        """`now` returns seconds that only grow."""
        self._now = now
        self._collect = collect
        self._due_at = now() + LOOK_SECONDS

    def open(self, background: Background) -> None:
        """Begin. What exists already, such as modules and the schema, is left out of all collections."""
        global _opened, _before
        if _opened == 0:
            _before = gc.get_threshold()
            gc.freeze()
            gc.set_threshold(YOUNG, _NEVER, _NEVER)
        _opened += 1
        background.every(LOOK_SECONDS, "the collection of garbage", self.turn)

    async def close(self) -> None:
        """Let CPython decide again, once no other app in this process has this policy."""
        global _opened
        _opened -= 1
        if _opened == 0:
            gc.set_threshold(*_before)
            gc.unfreeze()

    async def turn(self) -> None:
        """Collect everything if that is due."""
        began = self._now()
        if began < self._due_at:
            return
        self._collect()
        ended = self._now()
        self._due_at = ended + (ended - began) / SHARE
        log.debug("a full collection of garbage took %.0f ms", 1_000 * (ended - began))
