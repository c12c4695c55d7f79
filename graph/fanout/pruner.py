"""Prunes the log now and then, so that it keeps what the settings say, and what else grows old."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from graph.clock import Clock
from graph.errors import WatchwordError
from graph.fanout.log import Log
from graph.rounds import Rounds
from graph.settings import Settings

log = logging.getLogger("watchword.log")

EVERY_SECONDS = 60.0

Prune = Callable[[float], Awaitable[None]]
"""Forgets what is over at a time, in Unix seconds."""


class Pruner(Rounds):
    """Forgets what is older or more than is kept. Several processes may do so at once.

    `needed` names streams, each with how many seconds all of it is kept, however much that is.
    """

    def __init__(
        self,
        source: Log,
        clock: Clock,
        settings: Settings,
        *others: Prune,
        needed: Mapping[str, float],
    ) -> None:
        super().__init__(clock, EVERY_SECONDS)
        self._log = source
        self._others = others
        self._settings = settings
        self._needed = needed

    async def turn(self) -> None:
        now, settings = self._clock.now(), self._settings
        oldest = now - settings.log_retention_seconds
        needed = {stream: now - seconds for stream, seconds in self._needed.items()}
        try:
            for prune in self._others:
                await prune(now)
            await self._log.prune(oldest, settings.log_retention_events, needed)
        except (SQLAlchemyError, OSError, WatchwordError) as error:
            log.warning("the database could not be pruned: %s", type(error).__name__)
