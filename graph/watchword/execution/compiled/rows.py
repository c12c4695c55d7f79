"""A list of objects with fields that have tasks: does what a task for each object would do, without that task.

graphql-core has a task for each object, which waits for the tasks of its fields. No resolver runs in it. Each step
here is taken in the turn of the event loop in which that task would take it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from watchword.execution.compiled.group import Gathered, error_of

Work = Coroutine[Any, Any, Any]
Watcher = Callable[["Row"], object]


class Row:
    """One object, with the tasks of its parts. `cancel`, `done` and `error` are those of the task that it has not.

    After a failure a task does the rest: `fail` makes its coroutine from the tasks of the parts and the error.
    """

    __slots__ = (
        *("_failing", "_fails", "_finish", "_is_done", "_is_ready", "_left"),
        *("_loop", "_must_cancel", "_watchers", "error", "result", "tasks"),
    )

    def __init__(
        self,
        works: list[Work],
        finish: Callable[[list[asyncio.Task[Any]]], Any],
        fails: Callable[[list[asyncio.Task[Any]], BaseException], Work],
    ) -> None:
        """Begin the works. `finish` returns the object when all are done."""
        self._loop = asyncio.get_running_loop()
        self._finish, self._fails = finish, fails
        self._left = len(works)
        # All parts have ended well; the row ends in the next turn.
        self._is_ready = False
        self._is_done = False
        # The row was cancelled when no part could be any more.
        self._must_cancel = False
        self._failing: asyncio.Task[Any] | None = None
        self._watchers: list[Watcher] = []
        self.result: Any = None
        self.error: BaseException | None = None
        self.tasks = [self._loop.create_task(each) for each in works]
        for task in self.tasks:
            task.add_done_callback(self._ended)

    @property
    def done(self) -> bool:
        return self._is_done if self._failing is None else self._failing.done()

    def watch(self, watcher: Watcher) -> None:
        """Call a function in the turn after the one in which the row ends."""
        if self.done:
            self._loop.call_soon(watcher, self)
        else:
            self._watchers.append(watcher)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel what the row waits for, as `Task.cancel` does."""
        if self.done:
            return False
        if self._failing is not None:
            return self._failing.cancel(msg)
        told = [] if self._is_ready else [task.cancel(msg) for task in self.tasks]
        self._must_cancel = self._must_cancel or not any(told)
        return True

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._left -= 1
        error = error_of(task)
        if self._failing is not None or (error is None and self._left):
            return
        if error is None:
            self._is_ready = True
            self._loop.call_soon(self._wake)
            return
        if self._must_cancel:
            error = asyncio.CancelledError()
        self._failing = self._loop.create_task(self._fails(self.tasks, error))
        self._failing.add_done_callback(self._failed)

    def _wake(self) -> None:
        self._is_done = True
        if self._must_cancel:
            self.error = asyncio.CancelledError()
        else:
            self.result = self._finish(self.tasks)
        for each in self._watchers:
            self._loop.call_soon(each, self)

    def _failed(self, task: asyncio.Task[Any]) -> None:
        self.error = error_of(task)
        if self.error is None:
            self.result = task.result()
        for each in self._watchers:
            each(self)


class Rows(Gathered):
    """Done when all rows are done, or one has failed."""

    def __init__(self, begin: list[Callable[[], Row]]) -> None:
        """Begin the rows in the next turn, in which the tasks of rows would begin their parts."""
        super().__init__()
        self.begun: list[Row] = []
        self.left = len(begin)
        asyncio.get_running_loop().call_soon(self._begin, begin)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel all rows. Returns False if all have ended."""
        if self.begun or self.done():
            return self.cancel_each(self.begun, msg)
        self._is_cancelled = True
        return True

    async def settle(self) -> None:
        """Cancel all rows, and wait until all have ended."""
        for row in self.begun:
            row.cancel()
        await _Ends(self.begun)

    def _begin(self, begin: list[Callable[[], Row]]) -> None:
        if self._is_cancelled:
            self.get_loop().call_soon(self.ended, asyncio.CancelledError())
            return
        self.begun = [each() for each in begin]
        for row in self.begun:
            row.watch(self._over)

    def _over(self, row: Row) -> None:
        self.ended(row.error)


class _Ends(Gathered):
    """Done when all rows have ended, well or not."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__()
        self.left = len(rows)
        self._rows = rows
        for each in rows:
            each.watch(self._over)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel all rows again. Returns False if all have ended."""
        return self.cancel_each(self._rows, msg)

    def _over(self, _: Row) -> None:
        self.ended(None)
