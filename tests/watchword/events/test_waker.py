"""Subscribers are woken in order, and no more of them at once than a few milliseconds allow."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.clock import MovedClock
from watchword.events.event import BEGINNING, Event
from watchword.events.mailbox import Mailbox
from watchword.events.waker import FEWEST, FIRST, MOST, SLICE_SECONDS, Waker

MANY = 10 * MOST


class Crowd:
    """Subscribers that wait at mailboxes of their own. Each takes `seconds` when it is woken."""

    def __init__(self, size: int, seconds: float) -> None:
        self.clock = MovedClock(0)
        self.seconds = seconds
        self.taken: list[tuple[int, int]] = []
        self.turns = [0]
        waker = Waker(self.clock.now)
        self.mailboxes = [Mailbox(None, BEGINNING, 10, None, waker.wake_soon) for _ in range(size)]
        self.tasks = [asyncio.create_task(self.wait(number)) for number in range(size)]

    async def wait(self, number: int) -> None:
        await self.mailboxes[number].wait()
        self.clock.move(self.seconds)
        self.turns[-1] += 1
        while event := self.mailboxes[number].take():
            self.taken.append((number, event.position))

    def put(self, position: int) -> None:
        for mailbox in self.mailboxes:
            mailbox.put(Event("toys", "bear", "made", position=position))

    async def end(self) -> None:
        """Wait until all were woken; `turns` has their number in each turn of the event loop."""
        while not all(task.done() for task in self.tasks):
            await asyncio.sleep(0)
            self.turns.append(0)
        self.turns = [turn for turn in self.turns if turn]


async def crowd(size: int, seconds: float = 0) -> Crowd:
    made = Crowd(size, seconds)
    await asyncio.sleep(0)
    return made


async def test_subscribers_are_woken_in_order() -> None:
    many = await crowd(3 * FIRST)
    many.put(1)
    await many.end()
    assert many.taken == [(number, 1) for number in range(3 * FIRST)]


async def test_other_tasks_get_a_turn_after_the_first_of_many() -> None:
    many = await crowd(MANY)
    many.put(1)
    await many.end()
    assert many.turns[0] == FIRST
    assert sum(many.turns) == MANY


@pytest.mark.parametrize(
    ("each", "number"),
    [(0, MOST), (SLICE_SECONDS, FEWEST), (SLICE_SECONDS / 100, 64), (SLICE_SECONDS / 40, 32)],
)
async def test_as_many_are_woken_together_as_a_slice_allows(each: float, number: int) -> None:
    many = await crowd(MANY, each)
    many.put(1)
    await many.end()
    assert many.turns[10] == number


async def test_a_subscriber_whose_turn_comes_late_finds_all_events_at_once() -> None:
    many = await crowd(FIRST + 1)
    many.put(1)
    many.put(2)
    await many.end()
    assert many.taken == [(number, at) for number in range(FIRST + 1) for at in (1, 2)]


async def test_one_that_has_left_is_passed_over() -> None:
    many = await crowd(3)
    many.put(1)
    many.tasks[1].cancel()
    await many.end()
    assert [number for number, _ in many.taken] == [0, 2]
