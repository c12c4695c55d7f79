"""Every bus keeps the promise of bus.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.redis import live_redis
from tests.support.toy_server import until
from watchword.config.bus_url import MEMORY
from watchword.events.bus.bus import Bus
from watchword.events.bus.buses import bus as make
from watchword.events.event import Event
from watchword.process.background import Background
from watchword.process.clock import SystemClock

EVENTS = [Event("toys", str(number), "made", {}, number) for number in range(1, 6)]


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with live_redis() as running:
        yield running.url


@pytest.fixture(params=["memory", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    url = MEMORY if request.param == "memory" else request.getfixturevalue("redis_url")
    background = Background(SystemClock())
    made = make(url, lambda: request.node.name, background)
    yield made
    await background.close()
    await made.close()


async def test_the_publishing_process_receives_its_events_at_once_and_in_order(bus: Bus) -> None:
    received: list[Event] = []
    await bus.open(received.append)
    await bus.follow("toys")
    bus.publish(EVENTS[:3])
    bus.publish(EVENTS[3:])
    assert received[:5] == EVENTS


async def test_the_publishing_process_receives_events_of_streams_that_it_does_not_follow(
    bus: Bus,
) -> None:
    received: list[Event] = []
    await bus.open(received.append)
    bus.publish(EVENTS)
    assert received == EVENTS


async def test_an_event_arrives_with_everything_in_it(bus: Bus) -> None:
    received: list[Event] = []
    await bus.open(received.append)
    await bus.follow("toys")
    event = Event("toys", "bear", "made", {"size": 3, "name": "Ü", "none": None}, 7, "m", "b")
    bus.publish([event])
    await until(lambda: bool(received))
    [first, *_] = received
    assert (first, first.mark, first.before) == (event, "m", "b")


async def test_publishing_before_it_is_open_and_after_it_is_closed_does_nothing(bus: Bus) -> None:
    received: list[Event] = []
    bus.publish(EVENTS)
    await bus.open(received.append)
    await bus.close()
    bus.publish(EVENTS)
    assert received == []


async def test_a_stream_can_be_unfollowed_without_having_been_followed(bus: Bus) -> None:
    await bus.open(lambda event: None)
    await bus.unfollow("toys")
