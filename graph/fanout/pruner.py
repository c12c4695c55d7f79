"""Prunes the log now and then, so that it keeps what the settings say, and what else grows old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from graph.clock import Clock, Timer
from graph.errors import WatchwordError
from graph.fanout.log import Log
from graph.settings import Settings

log = logging.getLogger("watchword.log")

EVERY_SECONDS = 60.0

Prune = Callable[[float], Awaitable[None]]
"""Forgets what is over at a time, in Unix seconds."""


class Pruner:
    """Forgets what is older or more than is kept. Several processes may do so at once."""

    def __init__(self, source: Log, clock: Clock, settings: Settings, *others: Prune) -> None:
        self._log = source
        self._others = others
        self._clock = clock
        self._settings = settings
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to prune now and then."""
        self._timer = self._clock.call_at(self._clock.now() + EVERY_SECONDS, self._begin)

    async def close(self) -> None:
        """Prune no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._prune())

    async def _prune(self) -> None:
        oldest = self._clock.now() - self._settings.log_retention_seconds
        try:
            await self._log.prune(oldest, self._settings.log_retention_events)
            for prune in self._others:
                await prune(self._clock.now())
        except (SQLAlchemyError, OSError, WatchwordError) as error:
            log.warning("the database could not be pruned: %s", type(error).__name__)
        self.open()
