"""Measures what it costs to deliver an event to many subscribers, and how late it comes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.load.crowd import Crowd
from benchmarks.measures.measure import MICRO, State
from benchmarks.operations import Subscription
from benchmarks.samples import Sample
from benchmarks.servers import ALIKE, Running

# Events that are published at once, before all subscribers have them and the next ones are published.
BURST = 5
# The fewest events of a measurement.
LEAST = 10


@dataclass(frozen=True, slots=True)
class Events:
    """Delivers events to so many subscribers of one subscription."""

    name: str
    title: str
    size: int
    asked: Subscription = Subscription()
    servers: tuple[str, ...] = ALIKE
    state: State = "running"

    def take(self, running: Running, seconds: float) -> Sample:
        """Publish bursts of events for so long, each after all subscribers have the one before it."""
        crowd = Crowd(running.port, running.home.tokens(self.asked.classes))
        crowd.connect([self.asked.of(number) for number in range(self.size)])
        crowd.go_live()
        crowd.hear(BURST)
        crowd.is_timing = True
        before, delivered = running.cpu(), crowd.delivered
        end = time.monotonic() + seconds
        while crowd.delivered < delivered + LEAST * self.size or time.monotonic() < end:
            crowd.hear(BURST)
        cpu = (running.cpu() - before) / (crowd.delivered - delivered)
        crowd.close()
        late = sorted(crowd.late)
        return {
            "cpu": cpu * MICRO,
            "median": late[len(late) // 2] * MICRO,
            "p99": late[int(len(late) * 0.99)] * MICRO,
        }
