"""Rounds are made one after the other, and no more after the end."""

from __future__ import annotations

import asyncio

import pytest

from graph.rounds import Rounds
from tests.support.clock import MovedClock
from tests.support.toy_server import until


class Counted(Rounds):
    """Counts its rounds; each takes until it is let go."""

    def __init__(self, clock: MovedClock) -> None:
        super().__init__(clock, 10)
        self.begun = 0
        self.may_end = asyncio.Event()

    async def turn(self) -> None:
        self.begun += 1
        await self.may_end.wait()


class Failing(Rounds):
    """Fails in each of its rounds."""

    async def turn(self) -> None:
        raise ValueError("unforeseen")


async def test_the_next_begins_so_long_after_the_end_of_the_one_before(clock: MovedClock) -> None:
    rounds = Counted(clock)
    rounds.open()
    clock.move(9)
    assert rounds._task is None
    clock.move(1)
    await until(lambda: rounds.begun == 1)
    clock.move(100)
    assert rounds.begun == 1
    rounds.may_end.set()
    assert rounds._task is not None
    await rounds._task
    clock.move(10)
    await until(lambda: rounds.begun == 2)
    await rounds.close()


async def test_one_that_fails_is_told_and_is_not_the_last(
    clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    rounds = Failing(clock, 10)
    rounds.open()
    for made in (1, 2):
        clock.move(10)
        await until(lambda made=made: len(caplog.records) == made)  # type: ignore[misc]
        assert rounds._task is not None
        await rounds._task
    assert caplog.records[0].getMessage() == "a round of Failing came to nothing"
    await rounds.close()


async def test_after_the_end_there_is_none(clock: MovedClock) -> None:
    rounds = Counted(clock)
    rounds.open()
    clock.move(10)
    await until(lambda: rounds.begun == 1)
    await rounds.close()
    clock.move(100)
    assert rounds.begun == 1
    assert rounds._task is not None
    assert rounds._task.cancelled()
