"""Waits for several tasks, as `asyncio.gather` does with less work for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Group(asyncio.Future[None]):
    """Done when all tasks are done, or one has failed. Cancelling it cancels the tasks.

    It is done after as many turns of the event loop as `asyncio.gather` is.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(loop=loop)
        self.left = 0
        self._create = loop.create_task
        self._tasks: list[asyncio.Task[Any]] = []
        self._is_cancelled = False

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin a task that is waited for, and return it."""
        task = self._create(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        self.left += 1
        return task

    def cancel(self, msg: Any = None) -> bool:
        """Cancel all tasks. Returns False if all have ended."""
        if self.done():
            return False
        # Every task must be cancelled, also after the first one that could be.
        told = [task.cancel(msg) for task in self.cancelled_with()]
        self._is_cancelled = self._is_cancelled or any(told)
        return any(told)

    def cancelled_with(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that are cancelled with the group."""
        return self._tasks

    def failed(self, task: asyncio.Task[Any], error: BaseException) -> None:
        """Called when a task has failed or was cancelled, unless the group is done."""
        self.set_exception(error)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.left -= 1
        error: BaseException | None
        try:
            # A task whose error nobody takes is logged.
            error = task.exception()
        except asyncio.CancelledError as cancelled:
            error = cancelled
        if (error is None and self.left) or self.done():
            return
        if error is not None:
            self.failed(task, error)
        elif self._is_cancelled:
            self.set_exception(asyncio.CancelledError())
        else:
            self.set_result(None)
