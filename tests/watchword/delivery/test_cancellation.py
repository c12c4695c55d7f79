"""What a resolver makes of cancellation harms nobody, and nobody is left without answers by one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from tests.support.clock import MovedClock, waits_for
from tests.support.toy_schema import STREAM
from tests.support.toy_server import toy_door, until
from tests.watchword.delivery.test_groups import Person, World
from watchword.delivery.troubles import FIRST_PAUSE
from watchword.events.event import Event
from watchword.transaction import transaction


@pytest.fixture
async def world(clock: MovedClock) -> AsyncIterator[World]:
    async with toy_door(clock, event_seconds=30) as (door, _):
        yield World(door, clock, random.Random(1))


async def arrive(world: World, count: int, query: str) -> list[Person]:
    people = [await world.arrive_for(query) for _ in range(count)]
    if count > 1:
        await until(lambda: world.pipeline.groups.sizes == [count])
    return people


def answers(person: Person) -> list[object]:
    return [next(iter((seen["data"] or {"": None}).values())) for seen in person.outlet.seen]


def careless(how: str) -> str:
    return f'subscription {{ careless(how: "{how}") }}'


def codes(person: Person) -> list[str]:
    return [error["extensions"]["code"] for error in person.outlet.errors]


@pytest.mark.parametrize("how", ["returns", "answers"])
async def test_a_resolver_that_catches_its_cancellation_ends_nobody_who_joins_a_group(
    how: str, world: World
) -> None:
    people = await arrive(world, 2, careless(how))
    await world.happen_to("plain1")
    await until(lambda: all(person.outlet.seen for person in people))
    assert [answers(person) for person in people] == [["plain1"]] * 2
    assert not any(person.outlet.is_complete for person in people)


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_a_field_that_waits_for_what_was_cancelled_costs_one_answer(
    count: int, world: World
) -> None:
    people = await arrive(world, count, 'subscription { mine(ask: "cancelled") { key owner } }')
    await world.happen_to("secret1")
    await world.happen_to("plain2")
    await until(lambda: all(len(person.outlet.seen) == 2 for person in people))
    for person in people:
        failed, answer = person.outlet.seen
        assert failed["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert answer["data"]["mine"]["key"] == "plain2"


@pytest.mark.parametrize("how", ["waits", "holds"])
@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_a_resolver_that_is_cancelled_by_its_own_doing_tells_everybody(
    count: int, how: str, world: World
) -> None:
    people = await arrive(world, count, careless(how))
    await world.happen_to("secret1")
    await until(lambda: all(person.outlet.is_complete for person in people))
    assert [codes(person) for person in people] == [["INTERNAL"]] * count
    assert world.pipeline.groups.sizes == []


@pytest.mark.parametrize("how", ["hangs", "timeout"])
async def test_the_time_of_a_resolver_does_not_run_out_while_its_client_reads(
    how: str, clock: MovedClock, world: World
) -> None:
    [person] = await arrive(world, 1, careless(how))
    person.outlet.stick()
    services = world.pipeline.services
    async with transaction(services.database, services.bus, clock.now()) as unit:
        unit.publish(Event(STREAM, "plain1", "made"))
        unit.publish(Event(STREAM, "secret2", "made"))
    if how == "hangs":
        await until(lambda: waits_for(clock, 20))
        # The resolver is done with the event in time, and its client has not read.
        clock.move(20)
    await until(lambda: bool(person.outlet.seen))
    await asyncio.sleep(0.05)
    clock.move(15)
    assert answers(person) == ["plain1"]
    person.outlet.read()
    await world.happen_to("plain3")
    await until(lambda: len(person.outlet.seen) == 3)
    assert answers(person) == ["plain1", "secret2", "plain3"]
    assert not person.outlet.is_complete


async def test_a_group_whose_resolver_hangs_before_it_follows_is_given_up(
    clock: MovedClock, world: World
) -> None:
    people = [await world.arrive_for(careless("late")) for _ in range(2)]
    await until(lambda: waits_for(clock, 90))
    clock.move(30)
    await until(
        lambda: world.pipeline.groups.sizes == [] and len(world.pipeline.groups.troubles) == 1
    )
    assert not waits_for(clock, 60)
    # Each goes on by itself, and a group is tried again later.
    clock.move(FIRST_PAUSE)
    await world.happen_to("plain1")
    await until(lambda: [answers(person) for person in people] == [["plain1"]] * 2)
    await until(lambda: waits_for(clock, 90))


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_a_resolver_that_lingers_when_it_is_cancelled_holds_nobody_up_for_long(
    count: int, clock: MovedClock, world: World
) -> None:
    people = await arrive(world, count, careless("lingers"))
    await world.happen_to("secret1")
    await until(lambda: waits_for(clock, 80))
    clock.move(30)
    await until(lambda: waits_for(clock, 90))
    assert not any(person.outlet.seen for person in people)
    clock.move(30)
    await world.happen_to("plain2")
    await until(lambda: all(len(person.outlet.seen) == 2 for person in people))
    for person in people:
        late, answer = person.outlet.seen
        assert late["errors"][0]["extensions"]["code"] == "TIMEOUT"
        assert answer["data"]["careless"] == "plain2"
        person.subscription.stop()
    # Let it end, or the event loop of the test would wait for it.
    await until(lambda: waits_for(clock, 90))
    clock.move(90)
