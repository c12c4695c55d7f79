"""Eager work runs to its first wait at once, in its caller's task, and ends when it is cancelled."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from watchword.process.eager import Eager, in_task


async def test_work_that_does_not_wait_is_done_at_once() -> None:
    async def work() -> str:
        return "result"

    ahead = Eager(work())
    assert ahead.is_done
    assert ahead.has_result
    assert await ahead == "result"


async def test_work_that_waits_continues_when_it_is_awaited_in_the_same_task() -> None:
    gate, seen = asyncio.Event(), list[object]()

    async def work() -> str:
        seen.append(asyncio.current_task())
        await gate.wait()
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())
        return "result"

    ahead = Eager(work())
    assert len(seen) == 1
    # Other things may be awaited in between, and its own wait may end meanwhile.
    asyncio.get_running_loop().call_soon(gate.set)
    await asyncio.to_thread(lambda: None)
    assert not ahead.is_done
    assert await ahead == "result"
    assert seen == [asyncio.current_task()] * 2


async def test_work_catches_up_with_a_turn_that_its_task_has_missed() -> None:
    seen: list[str] = []

    async def work(awaited: asyncio.Future[None] | None) -> None:
        await (asyncio.sleep(0) if awaited is None else awaited)
        seen.append("resumed")

    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    yielded, waited = Eager(work(None)), Eager(work(future))
    waited.catch_up()
    assert not seen
    future.set_result(None)
    for each in (yielded, waited):
        each.catch_up()
        each.catch_up()
        assert each.is_done
    assert seen == ["resumed"] * 2


@pytest.mark.parametrize("goes_on", [False, True])
async def test_work_that_is_cancelled_before_it_catches_up_learns_it_then(goes_on: bool) -> None:
    seen: list[str] = []

    async def work() -> str:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            seen.append("cancelled")
            if not goes_on:
                raise
        return "went on"

    ahead = Eager(work())
    assert ahead.cancel_ahead()
    assert not seen
    ahead.catch_up()
    assert seen == ["cancelled"]
    assert not ahead.cancel_ahead()
    if goes_on:
        assert await ahead == "went on"
    else:
        with pytest.raises(asyncio.CancelledError):
            await ahead


async def test_an_error_is_raised_when_it_is_awaited() -> None:
    async def work() -> None:
        raise KeyError("key")

    ahead = Eager(work())
    assert ahead.is_done
    assert not ahead.has_result
    with pytest.raises(KeyError):
        await ahead


async def test_a_timeout_around_several_events_holds() -> None:
    async def events() -> AsyncIterator[int]:
        try:
            async with asyncio.timeout(0):
                yield 1
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            yield 2

    found = events()
    assert [await Eager(anext(found)) for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("is_awaited", [False, True])
async def test_cancelled_work_cleans_up_before_cancel_returns(is_awaited: bool) -> None:
    seen = list[str]()

    async def events() -> AsyncIterator[int]:
        try:
            await asyncio.get_running_loop().create_future()
            yield 1
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned")

    found = events()
    ahead = Eager(anext(found))

    async def owner() -> None:
        try:
            if is_awaited:
                await ahead
        finally:
            await ahead.cancel()
            await found.aclose()  # type: ignore[attr-defined]

    task = asyncio.create_task(owner())
    if is_awaited:
        await asyncio.to_thread(lambda: None)
        task.cancel()
    await asyncio.wait({task})
    assert seen == ["cleaned"]


async def test_the_future_that_it_waits_for_is_cancelled_with_it() -> None:
    inner = asyncio.ensure_future(asyncio.Event().wait())
    await Eager(asyncio.gather(inner)).cancel()
    assert inner.cancelled()


async def test_a_cancellation_of_its_task_is_not_lost_while_it_cleans_up() -> None:
    reached, after = asyncio.Event(), list[str]()

    async def stubborn() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            reached.set()
            await asyncio.Event().wait()

    async def owner() -> None:
        await Eager(stubborn()).cancel()
        after.append("went on")

    task = asyncio.create_task(owner())
    await reached.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert after == []


async def test_code_that_runs_in_no_task_can_ask_for_one() -> None:
    tasks: list[object] = []

    async def work() -> None:
        tasks.append(asyncio.current_task())
        await in_task()
        tasks.append(asyncio.current_task())

    begun: list[Eager[None]] = []
    asyncio.get_running_loop().call_soon(lambda: begun.append(Eager(work())))
    await asyncio.sleep(0)
    await begun[0]
    assert tasks == [None, asyncio.current_task()]
    # In a task there is nothing to wait for.
    assert Eager(work()).is_done


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_an_error_that_was_raised_holds_nothing_of_the_work(is_cancelled: bool) -> None:
    class Held:
        pass

    async def work(held: Held) -> None:
        if is_cancelled:
            await asyncio.get_running_loop().create_future()
        raise ValueError(held)

    async def caller() -> weakref.ref[Held]:
        held = Held()
        left = weakref.ref(held)
        begun = Eager(work(held))
        del held
        with suppress(ValueError, asyncio.CancelledError):
            await begun
        return left

    gc.disable()
    try:
        task = asyncio.create_task(caller())
        await asyncio.sleep(0)
        task.cancel()
        assert (await task)() is None
    finally:
        gc.enable()
