"""A refusal is made when, and in the order in which, a task would make it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from graphql.pyutils import gather_with_cancel

from watchword.execution.compiled.promise import Future, Promise
from watchword.execution.compiled.refusal import Refusal
from watchword.execution.compiled.waiting import Unfinished, complete, note

RUN: Any = None
PLACE: Any = None


class Denied:
    """A denial that notes its places. It fails at `fails_at`."""

    run = RUN

    def __init__(self, fails_at: tuple[int, ...] | None = None) -> None:
        self.is_told = False
        self.log: list[Any] = []
        self._fails_at = fails_at

    @property
    def made(self) -> Future:
        made = asyncio.get_running_loop().create_future()
        made.set_result(None)
        return made

    def settle(self, _place: Any, indexes: tuple[int, ...]) -> Any:
        self.log.append(indexes)
        if indexes == self._fails_at:
            raise ValueError(indexes)
        return "none"


Make = Callable[[Denied, tuple[int, ...]], Any]


def refusal(denied: Denied, indexes: tuple[int, ...]) -> Any:
    return Refusal(denied, PLACE, indexes)


def promise(denied: Denied, indexes: tuple[int, ...]) -> Any:
    return Refusal(denied, PLACE, indexes).promise()


async def by_rows(denied: Denied, sizes: list[int], make: Make) -> Any:
    """Complete rows, each of so many denied fields."""
    items = None
    for number, size in enumerate(sizes):
        parts = None
        for key in range(size):
            parts = note(parts, key, make(denied, (number, key)))
        assert parts is not None
        items = note(items, number, Unfinished(dict.fromkeys(range(size)), parts))
    assert items is not None
    return await complete([None] * len(sizes), items)


async def by_tasks(denied: Denied, sizes: list[int]) -> Any:
    """Do what graphql-core does, with a task for each row, and for each of several fields."""

    async def field(indexes: tuple[int, ...]) -> Any:
        return denied.settle(PLACE, indexes)

    async def row(number: int, size: int) -> Any:
        if size == 1:
            return {0: await field((number, 0))}
        return dict(enumerate(await gather_with_cancel(*(field((number, k)) for k in range(size)))))

    return [*await gather_with_cancel(*(row(*each) for each in enumerate(sizes)))]


async def in_turns(denied: Denied, work: Awaitable[Any]) -> tuple[Any, list[Any]]:
    """Return the result, and what happened by turns of the event loop."""
    task, log = asyncio.ensure_future(work), denied.log
    while not task.done():
        await asyncio.sleep(0)
        log.append("turn")
    return task.exception() or task.result(), log


@pytest.mark.parametrize("sizes", [[1, 1, 1], [2, 2, 2], [3, 2], [1, 2, 1], [2, 1]])
@pytest.mark.parametrize("make", [refusal, promise])
async def test_rows_of_refusals_take_the_turns_of_tasks(sizes: list[int], make: Make) -> None:
    mine, theirs = Denied(), Denied()
    made, log = await in_turns(mine, by_rows(mine, sizes, make))
    assert (made, log) == await in_turns(theirs, by_tasks(theirs, sizes))
    assert made == [dict.fromkeys(range(size), "none") for size in sizes]


@pytest.mark.parametrize(("sizes", "at"), [([1, 1, 1], (1, 0)), ([2, 2, 2], (1, 1))])
async def test_an_error_that_is_raised_comes_when_that_of_a_task_would(
    sizes: list[int], at: tuple[int, ...]
) -> None:
    mine, theirs = Denied(at), Denied(at)
    made, log = await in_turns(mine, by_rows(mine, sizes, promise))
    expected, other = await in_turns(theirs, by_tasks(theirs, sizes))
    assert (repr(made), log) == (repr(expected), other)


async def test_what_one_error_has_told_is_not_refused_again() -> None:
    denied = Denied()
    denied.is_told = True
    assert await by_rows(denied, [1, 1], refusal) == [{0: None}] * 2
    assert not denied.log


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancelled_list_refuses_nothing_more(turns: int) -> None:
    denied = Denied()
    task = asyncio.ensure_future(by_rows(denied, [2, 2], refusal))
    for _ in range(turns):
        await asyncio.sleep(0)
    noted = [*denied.log]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert denied.log == noted


async def test_a_refusal_beside_what_waits_has_no_task() -> None:
    denied, loop = Denied(), asyncio.get_running_loop()
    future: Future = loop.create_future()
    loop.call_soon(future.set_result, 1)

    def finish(done: Future, _run: Any, _indexes: tuple[int, ...]) -> Any:
        return done.result()

    kept: Any = Promise(future, RUN, (), finish, None)  # type: ignore[arg-type]
    rows = [note(note(None, "a", refusal(denied, (n,))), "b", kept) for n in range(1)]
    rows.append(note(None, "a", refusal(denied, (1,))))
    before = asyncio.all_tasks()
    waiting = note(None, 0, Unfinished({}, rows[0]))
    note(waiting, 1, Unfinished({}, rows[1]))
    assert await complete([None, None], waiting) == [{"a": "none", "b": 1}, {"a": "none"}]
    assert asyncio.all_tasks() == before
