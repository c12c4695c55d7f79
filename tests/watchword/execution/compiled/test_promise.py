"""A promise ends when, and as, a task that waits for the same future would."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from graphql.pyutils import gather_with_cancel

from watchword.execution.compiled.promise import Promise
from watchword.execution.compiled.waiting import Unfinished, complete, note

Futures = list[asyncio.Future[Any]]
Wait = Callable[[Futures, list[Any]], Awaitable[Any]]
RUN: Any = None
NEVER = 99


def finish(log: list[Any], future: asyncio.Future[Any], _run: Any, indexes: tuple[int, ...]) -> Any:
    """Complete a value. The values "waits" and "yields" are not there yet."""
    value = future.result()
    log.append(f"complete {indexes[0]}")
    return later(log, indexes[0], value) if value in ("waits", "yields") else value


async def later(log: list[Any], number: int, how: str) -> Any:
    log.append(f"begin {number}")
    try:
        if how == "yields":
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        else:
            await in_two_turns()
    finally:
        log.append(f"end {number}")
    return how


def in_two_turns() -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not future.done():
            future.set_result(None)

    loop.call_soon(loop.call_soon, end)
    return future


async def plainly(
    log: list[Any], future: asyncio.Future[Any], run: Any, indexes: tuple[int, ...]
) -> Any:
    await future
    value = finish(log, future, run, indexes)
    return await value if asyncio.iscoroutine(value) else value


async def by_core(width: int, futures: Futures, log: list[Any]) -> Any:
    works = [plainly(log, future, RUN, (number,)) for number, future in enumerate(futures)]
    rows = [works[at : at + width] for at in range(0, len(works), width)]

    async def one(works: list[Any]) -> Any:
        return [await works[0]]

    return await gather_with_cancel(
        *[one(each) if width == 1 else gather_with_cancel(*each) for each in rows]
    )


async def by_promises(width: int, futures: Futures, log: list[Any]) -> Any:
    completes, waits = partial(finish, log), partial(plainly, log)
    made = [
        Promise(future, RUN, (number,), completes, waits) for number, future in enumerate(futures)
    ]
    rows = [made[at : at + width] for at in range(0, len(made), width)]
    parts = [Unfinished([None] * width, dict(enumerate(each))) for each in rows]
    return await complete([None] * len(parts), dict(enumerate(parts)))


async def seen(
    wait: Wait, outcomes: list[tuple[int, Any]], cancelled_after: int | None = None
) -> list[Any]:
    """Return what happens, turn by turn, when futures get these values in these turns."""
    log: list[Any] = []
    loop = asyncio.get_running_loop()
    futures: Futures = [loop.create_future() for _ in outcomes]

    async def run() -> None:
        try:
            log.append(await wait(futures, log))
        except BaseException as error:
            log.append(repr(error))

    task = asyncio.create_task(run())
    for turn in range(20):
        log.append(turn)
        if turn == cancelled_after:
            log.append(task.cancel())
        for future, (at, value) in zip(futures, outcomes, strict=True):
            if at == turn and not future.done():
                if isinstance(value, BaseException):
                    future.set_exception(value)
                else:
                    future.set_result(value)
        await asyncio.sleep(0)
    assert task.done()
    log.append([future.cancelled() for future in futures])
    # What was made here is young; collecting everything takes seconds in a long run of tests.
    gc.collect(1)
    return log


OUTCOMES: list[list[tuple[int, Any]]] = [
    [(0, "a"), (0, "b"), (0, "c"), (0, "d")],
    [(4, "a"), (4, "b"), (4, "c"), (4, "d")],
    [(2, "a"), (5, "b"), (3, "c"), (0, "d")],
    [(4, "a"), (4, ValueError("no")), (4, "c"), (6, "d")],
    [(NEVER, "a"), (4, ValueError("no")), (4, "waits"), (NEVER, "d")],
    [(4, "waits"), (4, ValueError("no")), (4, "waits"), (5, ValueError("also"))],
]


NESTED: list[list[tuple[int, Any]]] = [
    [(4, "waits"), (4, "b"), (5, "waits"), (4, "waits")],
    [(NEVER, "a"), (4, ValueError("no")), (4, "waits"), (NEVER, "d")],
    [(4, "waits"), (4, ValueError("no")), (4, "waits"), (5, ValueError("also"))],
    [(4, "yields"), (4, "b"), (5, "yields"), (4, "waits")],
]


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("outcomes", [*OUTCOMES, *NESTED])
async def test_rows_of_promises_end_as_rows_of_tasks_would(
    outcomes: list[tuple[int, Any]], width: int
) -> None:
    expected = await seen(partial(by_core, width), outcomes)
    assert await seen(partial(by_promises, width), outcomes) == expected


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("cancelled_after", range(1, 11))
@pytest.mark.parametrize("outcomes", OUTCOMES)
async def test_cancelled_rows_of_promises_end_as_rows_of_tasks_would(
    outcomes: list[tuple[int, Any]], cancelled_after: int, width: int
) -> None:
    expected = await seen(partial(by_core, width), outcomes, cancelled_after)
    assert await seen(partial(by_promises, width), outcomes, cancelled_after) == expected


def by_turns(log: list[Any]) -> list[list[str]]:
    """Return what happened in each turn, in no order."""
    turns: list[list[str]] = [[]]
    for entry in log:
        if type(entry) is int:
            turns.append([])
        else:
            turns[-1].append(repr(entry))
    return [sorted(each) for each in turns]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("cancelled_after", range(1, 11))
@pytest.mark.parametrize("outcomes", NESTED)
async def test_values_below_cancelled_promises_end_in_the_turns_in_which_tasks_would(
    outcomes: list[tuple[int, Any]], cancelled_after: int, width: int
) -> None:
    """A value that is cancelled in the turn after its first step ends a step of the event loop early."""
    expected = await seen(partial(by_core, width), outcomes, cancelled_after)
    found = await seen(partial(by_promises, width), outcomes, cancelled_after)
    assert by_turns(found) == by_turns(expected)


def promised(future: asyncio.Future[Any], complete: Any = None) -> Promise:
    return Promise(future, RUN, (0,), complete or partial(finish, []), partial(plainly, []))


def rows(*parts: list[Promise]) -> Any:
    made = [Unfinished([None] * len(each), dict(enumerate(each))) for each in parts]
    return complete([None] * len(made), dict(enumerate(made)))


async def test_a_part_that_fails_in_the_turn_in_which_the_last_one_ends_is_the_only_error() -> None:
    loop, others = asyncio.get_running_loop(), list[Any]()
    loop.set_exception_handler(lambda _loop, context: others.append(context))
    failing, last, never = (loop.create_future() for _ in range(3))
    waiting = asyncio.create_task(
        rows([promised(failing), promised(last)], [promised(never), promised(never)])
    )
    for _ in range(3):
        await asyncio.sleep(0)
    failing.set_exception(ValueError("no"))
    last.set_result(1)
    with pytest.raises(ValueError, match="no"):
        await waiting
    for _ in range(3):
        await asyncio.sleep(0)
    assert others == []


async def test_promises_need_no_tasks() -> None:
    future = asyncio.get_running_loop().create_future()
    before = len(asyncio.all_tasks())
    waiting = asyncio.create_task(rows([promised(future)] * 3, [promised(future)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before + 1
    future.set_result(1)
    assert await waiting == [[1, 1, 1], [1]]


async def test_code_below_a_promise_runs_in_the_task_that_waits_for_it() -> None:
    tasks: list[Any] = []

    def look(future: asyncio.Future[Any], *_: Any) -> Any:
        tasks.append(asyncio.current_task())
        return future.result()

    future = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(rows([promised(future, look)] * 2, [promised(future, look)]))
    await asyncio.sleep(0)
    future.set_result(1)
    await waiting
    assert tasks == [waiting] * 3


async def test_a_cancelled_promise_cancels_its_future_as_a_cancelled_task_does() -> None:
    first, second = [asyncio.get_running_loop().create_future() for _ in range(2)]
    other = asyncio.create_task(rows([promised(first), promised(first)], [promised(first)]))
    waiting = asyncio.create_task(rows([promised(first), promised(second)], [promised(second)]))
    for _ in range(3):
        await asyncio.sleep(0)
    waiting.cancel()
    for each in (waiting, other):
        with pytest.raises(asyncio.CancelledError):
            await each
    assert first.cancelled()
    assert second.cancelled()


async def test_a_promise_that_is_cancelled_in_its_turn_ends_what_its_value_waits_for() -> None:
    """The rest of the value has had its first step, and its task has had none."""
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    future = asyncio.get_running_loop().create_future()
    made = promised(future, lambda *_: wait())
    waiting = asyncio.create_task(rows([made, promised(future)], [promised(future)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    future.add_done_callback(lambda _: waiting.cancel())
    future.set_result(1)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()


async def test_a_promise_can_be_awaited_alone() -> None:
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    assert await promised(future) == 1
    assert await complete({}, note(note(None, "a", promised(future)), "b", promised(future))) == {
        "a": 1,
        "b": 1,
    }
