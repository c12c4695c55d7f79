"""The parts of asyncio that are meant for other implementations of tasks, and are used here by ours.

https://docs.python.org/3/library/asyncio-extending.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import TypeVar

T = TypeVar("T")


def call_as(
    task: asyncio.Task[object], context: Context, function: Callable[..., T], *arguments: object
) -> T:
    """Call a function as if this task ran it: the task is the current one, and the context variables are its own."""
    loop = task.get_loop()
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
