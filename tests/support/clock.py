"""A clock that moves only when a test moves it."""

from __future__ import annotations

import asyncio

from watchword.process.clock import Clock
from watchword.testing.clock import MovedClock

__all__ = ["MovedClock", "passed"]


async def passed(clock: Clock, seconds: float) -> None:
    """Wait until the clock was moved by so many seconds."""
    over = asyncio.Event()
    timer = clock.call_at(clock.now() + seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()
