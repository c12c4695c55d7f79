"""Which URLs name a bus, and which bus they name."""

from __future__ import annotations

import pytest

from tests.support.redis import live_redis
from watchword.config import bus_url
from watchword.events.bus.buses import Unreachable, bus, reach
from watchword.events.bus.memory import MemoryBus
from watchword.process.background import Background
from watchword.process.clock import SystemClock


def test_memory_is_the_bus_of_one_process() -> None:
    assert isinstance(bus("memory://", lambda: "here", Background(SystemClock())), MemoryBus)


async def test_a_redis_that_answers_is_reached_and_one_that_is_gone_is_not() -> None:
    with live_redis() as server:
        await reach(server.url)
    with pytest.raises(Unreachable, match="^ConnectionError$"):
        await reach(server.url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "must be memory:// or begin with redis://, rediss://, unix://, "),
        ("memory", "must be memory:// or begin with "),
        ("memory://here", "must be memory:// or begin with "),
        ("amqp://here", "must be memory:// or begin with "),
        ("redis+cluster://", "must name its hosts: redis+cluster://one:6379,two:6379"),
        ("redis+cluster://one,,two", "must name its hosts: "),
        ("redis+sentinel:///mymaster", "must name its hosts: "),
        ("redis+sentinel://one:26379", "must name the service: redis+sentinel://"),
        ("redis+sentinel://one:26379/", "must name the service: "),
    ],
)
def test_a_url_that_names_no_bus_is_refused_in_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="must") as refused:
        bus_url.check(url)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    "url",
    [
        "memory://",
        "redis://here",
        "redis://user:secret@here:6380/1?socket_timeout=1",
        "rediss://here",
        "unix:///run/redis",
        "redis+sentinel://user:secret@one,two:26380/mymaster",
        "redis+cluster://one,two:6380",
    ],
)
def test_a_url_that_names_a_bus_is_taken(url: str) -> None:
    bus_url.check(url)
    bus(url, lambda: "here", Background(SystemClock()))
