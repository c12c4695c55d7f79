"""Measures what it costs to deliver an event to many subscribers, and how late it comes."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.home import Home
from benchmarks.load.crowd import Crowd
from benchmarks.measures.requests import MICRO
from benchmarks.operations import MINE, UPDATES
from benchmarks.samples import Sample
from benchmarks.servers import Running

# Events that are published at once, before all subscribers have them and the next ones are published.
BURST = 5


@dataclass(frozen=True, slots=True)
class Audience:
    """Subscribers that are measured together."""

    name: str
    title: str
    size: int
    query: str = UPDATES
    classes: int = 1


AUDIENCES = {
    audience.name: audience
    for audience in (
        Audience("event-1000", "an event to 1,000", 1_000),
        Audience("event-1000-classes", "the same, three classes of grants", 1_000, classes=3),
        Audience("event-1000-personal", "the same, all personal", 1_000, MINE),
        Audience("event-5000", "an event to 5,000", 5_000),
    )
}


def measure(running: Running, home: Home, audience: Audience, events: int) -> Sample:
    """Publish events in bursts, each after all subscribers have the burst before it."""
    crowd = Crowd(running.port, home.tokens(audience.classes))
    crowd.connect([audience.query] * audience.size)
    crowd.go_live()
    crowd.hear(BURST)
    crowd.is_timing = True
    before, delivered = running.cpu(), crowd.delivered
    for _ in range(max(1, events // BURST)):
        crowd.hear(BURST)
    cpu = (running.cpu() - before) / (crowd.delivered - delivered)
    crowd.close()
    late = sorted(crowd.late)
    return {
        "cpu": cpu * MICRO,
        "median": late[len(late) // 2] * MICRO,
        "p99": late[int(len(late) * 0.99)] * MICRO,
    }
