"""A group of tasks ends when, and as, `asyncio.gather` of the same tasks would."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from watchword.execution.compiled.group import Group

Wait = Callable[[list[Coroutine[Any, Any, Any]]], Awaitable[Any]]


async def by_group(works: list[Coroutine[Any, Any, Any]]) -> Any:
    group = Group(works)
    await group
    return [each.result() for each in group.tasks]


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
