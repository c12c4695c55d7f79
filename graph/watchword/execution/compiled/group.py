"""Waits for several tasks, as `asyncio.gather` does with less work for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol


class Cancellable(Protocol):
    """A task, or what stands for one."""

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it. Returns False if it has ended."""


class Gathered(asyncio.Future[None]):
    """A future that is done when `left` others are, or one of them has failed."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.left = 0
        self._is_cancelled = False

    def ended(self, error: BaseException | None) -> None:
        """Note that one of them has ended."""
        self.left -= 1
        if (error is None and self.left) or self.done():
            return
        if error is None and self._is_cancelled:
            error = asyncio.CancelledError()
        if error is None:
            self.set_result(None)
        else:
            self.set_exception(error)

    def cancel_each(self, others: Sequence[Cancellable], msg: Any) -> bool:
        """Cancel the others. Returns False if all have ended."""
        if self.done():
            return False
        # Every one must be cancelled, also after the first that could be.
        told = [each.cancel(msg) for each in others]
        self._is_cancelled = self._is_cancelled or any(told)
        return any(told)


class Group(Gathered):
    """Done when all tasks are done, or one has failed. Cancelling it cancels the tasks.

    It is done after as many turns of the event loop as `asyncio.gather` is.
    """

    def __init__(self, works: Sequence[Coroutine[Any, Any, Any]]) -> None:
        """Begin a task for each of the works."""
        super().__init__()
        create = asyncio.get_running_loop().create_task
        self.left = len(works)
        self.tasks = [create(each) for each in works]
        for task in self.tasks:
            task.add_done_callback(self._ended)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel all tasks. Returns False if all have ended."""
        return self.cancel_each(self.tasks, msg)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.ended(error_of(task))


def error_of(task: asyncio.Task[Any]) -> BaseException | None:
    """Return the error of a task that has ended. asyncio logs an error that nobody takes."""
    try:
        return task.exception()
    except asyncio.CancelledError as cancelled:
        return cancelled
