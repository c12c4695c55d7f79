"""A group of tasks ends when, and as, `asyncio.gather` of the same tasks would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from graphql.pyutils import gather_with_cancel

from watchword.execution.compiled.group import Group
from watchword.execution.compiled.waiting import Unfinished, complete

Wait = Callable[[list[Coroutine[Any, Any, Any]]], Awaitable[Any]]


async def by_group(works: list[Coroutine[Any, Any, Any]]) -> Any:
    group = Group()
    tasks = [group.begin(each) for each in works]
    await group
    return [each.result() for each in tasks]


async def by_gather(works: list[Coroutine[Any, Any, Any]]) -> Any:
    return await asyncio.gather(*works)


async def take(turns: int, log: list[str], name: str, outcome: Any = None) -> Any:
    log.append(f"begin {name}")
    try:
        for _ in range(turns):
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        log.append(f"cancelled {name}")
        if outcome == "resists":
            return name
        if outcome == "is slow":
            await end_slowly(log, name)
        raise
    finally:
        log.append(f"end {name}")
    if isinstance(outcome, BaseException):
        raise outcome
    return name


async def end_slowly(log: list[str], name: str) -> None:
    for _ in range(5):
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            log.append(f"cancelled {name} again")


async def seen(wait: Wait, outcomes: list[Any], cancelled_after: int | None) -> list[Any]:
    """Return what happens, turn by turn, when works of growing length have these outcomes."""
    log: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: log.append(repr(context.get("exception"))))
    works = [
        take(number + (9 if each == "is slow" else 1), log, str(number), each)
        for number, each in enumerate(outcomes)
    ]

    async def run() -> None:
        try:
            log.append(await wait(works))
        except BaseException as error:
            log.append(repr(error))

    task = asyncio.create_task(run())
    for turn in range(len(outcomes) + 12):
        log.append(turn)
        if turn == cancelled_after:
            log.append(task.cancel())
        await asyncio.sleep(0)
    assert task.done()
    return log


OUTCOMES: list[list[Any]] = [
    [None, None, None],
    [None],
    [None, ValueError("no"), None, ValueError("also")],
    [asyncio.CancelledError(), None],
    [None, "resists", None],
    ["resists", "resists"],
    [None, ValueError("last")],
]


@pytest.mark.parametrize("cancelled_after", [None, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("outcomes", OUTCOMES)
async def test_a_group_ends_as_gather_does(
    outcomes: list[Any], cancelled_after: int | None
) -> None:
    expected = await seen(by_gather, outcomes, cancelled_after)
    assert await seen(by_group, outcomes, cancelled_after) == expected


async def by_core(works: list[Coroutine[Any, Any, Any]]) -> Any:
    rows = [works[at : at + 2] for at in range(0, len(works), 2)]
    return await gather_with_cancel(*[gather_with_cancel(*each) for each in rows])


async def by_rows(works: list[Coroutine[Any, Any, Any]]) -> Any:
    rows = [works[at : at + 2] for at in range(0, len(works), 2)]
    made = [Unfinished([None, None], dict(enumerate(each))) for each in rows]
    return await complete([None] * len(rows), dict(enumerate(made)))


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("cancelled_after", [1, 2, 3, 4])
@pytest.mark.parametrize("outcomes", [[None] * 6, ["resists"] * 4])
async def test_cancelled_rows_end_as_tasks_of_their_own_would(
    outcomes: list[Any], cancelled_after: int
) -> None:
    expected = await seen(by_core, outcomes, cancelled_after)
    assert await seen(by_rows, outcomes, cancelled_after) == expected


@pytest.mark.parametrize("cancelled_after", range(4, 9))
async def test_parts_of_a_failing_row_are_cancelled_as_often(cancelled_after: int) -> None:
    outcomes = [ValueError("no"), "is slow", None, "is slow"]
    expected = await seen(by_core, outcomes, cancelled_after)
    assert await seen(by_rows, outcomes, cancelled_after) == expected


@pytest.mark.parametrize("fails", range(1, 6))
async def test_failed_rows_end_as_tasks_of_their_own_would(fails: int) -> None:
    outcomes = [ValueError("no") if number == fails else None for number in range(6)]
    expected = await seen(by_core, outcomes, None)
    assert await seen(by_rows, outcomes, None) == expected
