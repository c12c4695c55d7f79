"""Idle subscriptions with the same key are grouped, and no others."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.toy_server import until
from tests.watchword.delivery.world import (
    CHILD,
    PERSONAL,
    QUERY,
    SCRIPTED,
    Subscriber,
    World,
)
from watchword.delivery import groups
from watchword.delivery.group import Group
from watchword.delivery.groups import Groups
from watchword.delivery.member import GroupKey, Member
from watchword.delivery.states import Alone, Grouped, Offered
from watchword.errors import Ending
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


async def arrive_before_a_group_opens(
    count: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Subscriber], Group]:
    """Let so many wait for a group, which opens when its `_open` is called."""
    held: list[Group] = []
    with monkeypatch.context() as before:
        before.setattr(Group, "_open", lambda group: held.append(group))
        members = [await world.arrive(QUERY) for _ in range(count)]
        await until(lambda: bool(held))
    await until(lambda: isinstance(members[-1].subscription.state, Offered))
    return members, held[0]


async def test_many_that_wait_for_a_group_join_a_few_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOVED_AT_ONCE", 3)
    members, group = await arrive_before_a_group_opens(10, world, monkeypatch)
    members[8].lease.end(Ending.REVOKED)
    world.change("narrow", members[9])
    group._open()
    sizes = [group.size]
    while group.size < 8:
        await asyncio.sleep(0)
        if group.size != sizes[-1]:
            sizes.append(group.size)
    assert sizes == [3, 6, 8]
    await until(lambda: isinstance(members[9].subscription.state, Offered))
    await world.happen()
    await world.settle()
    world.check()


@pytest.mark.parametrize("turns", [0, 1])
async def test_those_that_still_wait_when_their_group_ends_form_another(
    turns: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOVED_AT_ONCE", 2)
    members, group = await arrive_before_a_group_opens(6, world, monkeypatch)
    group._open()
    for _ in range(turns):
        await asyncio.sleep(0)
    for member in members[:2]:
        member.lease.end(Ending.REVOKED)
    await world.happen()
    await until(lambda: world.pipeline.groups.sizes == [4])
    await world.settle()
    world.check()


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


async def test_a_subscription_whose_run_cannot_be_shared_is_offered_again_after_the_pause(
    world: World, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer, offered = Groups.offer, list[Member]()

    def counted(self: Groups, member: Member) -> GroupKey | None:
        offered.append(member)
        return offer(self, member)

    members = await world.arrive_together(2, PERSONAL)
    await world.happen("secret1")
    await world.settle()
    await until(lambda: all(each.subscription._apart_until for each in members))
    monkeypatch.setattr(Groups, "offer", counted)
    for number in range(3):
        await world.happen(f"secret{number}")
        await world.settle()
    assert offered == []
    for each in members:
        each.lease.renew(replace(each.lease.principal, expires_at=clock.now() + LONGEST_PAUSE * 9))
    clock.move(LONGEST_PAUSE)
    await world.happen("plain")
    await until(lambda: set(offered) == {each.subscription for each in members})


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
