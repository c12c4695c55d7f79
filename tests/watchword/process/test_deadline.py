"""Work is cancelled after its time limit, and always ends cleanly."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from tests.support.clock import MovedClock, passed
from watchword.errors import TimedOut
from watchword.process.deadline import Watchdog, WorkCancelled, _still_ending, limited, within
from watchword.process.eager import Eager
from watchword.storage.database import undisturbed


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def nothing(value: int) -> int:
    return value


async def failing() -> int:
    raise ValueError("no")


async def test_what_is_in_time_is_returned_or_raised(clock: MovedClock) -> None:
    assert await within(clock, 1, nothing(7)) == 7
    with pytest.raises(ValueError, match="no"):
        await within(clock, 1, failing())


async def test_work_that_waits_for_nothing_costs_no_turn_of_the_loop_and_no_timer() -> None:
    clock, turns = MovedClock(), list[int]()
    asyncio.get_running_loop().call_soon(turns.append, 1)
    assert await within(clock, 1, nothing(7)) == 7
    assert turns == []
    assert clock.waiting == 0
    await turn()
    assert turns == [1]


async def test_all_steps_of_work_see_one_task_and_one_context() -> None:
    name, seen = ContextVar[str]("name", default="caller"), list[object]()

    async def work() -> str:
        seen.append(asyncio.current_task())
        name.set("work")
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        seen.append(asyncio.current_task())
        return name.get()

    assert await within(MovedClock(), 1, work()) == "work"
    assert seen[0] is seen[1] is not asyncio.current_task()
    assert name.get() == "caller"


async def test_a_callback_that_the_first_step_adds_to_its_task_is_called() -> None:
    called: list[object] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(called.append)

    await within(MovedClock(), 1, work())
    await turn()
    assert len(called) == 1


async def test_a_timeout_inside_the_work_ends_it_and_not_its_caller() -> None:
    async def work() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return "its own"
        return "none"

    assert await within(MovedClock(), 1, work()) == "its own"


async def test_work_that_cancels_itself_does_not_end_its_caller() -> None:
    async def cancels() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def stray() -> None:
        raise asyncio.CancelledError

    for work in (cancels, stray):
        with pytest.raises(WorkCancelled):
            await within(MovedClock(), 1, work())


async def test_what_takes_too_long_is_cancelled_and_says_so(clock: MovedClock) -> None:
    waiting = asyncio.create_task(within(clock, 5, passed(clock, 100)))
    await turn()
    clock.move(4.9)
    await turn()
    assert not waiting.done()
    clock.move(0.1)
    with pytest.raises(TimedOut, match="longer than 5 s"):
        await waiting
    await turn()
    assert not _still_ending


async def test_a_commit_goes_on_to_its_end_and_nobody_waits_for_it(clock: MovedClock) -> None:
    may, done = asyncio.Event(), asyncio.Event()

    async def commit() -> None:
        await may.wait()
        done.set()

    async def work() -> None:
        await undisturbed(commit())

    waiting = asyncio.create_task(within(clock, 5, work()))
    await turn()
    clock.move(5)
    with pytest.raises(TimedOut):
        await waiting
    assert len(_still_ending) == 1
    may.set()
    await turn()
    assert done.is_set()
    assert not _still_ending


@pytest.mark.parametrize("whole", [False, True])
async def test_a_caller_that_is_cancelled_waits_only_for_what_must_be_whole(
    whole: bool, clock: MovedClock
) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await passed(clock, 2)
            ended.append("whole")
        except asyncio.CancelledError:
            ended.append("cut")
            raise

    waiting = asyncio.create_task(within(clock, 5, work(), whole=whole))
    await turn()
    waiting.cancel()
    await turn()
    assert waiting.done() is not whole
    clock.move(2)
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    await turn()
    assert ended == ["whole" if whole else "cut"]


async def test_what_must_be_whole_holds_a_cancelled_caller_no_longer_than_its_time(
    clock: MovedClock,
) -> None:
    waiting = asyncio.create_task(within(clock, 5, passed(clock, 100), whole=True))
    await turn()
    waiting.cancel()
    await turn()
    assert not waiting.done()
    clock.move(5)
    await asyncio.wait({waiting})
    assert waiting.cancelled()


async def test_a_step_that_takes_too_long_is_cancelled_and_short_ones_are_not() -> None:
    clock = MovedClock()
    hanging = asyncio.Event()

    async def steps() -> bool:
        watchdog = Watchdog(clock, 5)
        for _ in range(3):
            watchdog.begin()
            clock.move(4)
            watchdog.end()
        # The time between steps is not limited.
        clock.move(100)
        assert clock.waiting == 0
        watchdog.begin()
        hanging.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return watchdog.has_cancelled
        return False

    task = asyncio.create_task(steps())
    await hanging.wait()
    clock.move(4.9)
    assert not task.cancelling()
    clock.move(0.1)
    assert await task


async def test_limited_work_is_cancelled_and_a_caller_that_is_cancelled_is_told_so() -> None:
    clock = MovedClock()

    async def ends() -> int:
        return 1

    assert await limited(clock, 5, ends()) == 1
    assert clock.waiting == 0
    late = asyncio.create_task(limited(clock, 5, asyncio.Event().wait()))
    await turn()
    clock.move(5)
    with pytest.raises(TimedOut):
        await late
    left = asyncio.create_task(limited(clock, 5, asyncio.Event().wait()))
    await turn()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    assert clock.waiting == 0
    stray = asyncio.get_running_loop().create_future()
    stray.cancel()
    with pytest.raises(WorkCancelled):
        await limited(clock, 5, stray)


async def test_work_is_done_where_the_loop_begins_tasks_at_once(clock: MovedClock) -> None:
    """As asyncio.eager_task_factory does (Python 3.12)."""

    def eagerly(loop: asyncio.AbstractEventLoop, steps: Any, **more: Any) -> asyncio.Task[Any]:
        begun = Eager(steps)
        return asyncio.Task(_rest(begun), loop=loop, **more)

    async def work() -> int:
        await asyncio.sleep(0)
        return 42

    loop = asyncio.get_running_loop()
    loop.set_task_factory(eagerly)
    try:
        assert await within(clock, 1, work()) == 42
        assert await within(clock, 1, nothing(7)) == 7
    finally:
        loop.set_task_factory(None)


async def _rest(begun: Eager[Any]) -> Any:
    return await begun
