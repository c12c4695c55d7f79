"""A function can be called as another task, with that task's context variables, and a task can begin late."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from watchword.libraries.asyncio_parts import LateTask, call_as, callbacks, has_begun

name: ContextVar[str] = ContextVar("name", default="caller")


async def test_what_is_called_sees_the_other_task_and_its_context() -> None:
    context, me, loop = copy_context(), asyncio.current_task(), asyncio.get_running_loop()
    context.run(name.set, "other")
    task = loop.create_task(asyncio.sleep(0), context=context)
    seen = call_as(loop, task, context, lambda: (asyncio.current_task(), name.get()))
    assert seen == (task, "other")
    assert (asyncio.current_task(), name.get()) == (me, "caller")
    await task


async def test_the_caller_is_the_current_task_again_after_an_error_too() -> None:
    def fail() -> None:
        raise KeyError

    me, task = asyncio.current_task(), asyncio.create_task(asyncio.sleep(0))
    with pytest.raises(KeyError):
        call_as(asyncio.get_running_loop(), task, copy_context(), fail)
    assert asyncio.current_task() is me
    await task


async def test_it_can_be_called_outside_of_a_task() -> None:
    loop = asyncio.get_running_loop()
    seen, task = loop.create_future(), asyncio.create_task(asyncio.sleep(0))
    loop.call_soon(
        lambda: seen.set_result(call_as(loop, task, copy_context(), asyncio.current_task))
    )
    assert await seen is task


# A task that begins late.


async def seven() -> int:
    await asyncio.sleep(0)
    return 7


def late() -> asyncio.Task[Any]:
    return LateTask.of(asyncio.get_running_loop(), copy_context(), seven)


async def test_a_task_that_nobody_asks_for_never_begins() -> None:
    task = late()
    assert not has_begun(task)
    assert isinstance(task, asyncio.Task)
    assert {task: 1}[task] == 1
    gone = weakref.ref(task)
    del task
    gc.collect()
    assert gone() is None
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    "asks",
    [
        *(repr, asyncio.isfuture, lambda task: task.done(), lambda task: task.get_name()),
        *(
            lambda task: task.set_name("x"),
            lambda task: task.get_coro(),
            lambda task: task.get_loop(),
        ),
        *(lambda task: task.cancelling(), lambda task: task.add_done_callback(print.__class__)),
        *(lambda task: task.get_stack(), lambda task: task._state, lambda task: task._fut_waiter),
    ],
)
async def test_a_task_of_which_anything_is_asked_is_one_like_any_other(
    asks: Callable[[asyncio.Task[Any]], object],
) -> None:
    task = late()
    asks(task)
    assert has_begun(task)
    assert task in asyncio.all_tasks()
    assert not task.done()
    assert await task == 7
    assert task.done()


async def test_a_late_task_can_be_awaited_and_cancelled() -> None:
    assert [*await asyncio.gather(late(), late())] == [7, 7]
    task = late()
    assert task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_late_task_runs_in_its_context_and_a_group_or_timeout_can_be_entered_in_it() -> (
    None
):
    name.set("caller")
    context, loop = copy_context(), asyncio.get_running_loop()

    async def heard() -> str:
        return name.get()

    async def first() -> object:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            name.set("task")
            group.create_task(asyncio.sleep(0))
        return None

    task = LateTask.of(loop, context, heard)
    steps = first().__await__()
    call_as(loop, task, context, steps.send, None)
    assert has_begun(task)
    assert await task == "task"
    assert name.get() == "caller"
    steps.close()


async def test_a_loop_that_makes_its_own_tasks_makes_this_one_too() -> None:
    loop, made = asyncio.get_running_loop(), list[Any]()

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **more)

    loop.set_task_factory(factory)
    try:
        task = late()
        assert len(made) == 1
        assert has_begun(task)
        assert await task == 7
    finally:
        loop.set_task_factory(None)


async def test_what_waits_for_a_future_is_among_its_callbacks() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert callbacks(future) == []
    future.add_done_callback(print)
    task = asyncio.create_task(asyncio.wait_for(future, None))
    await asyncio.sleep(0)
    assert len(callbacks(future)) == 2
    assert callbacks(future)[0] is print
    future.remove_done_callback(print)
    future.set_result(None)
    assert callbacks(future) == []
    await task
