"""A function can be called as another task, with that task's context variables."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar, copy_context

import pytest

from watchword.libraries.asyncio_parts import call_as

name: ContextVar[str] = ContextVar("name", default="caller")


async def test_what_is_called_sees_the_other_task_and_its_context() -> None:
    context, me = copy_context(), asyncio.current_task()
    context.run(name.set, "other")
    task = asyncio.get_running_loop().create_task(asyncio.sleep(0), context=context)
    seen = call_as(task, context, lambda: (asyncio.current_task(), name.get()))
    assert seen == (task, "other")
    assert (asyncio.current_task(), name.get()) == (me, "caller")
    await task


async def test_the_caller_is_the_current_task_again_after_an_error_too() -> None:
    def fail() -> None:
        raise KeyError

    me, task = asyncio.current_task(), asyncio.create_task(asyncio.sleep(0))
    with pytest.raises(KeyError):
        call_as(task, copy_context(), fail)
    assert asyncio.current_task() is me
    await task


async def test_it_can_be_called_outside_of_a_task() -> None:
    seen = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(asyncio.sleep(0))
    asyncio.get_running_loop().call_soon(
        lambda: seen.set_result(call_as(task, copy_context(), asyncio.current_task))
    )
    assert await seen is task
