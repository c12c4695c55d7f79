"""A context is the world as one operation sees it."""

from __future__ import annotations

import asyncio

import pytest

from graph.context import Context, Ended, Services
from graph.database import Database
from graph.domain import Domain
from graph.ending import Ending
from graph.events import Event
from graph.fanout.hub import Hub
from graph.fanout.memory import MemoryBus
from graph.principal import ANONYMOUS
from tests.support.clock import MovedClock


@pytest.fixture
def services(database: Database, clock: MovedClock) -> Services:
    return Services(database, MemoryBus(), Hub(2), clock, Domain())


async def test_a_loader_gets_all_keys_of_one_tick_at_once(services: Services) -> None:
    batches: list[list[int]] = []

    async def double(_context: Context, keys: list[int]) -> list[int]:
        batches.append(keys)
        return [2 * key for key in keys]

    context = Context(services, ANONYMOUS)
    answers = await asyncio.gather(*(context.loader(double).load(key) for key in (1, 2, 1)))
    assert answers == [2, 4, 2]
    assert batches == [[1, 2]]


async def test_what_was_loaded_before_a_write_is_loaded_again_after_it(services: Services) -> None:
    loads: list[list[int]] = []

    async def same(_context: Context, keys: list[int]) -> list[int]:
        loads.append(keys)
        return keys

    context = Context(services, ANONYMOUS)
    await context.loader(same).load(1)
    async with context.write():
        pass
    await context.loader(same).load(1)
    assert loads == [[1], [1]]


async def test_two_contexts_share_no_loaded_value(services: Services) -> None:
    async def same(_context: Context, keys: list[int]) -> list[int]:
        return keys

    one, two = Context(services, ANONYMOUS), Context(services, ANONYMOUS)
    assert one.loader(same) is one.loader(same)
    assert one.loader(same) is not two.loader(same)


async def test_following_ends_when_the_mailbox_is_full_and_the_owner_hears_at_once(
    services: Services,
) -> None:
    endings: list[Ending] = []
    context = Context(services, ANONYMOUS, endings.append)
    followed = context.follow("toys")
    first = asyncio.ensure_future(anext(followed))
    while not len(services.hub):
        await asyncio.to_thread(lambda: None)
    services.hub.receive(Event("toys", "0", "made"))
    assert (await first).key == "0"
    for number in range(1, 4):
        services.hub.receive(Event("toys", str(number), "made"))
    assert endings == [Ending.SLOW]
    with pytest.raises(Ended) as ended:
        await anext(followed)
    assert ended.value.ending is Ending.SLOW
    assert len(services.hub) == 0


async def test_a_write_says_what_time_it_is(services: Services, clock: MovedClock) -> None:
    async with Context(services, ANONYMOUS).write() as unit:
        assert unit.now == clock.now()
