"""Compares this machine's clock with the database's, which all processes share.

A server refuses the tokens of another one whose clock is ahead, takes old refresh tokens for reused ones, and takes
processes for dead whose clock is behind. Nothing in its log would say why.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy import text

from watchword.errors import Unsafe
from watchword.process.background import Background, Supervised
from watchword.process.clock import Clock, sleep
from watchword.storage.database import Database

EVERY_SECONDS = 60.0
# Seconds by which clocks that are set by NTP may differ.
TOLERANCE = 2.0


async def check(database: Database, tolerance: float, now: Callable[[], float] = time.time) -> None:
    """Raise `Unsafe` if this machine's clock and the database's differ by more than `tolerance` seconds.

    SQLite has no clock of its own.
    """
    if database.is_sqlite:
        return
    async with database.read() as db:
        before = now()
        there = float(await db.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
        # The database was asked between these two moments.
        ahead, behind = before - there, there - now()
    if max(ahead, behind) > tolerance:
        how = f"{ahead:.0f} seconds ahead of" if ahead > 0 else f"{behind:.0f} seconds behind"
        raise Unsafe(f"This machine's clock is {how} the database's: set both by NTP.")


def watch(database: Database, background: Background, clock: Clock, leeway: float) -> None:
    """Check in the background, now and every minute. `leeway` is how far clocks may differ; `clock` times the pauses."""
    if not database.is_sqlite:
        work = partial(_watch, partial(check, database, max(leeway, TOLERANCE)), clock)
        background.start("the check of the clock", work, longest=EVERY_SECONDS)


async def _watch(compare: Callable[[], Awaitable[None]], clock: Clock, task: Supervised) -> None:
    while True:
        await compare()
        task.well()
        await sleep(clock, EVERY_SECONDS)
