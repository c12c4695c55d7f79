"""A group sends the answers to events that wait in one write to each member, and loses and repeats none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.settled import settled
from tests.support.toy_server import until
from tests.watchword.delivery.world import PERSONAL, QUERY, SCRIPTED, Subscriber, World
from watchword.context import Context
from watchword.delivery import group, ready
from watchword.delivery.run import Batch
from watchword.errors import Ending
from watchword.execution.response import Answer
from watchword.execution.source import Source

Hold = Callable[[], Awaitable[None]]


def hold_answers(monkeypatch: pytest.MonkeyPatch, hold: Hold) -> None:
    """Let each execution wait for `hold` first."""
    answer = Source.answer

    async def held(self: Source, event: object, context: Context) -> Answer:
        await hold()
        return await settled(answer(self, event, context))

    monkeypatch.setattr(Source, "answer", held)


def writes(member: Subscriber, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the number of answers of each write to a member will be added."""
    sizes: list[int] = []
    write = member.outlet.next_batch

    def noted(batch: Batch) -> None:
        sizes.append(len(batch.answers))
        write(batch)

    monkeypatch.setattr(member.outlet, "next_batch", noted)
    return sizes


async def test_the_answers_to_events_that_wait_are_written_together_and_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    members = await world.arrive_together(3, QUERY)
    sizes = [writes(member, monkeypatch) for member in members]
    hold_answers(monkeypatch, lambda: _pass(gate))
    for number in range(4):
        await world.happen(f"plain{number}")
    gate.set()
    await world.settle()
    await world.happen("plain4")
    await world.settle()
    assert sizes == [[4, 1]] * 3
    world.check()


async def test_the_answers_of_a_run_of_its_own_to_events_that_wait_are_written_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    member = await world.arrive(PERSONAL)
    sizes = writes(member, monkeypatch)
    hold_answers(monkeypatch, lambda: _pass(gate))
    for number in range(4):
        await world.happen(f"plain{number}")
    gate.set()
    await world.settle()
    await world.happen("plain4")
    await world.settle()
    assert sizes == [4]
    assert member.seen == [f"plain{number}" for number in range(5)]
    world.check()


async def test_an_answer_of_a_run_of_its_own_does_not_wait_for_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    coming = iter(gates)
    member = await world.arrive(PERSONAL)
    hold_answers(monkeypatch, lambda: _pass(next(coming)))
    await world.happen("plain1")
    await world.happen("plain2")
    gates[0].set()
    await until(lambda: member.seen == ["plain1"])
    gates[1].set()
    await world.settle()
    world.check()


async def test_events_that_happen_while_a_group_rests_are_written_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, rests = asyncio.Event(), list[float]()
    members = await world.arrive_together(3, QUERY)
    sizes = [writes(member, monkeypatch) for member in members]
    write = members[0].outlet.next_batch

    def write_slowly(batch: Batch) -> None:
        world.clock.move(0.25)
        write(batch)

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await gate.wait()

    monkeypatch.setattr(members[0].outlet, "next_batch", write_slowly)
    monkeypatch.setattr(group, "_rest", rest)
    await world.happen("plain1")
    await until(lambda: bool(rests))
    await world.happen("plain2")
    await world.happen("plain3")
    gate.set()
    await world.settle()
    assert sizes == [[1, 2]] * 3
    assert rests[0] == pytest.approx(0.25)
    world.check()


@pytest.mark.parametrize(("name", "most"), [("MOST_TOGETHER", 2), ("LONGEST_TOGETHER", 1)])
async def test_a_write_has_a_limit(
    name: str, most: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    monkeypatch.setattr(ready, name, most)
    [member, _] = await world.arrive_together(2, QUERY)
    sizes = writes(member, monkeypatch)
    hold_answers(monkeypatch, lambda: _pass(gate))
    for number in range(4):
        await world.happen(f"plain{number}")
    gate.set()
    await world.settle()
    assert sizes == [most] * (4 // most)
    world.check()


async def test_other_tasks_get_a_turn_while_many_answers_are_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, clock = asyncio.Event(), world.clock
    [member, _] = await world.arrive_together(2, QUERY)
    sizes = writes(member, monkeypatch)

    async def slow() -> None:
        await gate.wait()
        clock.move(2 * group.SLICE_SECONDS)

    hold_answers(monkeypatch, slow)
    for number in range(4):
        await world.happen(f"plain{number}")
    gate.set()
    await world.settle()
    assert sizes == [2, 2]
    world.check()


async def test_an_answer_does_not_wait_for_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    coming = iter(gates)
    members = await world.arrive_together(2, QUERY)
    hold_answers(monkeypatch, lambda: _pass(next(coming)))
    await world.happen("plain1")
    await world.happen("plain2")
    gates[0].set()
    await until(lambda: [member.seen for member in members] == [["plain1"]] * 2)
    gates[1].set()
    await world.settle()
    world.check()


async def test_a_token_that_ends_between_two_events_gets_neither_that_is_not_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "LOOK_EVERY", 1)
    gate = asyncio.Event()
    first, ended, narrowed = await world.arrive_together(3, QUERY)
    write = first.outlet.next_batch

    def end(batch: Batch) -> None:
        write(batch)
        ended.lease.end(Ending.REVOKED)
        world.change("narrow", narrowed)

    monkeypatch.setattr(first.outlet, "next_batch", end)
    sizes = writes(narrowed, monkeypatch)
    hold_answers(monkeypatch, lambda: _pass(gate))
    await world.happen("plain1")
    await world.happen("plain2")
    gate.set()
    await world.settle()
    assert first.seen == narrowed.seen == ["plain1", "plain2"]
    # One write of a run of its own, with its new grants.
    assert (ended.seen, sizes) == ([], [2])
    world.check()


async def test_a_member_that_has_some_of_the_answers_is_sent_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    members = await world.arrive_together(2, QUERY)
    hold_answers(monkeypatch, lambda: _pass(gate))
    await world.happen("plain1")
    late = await world.arrive(QUERY)
    await until(lambda: world.pipeline.groups.sizes == [3])
    sizes = writes(late, monkeypatch)
    await world.happen("plain2")
    await world.happen("plain3")
    gate.set()
    await world.settle()
    assert late.seen == ["plain2", "plain3"]
    assert sizes == [2]
    assert [member.seen for member in members] == [["plain1", "plain2", "plain3"]] * 2
    world.check()


async def test_a_member_that_joins_while_answers_are_written_gets_the_next_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "LOOK_EVERY", 1)
    monkeypatch.setattr(group, "SLICE_SECONDS", 0)
    gate = asyncio.Event()
    members = await world.arrive_together(30, QUERY)
    joining: list[asyncio.Task[Subscriber]] = []
    write = members[0].outlet.next_batch

    def join(batch: Batch) -> None:
        write(batch)
        if not joining:
            joining.append(asyncio.create_task(world.arrive(QUERY)))

    monkeypatch.setattr(members[0].outlet, "next_batch", join)
    hold_answers(monkeypatch, lambda: _pass(gate))
    await world.happen("plain1")
    await world.happen("plain2")
    gate.set()
    await until(lambda: bool(joining))
    late = await joining[0]
    await world.happen("plain3")
    await world.settle()
    assert late.seen == ["plain3"]
    world.check()


async def test_answers_before_one_that_asks_for_an_identity_are_sent_to_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    members = await world.arrive_together(3, PERSONAL)
    sizes = [writes(member, monkeypatch) for member in members]
    hold_answers(monkeypatch, lambda: _pass(gate))
    for key in ("plain1", "plain2", "secret3", "plain4"):
        await world.happen(key)
    gate.set()
    await world.settle()
    # The resolver asks before the answer to the event before is sent, so that one is also made for each member.
    assert sizes == [[1, 3]] * 3
    world.check()


async def test_a_member_that_leaves_before_an_answer_that_is_not_shared_has_it_made_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    first, leaver, _ = await world.arrive_together(3, PERSONAL)
    write = first.outlet.next_batch

    def regrant_soon(batch: Batch) -> None:
        write(batch)
        # After the answers were written, and before the group looks at the one that asked for an identity.
        asyncio.get_running_loop().call_soon(world.change, "narrow", leaver)

    monkeypatch.setattr(first.outlet, "next_batch", regrant_soon)
    hold_answers(monkeypatch, lambda: _pass(gate))
    for key in ("plain1", "plain2", "secret3"):
        await world.happen(key)
    gate.set()
    await world.settle()
    assert leaver.seen == ["plain1", "plain2", "secret3"]
    world.check()


@pytest.mark.parametrize("key", ["ends3", "fails3", "crashes3", "thrice3"])
async def test_answers_before_the_end_of_the_resolver_are_sent(
    key: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    members = await world.arrive_together(2, SCRIPTED)
    hold_answers(monkeypatch, lambda: _pass(gate))
    for each in ("plain1", "plain2", key):
        await world.happen(each)
    gate.set()
    await world.settle()
    assert [member.seen for member in members] == [member.expected for member in members]
    world.check()


@pytest.mark.parametrize("is_writing", [False, True])
async def test_a_group_that_all_leave_while_it_makes_an_answer_gives_its_run_back(
    is_writing: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    coming = iter(gates)
    hub = world.pipeline.services.hub
    # The follower of revocations has a mailbox of its own, and opens it in the background.
    await until(lambda: hub.size == 1)
    members = await world.arrive_together(2, QUERY)
    await until(lambda: hub.size == 2)
    hold_answers(monkeypatch, lambda: _pass(next(coming)))
    await world.happen("plain1")
    await world.happen("plain2")
    write = members[1].outlet.next_batch

    def stop() -> None:
        for member in members:
            member.subscription.stop()

    def write_and_stop(batch: Batch) -> None:
        write(batch)
        if is_writing:
            stop()

    monkeypatch.setattr(members[1].outlet, "next_batch", write_and_stop)
    [left] = world.pipeline.groups._groups.values()
    gates[0].set()
    await until(lambda: all(member.seen for member in members))
    stop()
    await asyncio.wait({left._task})
    assert left._task.cancelled()
    await until(lambda: hub.size == 1)
    assert [member.seen for member in members] == [["plain1"]] * 2


async def _pass(gate: asyncio.Event) -> None:
    await gate.wait()
