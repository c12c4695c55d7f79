"""The in-process bus keeps the promise of graph/watchword/events/bus/bus.py."""

from __future__ import annotations

from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event

EVENTS = [Event("toys", str(number), "made", {}, number) for number in range(1, 6)]


async def test_events_arrive_in_order() -> None:
    bus, seen = MemoryBus(), list[Event]()
    await bus.open(seen.append)
    await bus.follow("toys")
    bus.publish(EVENTS[:3])
    bus.publish(EVENTS[3:])
    assert seen == EVENTS


async def test_publishing_without_a_receiver_does_not_fail() -> None:
    bus, seen = MemoryBus(), list[Event]()
    bus.publish(EVENTS)
    await bus.open(seen.append)
    await bus.close()
    bus.publish(EVENTS)
    assert seen == []
