"""A resolver that treats cancellation badly harms no other subscriber, and every client gets an answer."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_schema import STREAM, timeouts
from tests.support.toy_server import until
from tests.watchword.delivery.world import World
from watchword.events.event import Event
from watchword.execution.troubles import FIRST_PAUSE
from watchword.transaction import transaction


def careless(how: str) -> str:
    return f'subscription {{ careless(how: "{how}") }}'


@pytest.mark.parametrize("how", ["returns", "answers"])
async def test_a_resolver_that_catches_its_cancellation_ends_no_member_of_its_group(
    how: str, world: World
) -> None:
    members = await world.arrive_together(2, careless(how))
    await world.happen("plain1")
    await until(lambda: all(member.outlet.seen for member in members))
    assert [member.values for member in members] == [["plain1"]] * 2
    assert not any(member.outlet.is_complete for member in members)


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_a_field_that_awaits_something_cancelled_costs_one_answer(
    count: int, world: World
) -> None:
    subscribers = await world.arrive_together(
        count, 'subscription { mine(ask: "cancelled") { key owner } }'
    )
    await world.happen("secret1")
    await world.happen("plain2")
    await until(lambda: all(len(each.outlet.seen) == 2 for each in subscribers))
    for each in subscribers:
        failed, answer = each.outlet.seen
        assert failed["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert answer["data"]["mine"]["key"] == "plain2"


@pytest.mark.parametrize("how", ["waits", "holds"])
@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_a_resolver_that_cancels_itself_ends_with_an_error(
    count: int, how: str, world: World
) -> None:
    subscribers = await world.arrive_together(count, careless(how))
    await world.happen("secret1")
    await until(lambda: all(each.outlet.is_complete for each in subscribers))
    assert [each.codes for each in subscribers] == [["INTERNAL"]] * count
    assert world.pipeline.groups.sizes == []


@pytest.mark.parametrize("how", ["hangs", "timeout"])
async def test_a_resolver_does_not_run_out_of_time_while_its_client_reads(
    how: str, clock: MovedClock, world: World
) -> None:
    [subscriber] = await world.arrive_together(1, careless(how))
    subscriber.outlet.stick()
    services = world.pipeline.services
    async with transaction(services.database, services.bus, clock.now()) as unit:
        unit.publish(Event(STREAM, "plain1", "made"))
        unit.publish(Event(STREAM, "secret2", "made"))
    if how == "hangs":
        await until(lambda: clock.is_waiting_for(20))
        # The resolver finishes the event in time, and its client has not read.
        clock.move(20)
    async with asyncio.timeout(20):
        await subscriber.outlet.is_awaited.wait()
    if how == "timeout":
        # The resolver has left its own timeout, so that cannot cancel the run while it waits for the client.
        with pytest.raises(RuntimeError):
            timeouts.pop().reschedule(None)
    clock.move(15)
    assert subscriber.values == ["plain1"]
    subscriber.outlet.read()
    await world.happen("plain3")
    await until(lambda: len(subscriber.outlet.seen) == 3)
    assert subscriber.values == ["plain1", "secret2", "plain3"]
    assert not subscriber.outlet.is_complete


async def test_a_group_whose_resolver_hangs_before_it_follows_is_given_up(
    clock: MovedClock, world: World
) -> None:
    both = [await world.arrive(careless("late")) for _ in range(2)]
    await until(lambda: clock.is_waiting_for(90))
    clock.move(30)
    await until(
        lambda: world.pipeline.groups.sizes == [] and len(world.pipeline.groups.troubles) == 1
    )
    assert not clock.is_waiting_for(60)
    # Each continues alone, and the group is tried again later.
    clock.move(FIRST_PAUSE)
    await world.happen("plain1")
    await until(lambda: [each.values for each in both] == [["plain1"]] * 2)
    await until(lambda: clock.is_waiting_for(90))


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_a_resolver_that_is_slow_to_end_when_cancelled_is_cancelled_again(
    count: int, clock: MovedClock, world: World
) -> None:
    subscribers = await world.arrive_together(count, careless("lingers"))
    await world.happen("secret1")
    await until(lambda: clock.is_waiting_for(80))
    clock.move(30)
    await until(lambda: clock.is_waiting_for(90))
    assert not any(each.outlet.seen for each in subscribers)
    clock.move(30)
    await world.happen("plain2")
    await until(lambda: all(len(each.outlet.seen) == 2 for each in subscribers))
    for each in subscribers:
        late, answer = each.outlet.seen
        assert late["errors"][0]["extensions"]["code"] == "TIMEOUT"
        assert answer["data"]["careless"] == "plain2"
        each.subscription.stop()
    # Let the resolver end, or the event loop of the test would wait for it.
    await until(lambda: clock.is_waiting_for(90))
    clock.move(90)
