"""A future is promised if it belongs to the running loop; anything else is awaited. Functions are written once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from watchword.execution.compiled.promise import Promise
from watchword.execution.compiled.text.later import Later

RUN: Any = None
SITE: Any = None
written: list[str] = []


async def wait(awaitable: Any, *_: Any) -> Any:
    return "waited", await awaitable


def complete(future: Any, *_: Any) -> Any:
    return "completed", future.result()


def later(is_possible: bool = True) -> Later:
    written.clear()

    def write_wait() -> Any:
        written.append("wait")
        return wait

    def write_complete() -> Any:
        written.append("complete")
        return complete if is_possible else None

    return Later(SITE, write_wait, write_complete)


async def some() -> int:
    return 1


async def test_futures_are_promised_and_coroutines_are_awaited() -> None:
    made = later()
    task = asyncio.ensure_future(some())
    assert type(made(task, RUN, ())) is Promise
    assert type(made(task, RUN, ())) is Promise
    assert written == ["complete"]
    assert await made(some(), RUN, ()) == ("waited", 1)
    assert await made(some(), RUN, ()) == ("waited", 1)
    assert written == ["complete", "wait"]
    await task


async def test_a_future_whose_completion_cannot_be_written_is_awaited() -> None:
    made = later(is_possible=False)
    for _ in range(2):
        assert await made(asyncio.ensure_future(some()), RUN, ()) == ("waited", 1)
    assert written == ["complete", "wait"]


async def test_a_future_of_another_loop_is_refused_when_it_is_awaited() -> None:
    other = asyncio.new_event_loop()
    try:
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            await asyncio.create_task(later()(other.create_future(), RUN, ()))
    finally:
        other.close()
