"""A group's one run serves all members: each receives what its own run would have sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.settled import settled
from tests.support.toy_server import until
from tests.watchword.delivery.world import LIMITS, PERSONAL, QUERY, SCRIPTED, World
from watchword.context import Context
from watchword.delivery import group
from watchword.delivery.group import SLICE_SECONDS
from watchword.delivery.run import Sent
from watchword.errors import Ending
from watchword.execution.response import Answer
from watchword.execution.source import Source


async def test_a_member_that_joins_ahead_of_the_run_is_not_sent_what_it_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    answer = Source.answer

    async def held(self: Source, event: object, context: Context) -> Answer:
        await gate.wait()
        return await settled(answer(self, event, context))

    members = await world.arrive_together(2, QUERY)
    monkeypatch.setattr(Source, "answer", held)
    await world.happen("plain1")
    late = await world.arrive(QUERY)
    await until(lambda: world.pipeline.groups.sizes == [3])
    gate.set()
    await world.happen("plain2")
    await world.settle()
    assert [len(each.seen) for each in (*members, late)] == [2, 2, 1]
    world.check()


async def test_a_run_that_follows_another_key_takes_no_members_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LookedUp:
        """Changes after two subscribers have looked, and before their group does."""

        keys = ["a", "a"]

        def __getitem__(self, _index: int) -> str:
            return self.keys.pop() if self.keys else "b"

    monkeypatch.setattr(toy_schema, "looked_up", LookedUp())
    both = [await world.arrive("subscription { looked }") for _ in range(2)]
    for _ in range(3):
        await world.happen("b")
        await world.happen("a")
    await until(lambda: [each.values for each in both] == [["a"] * 3] * 2)


@pytest.mark.parametrize("seconds", [0.0, 0.0004, 0.002, 0.03])
async def test_an_answer_holds_the_event_loop_no_longer_than_a_slice_however_slow_its_writes_are(
    seconds: float, clock: MovedClock, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "LOOK_EVERY", 5)
    members, turns = await world.arrive_together(60, QUERY), list[float]()
    for member in members:
        write = member.outlet.next

        def slow(answer: Sent, write: Callable[[Sent], None] = write) -> None:
            clock.move(seconds)
            write(answer)

        monkeypatch.setattr(member.outlet, "next", slow)

    async def look() -> None:
        while not members[-1].seen:
            turns.append(clock.now())
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    began = clock.now()
    await world.happen("plain1")
    await until(lambda: all(len(each.seen) == 1 for each in members))
    await looking
    held = [after - before for before, after in pairwise([began, *turns, clock.now()])]
    assert max(held) <= SLICE_SECONDS + 5 * seconds + 1e-6
    if seconds == 0.0004:
        # As many writes as fit into a slice are made in one.
        assert max(held) >= SLICE_SECONDS - 1e-6


async def test_other_tasks_run_while_an_answer_is_sent_to_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "LOOK_EVERY", 2)
    monkeypatch.setattr(group, "SLICE_SECONDS", 0)
    members = await world.arrive_together(7, QUERY)
    counts: list[int] = []
    leaver, regranted = members[5], members[6]

    async def look() -> None:
        while (count := sum(len(member.seen) for member in members)) < 6:
            if count == 2:
                # While the answer is being sent, one member leaves and one gets other grants.
                leaver.subscription.stop()
                world.change("narrow", regranted)
            counts.append(count)
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await world.happen("plain1")
    await looking
    await world.happen("plain2")
    await until(lambda: [len(each.seen) for each in members] == [2, 2, 2, 2, 2, 0, 2])
    assert {2, 4} <= set(counts)
    assert regranted.seen == members[0].seen
    assert leaver.seen == []


async def test_a_client_that_does_not_read_delays_no_other_and_loses_nothing(
    world: World, clock: MovedClock
) -> None:
    slow, *others = await world.arrive_together(3, QUERY)
    slow.outlet.stick()
    for _ in range(5):
        await world.happen()
    await until(lambda: [len(each.seen) for each in others] == [5, 5])
    # With a run of its own, it is sent no more until it reads, and then all that it lacks.
    world.change("narrow", slow)
    for _ in range(5):
        await world.happen()
    await until(lambda: [len(each.seen) for each in others] == [10, 10])
    assert len(slow.seen) == 6
    slow.outlet.read()
    await world.settle()
    world.check()
    slow.outlet.stick()
    await world.happen()
    await until(lambda: [len(each.seen) for each in others] == [11, 11])
    clock.move(1.5 * LIMITS.seconds)
    assert slow.lease.ending is Ending.SLOW
    assert others[0].lease.ending is others[1].lease.ending is None


async def test_the_timeout_of_a_field_is_its_error_and_the_group_continues(world: World) -> None:
    members = await world.arrive_together(
        2, 'subscription { mine(ask: "elsewhere") { key owner } }'
    )
    for _ in range(2):
        await world.happen()
    await world.settle()
    assert world.pipeline.groups.sizes == [2]
    answers = [answer for member in members for answer in member.outlet.seen]
    assert {answer["errors"][0]["extensions"]["code"] for answer in answers} == {"INTERNAL"}
    assert {answer["data"]["mine"]["owner"] for answer in answers} == {None}


async def test_a_field_that_reads_a_context_variable_of_the_request_ends_the_group(
    world: World,
) -> None:
    members = await world.arrive_together(2, 'subscription { mine(ask: "unset") { key owner } }')
    await world.happen()
    await world.settle()
    assert world.pipeline.groups.sizes == []
    owners = [value["owner"] for member in members for value in member.values]
    assert owners == [member.name for member in members]


async def test_a_resolver_that_asks_for_an_identity_is_run_for_each_member(world: World) -> None:
    members = await world.arrive_together(3, PERSONAL)
    await world.happen("plain1")
    await until(lambda: [len(member.seen) for member in members] == [1, 1, 1])
    assert world.pipeline.groups.sizes == [3]
    await world.happen("secret2")
    await world.settle()
    assert world.pipeline.groups.sizes == []
    assert [member.values[1]["owner"] for member in members] == [each.name for each in members]
    world.check()


@pytest.mark.parametrize(
    ("key", "answers", "codes"),
    [("ends1", 2, []), ("fails1", 2, ["NOT_FOUND"]), ("crashes1", 1, ["INTERNAL"])],
)
async def test_members_end_as_the_resolver_does(
    key: str, answers: int, codes: list[str], world: World
) -> None:
    members = await world.arrive_together(3, SCRIPTED)
    await world.happen(key)
    await until(lambda: all(member.outlet.is_complete for member in members))
    assert [member.codes for member in members] == [codes] * 3
    assert [len(member.seen) for member in members] == [answers] * 3
    await until(lambda: world.pipeline.groups.sizes == [])


async def test_a_group_without_members_gives_its_run_back(world: World) -> None:
    hub = world.pipeline.services.hub
    # The follower of revocations has a mailbox of its own, and opens it in the background.
    await until(lambda: hub.size == 1)
    members = await world.arrive_together(2, QUERY)
    await until(lambda: hub.size == 2)
    for member in members:
        member.subscription.stop()
    assert world.pipeline.groups.sizes == []
    await until(lambda: hub.size == 1)
