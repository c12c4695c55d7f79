"""When this process collects its garbage.

CPython collects everything when the number of its objects has grown by a quarter. That takes half a second for
5,000 live connections, holds the event loop for all of it, and happens a dozen times while they arrive. So this
process collects young objects as usual, and everything as seldom as `SHARE` says.
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
# As many collections of young objects never happen, so CPython begins no full collection by itself.
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
            gc.set_threshold(*_before[:2], _NEVER)
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
