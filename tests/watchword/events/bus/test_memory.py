"""The in-process bus hands events straight to the hub. test_bus.py has what it shares with the other buses."""

from __future__ import annotations

from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event


async def test_it_delivers_every_stream_within_publish() -> None:
    bus, received = MemoryBus(), list[Event]()
    await bus.open(received.append)
    events = [Event(stream, "bear", "made", {}, 1) for stream in ("toys", "books")]
    bus.publish(events)
    assert received == events
