"""Rows take each step in the turn of the event loop in which tasks of their own would take it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import pytest
from graphql.pyutils import gather_with_cancel

from tests.watchword.execution.compiled.test_group import seen, take
from watchword.execution.compiled.waiting import Unfinished, complete
from watchword.process.clock import SystemClock
from watchword.process.deadline import within


async def by_core(works: list[Coroutine[Any, Any, Any]]) -> Any:
    rows = [works[at : at + 2] for at in range(0, len(works), 2)]
    return await gather_with_cancel(*[gather_with_cancel(*each) for each in rows])


async def by_rows(works: list[Coroutine[Any, Any, Any]]) -> Any:
    rows = [works[at : at + 2] for at in range(0, len(works), 2)]
    made = [Unfinished([None, None], dict(enumerate(each))) for each in rows]
    return await complete([None] * len(rows), dict(enumerate(made)))


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("cancelled_after", [1, 2, 3, 4, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("outcomes", [[None] * 6, ["resists"] * 4])
async def test_cancelled_rows_end_as_tasks_of_their_own_would(
    outcomes: list[Any], cancelled_after: int
) -> None:
    expected = await seen(by_core, outcomes, cancelled_after)
    assert await seen(by_rows, outcomes, cancelled_after) == expected
    # Neither begins what is cancelled before its turn.
    # What was made here is young; collecting everything takes seconds in a long run of tests.
    gc.collect(1)


@pytest.mark.parametrize("cancelled_after", range(4, 9))
async def test_parts_of_a_failing_row_are_cancelled_as_often(cancelled_after: int) -> None:
    outcomes = [ValueError("no"), "is slow", None, "is slow"]
    expected = await seen(by_core, outcomes, cancelled_after)
    assert await seen(by_rows, outcomes, cancelled_after) == expected


@pytest.mark.parametrize("fails", range(6))
async def test_failed_rows_end_as_tasks_of_their_own_would(fails: int) -> None:
    outcomes = [ValueError("no") if number == fails else None for number in range(6)]
    expected = await seen(by_core, outcomes, None)
    assert await seen(by_rows, outcomes, None) == expected


async def test_rows_that_are_whole_end_as_tasks_of_their_own_would() -> None:
    expected = await seen(by_core, [None] * 6, None)
    assert await seen(by_rows, [None] * 6, None) == expected
    assert [["0", "1"], ["2", "3"], ["4", "5"]] in expected


async def test_rows_begin_at_once_when_the_first_step_is_taken_for_their_task() -> None:
    orders = []
    for wait in (by_core, by_rows):
        log: list[str] = []
        works = [take(1, log, str(number)) for number in range(4)]
        asyncio.get_running_loop().call_soon(log.append, "before")
        begun = asyncio.ensure_future(within(SystemClock(), 10, wait(works)))
        await asyncio.sleep(0)
        for turn in range(8):
            log.append(str(turn))
            await asyncio.sleep(0)
        await begun
        orders.append(log)
    assert orders[0] == orders[1]
