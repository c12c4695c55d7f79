"""The one execution of a shared answer: who waits for it, what it survives, and what ends it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import pytest

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.shop import Shop, world
from tests.support.toy_server import until
from watchword.errors import RateLimited, TimedOut, Unavailable
from watchword.execution.plan import Refused
from watchword.execution.shared.store import JsonAnswer
from watchword.principal import ANONYMOUS
from watchword.throttling.admission import Bounds, Quota

ITEM = "query($of: Int = 0) { item(of: $of) { price } }"
WAITING = "{ item(waits: true) { price } }"


async def waiting(
    opened: Shop, count: int, query: str = WAITING
) -> list[asyncio.Task[bytes | None]]:
    """Ask so many times while the resolver waits."""
    before = world.asked
    tasks = [asyncio.create_task(opened.ask(query)) for _ in range(count)]
    await until(lambda: world.asked > before)
    return tasks


async def test_those_who_ask_meanwhile_wait_for_the_one_execution(opened: Shop) -> None:
    tasks = await waiting(opened, 20)
    world.gate.set()
    assert await asyncio.gather(*tasks) == [b'{"data":{"item":{"price":1}}}'] * 20
    assert world.asked == 1
    assert opened.shared.counts == {"begun": 1, "joined": 19}
    # They were the first use and the second: the answer is kept.
    await opened.ask(WAITING)
    assert world.asked == 1


async def test_an_execution_survives_its_first_client(opened: Shop) -> None:
    first, second = await waiting(opened, 2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    world.gate.set()
    assert await second == b'{"data":{"item":{"price":1}}}'
    assert world.asked == 1


async def test_an_execution_whose_clients_are_all_gone_is_kept_for_the_next(opened: Shop) -> None:
    tasks = await waiting(opened, 2)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    world.gate.set()
    await until(lambda: len(opened.shared.store) == 1)
    await opened.ask(WAITING)
    assert world.asked == 1


async def test_an_execution_has_a_place_among_the_open_operations_until_it_ends(
    opened: Shop,
) -> None:
    quota = Quota("operations", Bounds(address=2))
    plan, take_place = opened.plan(WAITING), partial(quota.take, "an address")

    async def ask() -> JsonAnswer | None:
        return await opened.shared.answer(plan, {}, ANONYMOUS, take_place=take_place)

    first, second = asyncio.create_task(ask()), asyncio.create_task(ask())
    await until(lambda: world.asked == 1 and len(quota) == 2)
    # Who waits for the execution of another has a place too.
    with pytest.raises(RateLimited, match="from this address"):
        await ask()
    for task in (first, second):
        task.cancel()
    await asyncio.wait([first, second])
    assert len(quota) == 1
    with quota.take("an address"), pytest.raises(RateLimited, match="from this address"):
        await opened.shared.answer(opened.plan(ITEM), {}, ANONYMOUS, take_place=take_place)
    assert world.asked == 1
    world.gate.set()
    await until(lambda: not len(quota))
    with quota.take("an address"), quota.take("an address"):
        # What is kept takes no place.
        assert await ask() is not None
    for variables in ({"of": 1}, {"of": "nonsense"}):
        with suppress(Refused):
            await opened.shared.answer(
                opened.plan(ITEM), variables, ANONYMOUS, take_place=take_place
            )
        assert quota.is_empty


async def test_only_who_begins_an_execution_is_charged_for_it(opened: Shop) -> None:
    plan, charges = opened.plan(WAITING), list[str]()

    async def ask(name: str) -> JsonAnswer | None:
        charge = partial(charges.append, name)
        return await opened.shared.answer(plan, {}, ANONYMOUS, charge=charge)

    tasks = [asyncio.create_task(ask(name)) for name in ("first", "second")]
    await until(lambda: world.asked == 1)
    world.gate.set()
    await asyncio.gather(*tasks)
    await ask("third")
    assert charges == ["first"]


async def test_an_execution_that_began_before_an_event_serves_only_who_asked_before_it(
    opened: Shop,
) -> None:
    early = await waiting(opened, 2)
    await opened.happen()
    [late] = await waiting(opened, 1)
    world.gate.set()
    assert await asyncio.gather(*early) == [b'{"data":{"item":{"price":1}}}'] * 2
    assert await late == b'{"data":{"item":{"price":2}}}'
    assert await opened.ask(WAITING) == b'{"data":{"item":{"price":2}}}'


async def test_an_answer_that_an_event_has_overtaken_is_not_kept(opened: Shop) -> None:
    early = await waiting(opened, 2)
    await opened.happen()
    world.gate.set()
    await asyncio.gather(*early)
    assert len(opened.shared.store) == 0


async def test_those_who_wait_for_a_query_that_is_personal_are_all_told(opened: Shop) -> None:
    tasks = await waiting(opened, 5, "{ item(waits: true) { price } secretlyMine }")
    world.gate.set()
    assert await asyncio.gather(*tasks) == [None] * 5


async def test_an_execution_runs_in_the_context_of_no_request(opened: Shop) -> None:
    toy_schema.whisper.set("psst")
    assert await opened.ask("{ whispered }") == b'{"data":{"whispered":""}}'


async def test_an_execution_has_a_deadline_of_its_own(opened: Shop, clock: MovedClock) -> None:
    tasks = await waiting(opened, 2)
    clock.move(opened.pipeline.settings.operation_seconds)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in answers] == [TimedOut] * 2


async def test_when_the_server_stops_those_who_wait_are_told(opened: Shop) -> None:
    [task] = await waiting(opened, 1)
    await opened.pipeline.services.background.close()
    with pytest.raises(Unavailable):
        await task
