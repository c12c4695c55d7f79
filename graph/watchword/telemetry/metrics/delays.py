"""Measures how late revocations are heard.

An event does not say when it happened, but its row in the log does. So the places of heard events are noted, and
their times are read a few seconds later, many with one query.
"""

from __future__ import annotations

from collections import deque

from watchword.events.event import Event
from watchword.events.log.event_log import EventLog
from watchword.telemetry.metrics.histogram import DURATIONS, Histogram

# Most events that wait to be measured. In a storm of revocations, the oldest are not measured.
MOST = 500
EVERY_SECONDS = 5.0


class Delays:
    """The times from the commits of events until this process heard them."""

    def __init__(self, event_log: EventLog) -> None:
        self.histogram = Histogram(DURATIONS)
        self._event_log = event_log
        self._heard: deque[tuple[str, int, float]] = deque(maxlen=MOST)

    def note(self, event: Event, at: float) -> None:
        """Note that an event was heard at `at` (Unix seconds)."""
        self._heard.append((event.stream, event.position, at))

    async def measure(self) -> None:
        """Read when the noted events happened."""
        heard, self._heard = self._heard, deque(maxlen=MOST)
        for stream in {stream for stream, _, _ in heard}:
            at = {position: at for name, position, at in heard if name == stream}
            times = await self._event_log.times(stream, [*at])
            for position, happened in times.items():
                # The clocks of two machines differ a little.
                self.histogram.record(max(0.0, at[position] - happened))
