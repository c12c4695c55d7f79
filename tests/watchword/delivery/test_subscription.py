"""A subscription moves between its states without losing or repeating an answer."""

from __future__ import annotations

import asyncio
import gc

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_schema import whisper
from tests.support.toy_server import WATCHES, until
from tests.watchword.delivery.world import (
    GUARDED,
    NOW,
    PRESENT_LINES,
    QUERY,
    SCRIPTED,
    WHISPERED,
    Subscriber,
    World,
)
from watchword.context import Context
from watchword.delivery.run import Run
from watchword.delivery.states import Alone, Grouped, Offered, Opening, Over
from watchword.errors import Ending
from watchword.events.follow import Follow
from watchword.events.mailbox import Mailbox
from watchword.process.deadline import Watchdog


async def offered(world: World, query: str = QUERY) -> Subscriber:
    """Add the only subscriber to a query, which waits for a group."""
    made = await world.arrive(query)
    await until(lambda: isinstance(made.subscription.state, Offered))
    return made


async def test_it_is_opening_then_alone_then_offered(world: World) -> None:
    subscriber = await offered(world)
    subscription = subscriber.subscription
    assert subscription.idle_at is not None
    subscription.stop()
    subscriber.subscription = type(subscription)(
        world.pipeline.groups, subscriber.lease, subscription.operation, subscriber.outlet
    )
    assert subscriber.subscription.state == Opening()
    subscriber.subscription.start()
    assert isinstance(subscriber.subscription.state, Alone)
    assert subscriber.subscription.idle_at is None


async def test_it_continues_after_its_cursor(world: World) -> None:
    subscriber = await offered(world, SCRIPTED)
    await world.happen("thrice1")
    await until(lambda: len(subscriber.seen) == 3)
    cursor = subscriber.outlet.seen[0]["extensions"]["cursor"]
    subscriber.subscription.stop()
    world.subscribe(subscriber, cursor)
    await until(lambda: len(subscriber.seen) == 5)
    assert subscriber.seen[3:] == ["thrice1/1", "thrice1/2"]


async def test_it_sends_the_present_state_once(world: World) -> None:
    subscriber = await world.arrive(NOW)
    await until(lambda: subscriber.present == PRESENT_LINES)
    await until(lambda: isinstance(subscriber.subscription.state, Offered))
    world.change("renew", subscriber)
    await world.happen("plain1")
    await world.settle()
    assert subscriber.values == [*PRESENT_LINES, "plain1/0"]


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_after_it_is_stopped_it_sends_nothing_and_holds_nothing(
    count: int, world: World
) -> None:
    subscribers = await world.arrive_together(count, QUERY)
    for each in subscribers:
        each.subscription.stop()
        assert each.subscription.state == Over()
    await until(lambda: world.pipeline.services.hub.size == WATCHES)
    await world.happen("plain1")
    # One that comes later has its answer, so the others would have theirs.
    late = await world.arrive(QUERY)
    await world.happen("plain2")
    await until(lambda: late.seen == ["plain2"])
    assert [each.outlet.seen for each in subscribers] == [[]] * count


@pytest.mark.parametrize("query", [QUERY, GUARDED])
async def test_nothing_of_its_own_run_is_left_when_a_group_runs_for_it(
    query: str, world: World
) -> None:
    # graphql-core opens the first of all.
    await world.arrive_together(2, query)
    await until(lambda: gc.collect() >= 0 and runs_in(world) == 1)
    gc.disable()
    try:
        subscribers = [await world.arrive(query) for _ in range(3)]
        await until(
            lambda: all(isinstance(each.subscription.state, Grouped) for each in subscribers)
        )
        # The run of the group is the only one.
        await until(lambda: runs_in(world) == 1)
        found = [existing(kind) for kind in (Follow, Mailbox, Context, Watchdog)]
        gc.collect()
        assert [existing(kind) for kind in (Follow, Mailbox, Context, Watchdog)] == found
    finally:
        gc.enable()


def runs_in(world: World) -> int:
    """Return the number of runs in a world: a test that failed before may have left others."""
    services = world.pipeline.services
    return sum(type(each) is Run and each._services is services for each in gc.get_objects())


def existing(kind: type) -> list[int]:
    """Return the identities of all objects of a class."""
    return sorted(id(each) for each in gc.get_objects() if type(each) is kind)


async def test_nothing_follows_its_end(world: World) -> None:
    subscriber = await offered(world)
    subscriber.subscription.stop()
    tasks = asyncio.all_tasks()
    subscriber.subscription.regrant()
    subscriber.subscription.start()
    assert asyncio.all_tasks() == tasks
    assert subscriber.subscription.state == Over()
    await until(lambda: world.pipeline.services.hub.size == WATCHES)


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_other_grants_lose_and_repeat_no_answer(count: int, world: World) -> None:
    subscribers = await world.arrive_together(count, QUERY)
    await world.happen("plain1")
    world.change("narrow", subscribers[0])
    await world.happen("plain2")
    await world.settle()
    assert [each.seen for each in subscribers] == [["plain1", "plain2"]] * count


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "in a group"])
async def test_grants_that_no_longer_allow_it_end_it_with_an_error(
    count: int, world: World
) -> None:
    subscribers = await world.arrive_together(count, GUARDED)
    world.change("narrow", subscribers[0])
    await until(lambda: subscribers[0].outlet.is_complete)
    assert subscribers[0].codes == ["FORBIDDEN"]
    assert not any(each.outlet.is_complete for each in subscribers[1:])


async def test_the_end_of_its_lease_stops_it(world: World) -> None:
    subscriber = await offered(world)
    subscriber.lease.end(Ending.REVOKED)
    assert subscriber.subscription.state == Over()
    assert not subscriber.outlet.is_complete


@pytest.mark.parametrize(
    ("key", "codes"), [("ends1", []), ("fails1", ["NOT_FOUND"]), ("crashes1", ["INTERNAL"])]
)
async def test_it_ends_as_its_resolver_does(key: str, codes: list[str], world: World) -> None:
    subscriber = await offered(world, SCRIPTED)
    await world.happen(key)
    await until(lambda: subscriber.outlet.is_complete)
    assert subscriber.codes == codes
    assert subscriber.subscription.state == Over()


async def test_its_own_runs_see_the_context_variables_of_its_request(world: World) -> None:
    first, second = await world.arrive_together(2, WHISPERED)
    await world.happen("plain1")
    await until(lambda: first.values == ["plain1 "])
    world.change("narrow", second)
    await until(lambda: not isinstance(second.subscription.state, Grouped))
    whisper.set("another request")
    await world.happen("plain2")
    await until(lambda: second.values == ["plain1 ", f"plain2 {second.name}"])


@pytest.mark.parametrize("count", [1, 2])
async def test_it_is_quiet_when_every_answer_is_sent_alone_and_in_a_group(
    world: World, clock: MovedClock, count: int
) -> None:
    subscribers = [await world.arrive("subscription { madeSlowly { name } }") for _ in range(count)]
    subscriptions = [each.subscription for each in subscribers]
    state = Grouped if count > 1 else Offered
    await until(lambda: all(isinstance(each.state, state) for each in subscriptions))
    await until(lambda: all(each.is_quiet for each in subscriptions))
    await world.happen("slow")
    for _ in range(20):
        assert not any(each.is_quiet for each in subscriptions)
        await asyncio.sleep(0)
    # The resolver has been given too long.
    clock.move(world.pipeline.settings.event_seconds)
    await until(lambda: all(each.is_quiet for each in subscriptions))
    assert [len(each.outlet.seen) for each in subscribers] == [1] * count
    subscriptions[0].stop()
    assert subscriptions[0].is_quiet


async def test_it_is_not_quiet_before_its_run_follows_a_stream(world: World) -> None:
    subscription = (await offered(world)).subscription
    made = type(subscription)(
        world.pipeline.groups, subscription.lease, subscription.operation, subscription.outlet
    )
    assert not made.is_quiet
    made.start()
    assert not made.is_quiet
    made.stop()
