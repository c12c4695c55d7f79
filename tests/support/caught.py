"""A bus that keeps the published events."""

from __future__ import annotations

from watchword.events.event import Event


class Caught:
    """A bus that delivers nothing by itself, so that a test can deliver events when it wants."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, events: list[Event]) -> None:
        self.events += events
