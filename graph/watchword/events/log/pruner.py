"""Prunes the event log at intervals, as the settings say."""

from __future__ import annotations

from collections.abc import Mapping

from watchword.config.settings import Settings
from watchword.events.log.event_log import EventLog
from watchword.process.background import Background
from watchword.process.clock import Clock

EVERY_SECONDS = 60.0


class Pruner:
    """Deletes events that are too old, or too many. Several processes may prune at the same time.

    `needed` maps streams to seconds: all of their events that are younger are kept, however many.
    """

    def __init__(
        self, event_log: EventLog, clock: Clock, settings: Settings, needed: Mapping[str, float]
    ) -> None:
        self._event_log = event_log
        self._clock = clock
        self._settings = settings
        self._needed = needed

    def open(self, background: Background) -> None:
        """Prune every minute until the background is closed."""
        background.every(EVERY_SECONDS, "the pruning of the log", self.turn)

    async def turn(self) -> None:
        """Prune once."""
        now, settings = self._clock.now(), self._settings
        oldest = now - settings.log_retention_seconds
        needed = {stream: now - seconds for stream, seconds in self._needed.items()}
        await self._event_log.prune(oldest, settings.log_retention_events, needed)
