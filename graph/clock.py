"""Time as a value that is passed in, so that tests move it instead of waiting for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A callback that waits for its time."""

    def cancel(self) -> None:
        """Forget the callback; harmless when it has run."""


class Clock(Protocol):
    """Tells the time, and calls back when a time has come."""

    def now(self) -> float:
        """Return the time in seconds since the Unix epoch."""

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call back once at `when` (Unix seconds), at once if that has passed."""


class SystemClock:
    """The machine's own clock, on the running event loop."""

    def now(self) -> float:
        return time.time()

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        delay = max(0.0, when - time.time())
        return asyncio.get_running_loop().call_later(delay, callback)
