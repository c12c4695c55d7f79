"""The parts of asyncio that are meant for other implementations of tasks and futures, and are used here by ours.

https://docs.python.org/3/library/asyncio-extending.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

enter_task, leave_task = asyncio._enter_task, asyncio._leave_task
"""Make a task the current one, and end that. No other may be the current one."""


class _Begun(asyncio.Task[Any]):
    __slots__ = ("_made_of",)


class LateTask(asyncio.Task[Any]):
    """A task that begins when anything of it is asked for, and becomes a plain task then.

    Work that may end in its first step runs that step as this task (`call_as`). Code in it that asks for the current
    task gets a task like any other. If none does and the work ends, the task costs a tenth: asyncio has not registered
    it, and the event loop need not run it.
    """

    __slots__ = ("_made_of",)

    @classmethod
    def of(
        cls,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        coroutine: Callable[[], Coroutine[Any, Any, Any]],
    ) -> asyncio.Task[Any]:
        """Return a task that runs a coroutine in a context once it begins; one that has begun if the loop makes its own."""
        if loop.get_task_factory() is not None:
            return loop.create_task(_in_next_turn(coroutine), context=context)
        # Not initialised: asyncio.Task would register itself and schedule its first step.
        task = cls.__new__(cls)
        _put(task, (loop, context, coroutine))
        return task

    def __getattribute__(self, name: str) -> Any:
        if type(self) is LateTask:
            loop, context, coroutine = _get(self)
            _put(self, None)
            # Any attribute of it is now that of a plain task.
            self.__class__ = _Begun  # type: ignore[assignment]
            asyncio.Task.__init__(self, coroutine(), loop=loop, context=context)
        return object.__getattribute__(self, name)


async def _in_next_turn(coroutine: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    # asyncio.eager_task_factory would run the coroutine inside `of`, when its work has not had its first step.
    await asyncio.sleep(0)
    return await coroutine()


_parts: Any = LateTask.__dict__["_made_of"]
_get, _put = _parts.__get__, _parts.__set__


def has_begun(task: asyncio.Task[Any]) -> bool:
    """Tell whether a task is not, or not any more, a `LateTask`."""
    return type(task) is not LateTask


def call_as(
    loop: asyncio.AbstractEventLoop,
    task: asyncio.Task[Any],
    context: Context,
    function: Callable[..., T],
    *arguments: object,
) -> T:
    """Call a function as if this task ran it: the task is the current one, and the context variables are its own."""
    caller = asyncio.current_task(loop)
    if caller is not None:
        asyncio._leave_task(loop, caller)
    asyncio._enter_task(loop, task)
    try:
        return context.run(function, *arguments)
    finally:
        asyncio._leave_task(loop, task)
        if caller is not None:
            asyncio._enter_task(loop, caller)


def callbacks(future: asyncio.Future[Any]) -> list[Any]:
    """Return what is called when a future is done: tasks that wait for it are woken by such a callback."""
    return [each for each, _ in future._callbacks or ()]
