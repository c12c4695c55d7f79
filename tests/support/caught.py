"""A bus that keeps what is published."""

from __future__ import annotations

from watchword.events.event import Event


class Caught:
    """A bus that brings nothing, so that a test can bring it itself."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, events: list[Event]) -> None:
        self.events += events
