"""Idle subscriptions with the same key are grouped, and no others."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.toy_server import until
from tests.watchword.delivery.world import CHILD, PERSONAL, QUERY, SCRIPTED, World
from watchword.delivery.states import Alone, Grouped, Offered
from watchword.execution.troubles import LONGEST_PAUSE


async def test_one_subscription_waits_and_the_second_makes_a_group(world: World) -> None:
    first = await world.arrive(QUERY)
    await until(lambda: isinstance(first.subscription.state, Offered))
    assert world.pipeline.groups.sizes == []
    second = await world.arrive(QUERY)
    await until(lambda: world.pipeline.groups.sizes == [2])
    assert isinstance(first.subscription.state, Grouped)
    assert isinstance(second.subscription.state, Grouped)


async def test_a_subscription_that_waits_for_a_group_is_forgotten_when_it_stops(
    world: World,
) -> None:
    first = await world.arrive(QUERY)
    await until(lambda: isinstance(first.subscription.state, Offered))
    first.subscription.stop()
    second = await world.arrive(QUERY)
    await until(lambda: isinstance(second.subscription.state, Offered))
    assert world.pipeline.groups.sizes == []


async def test_other_documents_and_other_grants_make_other_groups(world: World) -> None:
    await world.arrive_together(2, QUERY)
    await world.arrive(SCRIPTED)
    narrowed = await world.arrive(QUERY)
    await until(lambda: world.pipeline.groups.sizes == [3])
    narrowed.lease.narrow(replace(narrowed.lease.principal, grants=CHILD))
    await until(lambda: isinstance(narrowed.subscription.state, Offered))
    assert world.pipeline.groups.sizes == [2]


async def test_subscriptions_that_follow_other_keys_are_not_grouped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribers = []
    for key in ("a", "b", "a", "b"):
        # The resolver looks the key up, so nothing else in the requests differs.
        monkeypatch.setattr(toy_schema, "looked_up", [key])
        subscribers.append(await world.arrive("subscription { looked }"))
    for key in ("a", "b", "b", "a", "b"):
        await world.happen(key)
    lines = [["a"] * 2, ["b"] * 3, ["a"] * 2, ["b"] * 3]
    await until(lambda: [each.values for each in subscribers] == lines)


async def test_a_group_that_failed_is_formed_again_after_a_pause(
    world: World, clock: MovedClock
) -> None:
    members = await world.arrive_together(3, PERSONAL)
    await world.happen("secret1")
    await world.settle()
    await world.happen("plain2")
    await world.settle()
    assert world.pipeline.groups.sizes == []
    assert {type(member.subscription.state) for member in members} == {Alone}
    for member in members:
        member.lease.renew(replace(member.lease.principal, expires_at=math.inf))
    clock.move(LONGEST_PAUSE)
    await world.happen("plain3")
    await until(lambda: world.pipeline.groups.sizes == [3])
    await world.settle()
    world.check()
