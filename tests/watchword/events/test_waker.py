"""Subscribers are woken in order, and no more of them at once than a few milliseconds allow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.support.clock import MovedClock
from watchword.events.event import BEGINNING, Event
from watchword.events.mailbox import Mailbox
from watchword.events.waker import (
    FEWEST,
    FIRST,
    MOST,
    REST,
    REST_SECONDS,
    SHORT_SECONDS,
    SLICE_SECONDS,
    Waker,
    rest_after,
)

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

    async def wait_again(self) -> None:
        """Let all wait, after all were woken."""
        self.tasks = [
            asyncio.create_task(self.wait(number)) for number in range(len(self.mailboxes))
        ]
        await asyncio.sleep(0)

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


Callback = Callable[[], object]


@pytest.fixture
async def rests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Callback]]:
    """What was asked to be called back, and after how many seconds. Nothing is."""
    asked: list[tuple[float, Callback]] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_later", lambda seconds, back: asked.append((seconds, back)))
    return asked


async def test_what_happens_in_the_rest_after_a_long_delivery_is_handled_together(
    rests: list[tuple[float, Callback]],
) -> None:
    many = await crowd(2, 2 * SHORT_SECONDS)
    many.put(1)
    await many.end()
    await many.wait_again()
    many.put(2)
    for _ in range(10):
        await asyncio.sleep(0)
    assert many.taken == [(0, 1), (1, 1)]
    many.put(3)
    [(seconds, go_on)] = rests
    assert seconds == REST * 4 * SHORT_SECONDS
    go_on()
    await many.end()
    assert many.taken[2:] == [(0, 2), (0, 3), (1, 2), (1, 3)]


async def test_there_is_no_rest_after_a_short_delivery(rests: list[tuple[float, Callback]]) -> None:
    many = await crowd(2, SHORT_SECONDS / 3)
    for position in (1, 2):
        many.put(position)
        await many.end()
        await many.wait_again()
    assert many.taken == [(0, 1), (1, 1), (0, 2), (1, 2)]
    assert rests == []


@pytest.mark.parametrize(
    ("took", "rest"),
    [
        (-1, 0),
        (SHORT_SECONDS, 0),
        (3 * SHORT_SECONDS, REST * 3 * SHORT_SECONDS),
        (100 * REST_SECONDS, REST_SECONDS),
    ],
)
def test_a_rest_is_three_times_as_long_as_the_delivery_and_never_longer_than_its_limit(
    took: float, rest: float
) -> None:
    assert rest_after(took) == rest
