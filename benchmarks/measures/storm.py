"""Measures many clients that connect at once, and the memory of their subscriptions at rest."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.load.crowd import Crowd
from benchmarks.measures.measure import MICRO, State
from benchmarks.operations import UPDATES, Subscription
from benchmarks.samples import Sample
from benchmarks.servers import Running


@dataclass(frozen=True, slots=True)
class Storm:
    """Connects, acknowledges and subscribes; a subscriber is live when it has received an event."""

    name: str
    title: str
    size: int
    servers: tuple[str, ...]
    state: State = "fresh"
    asked: Subscription = Subscription()

    def take(self, running: Running, seconds: float) -> Sample:
        """Connect all; `acknowledged` and `live` are the times of the last one, in seconds."""
        tokens = running.home.tokens()
        # What a server makes at its first connection is not counted.
        self._crowd(running, tokens, 10).close()
        cpu, memory = running.cpu(), running.memory()
        began = time.monotonic()
        crowd = Crowd(running.port, tokens)
        crowd.connect([UPDATES] * self.size)
        acknowledged = time.monotonic() - began
        crowd.go_live()
        live = time.monotonic() - began
        cpu = running.cpu() - cpu
        crowd.rest()
        memory = running.memory() - memory
        crowd.close()
        return {
            "cpu": cpu / self.size * MICRO,
            "acknowledged": acknowledged,
            "live": live,
            "memory": memory / self.size / 1024,
        }

    @staticmethod
    def _crowd(running: Running, tokens: list[str], size: int) -> Crowd:
        crowd = Crowd(running.port, tokens)
        crowd.connect([UPDATES] * size)
        crowd.go_live()
        crowd.rest()
        return crowd
