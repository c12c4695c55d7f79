"""A list of objects with fields that have tasks: does what a task for each object would do, without that task.

graphql-core has a task for each object, which waits for the tasks of its fields. No resolver runs in it. Each step
here is taken in the turn of the event loop in which that task would take it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from watchword.execution.compiled.group import Gathered, error_of
from watchword.execution.compiled.promise import Promise, started
from watchword.execution.compiled.refusal import Refusal

Work = Coroutine[Any, Any, Any]
Ended = asyncio.Task[Any] | Promise
Watcher = Callable[["Row"], object]


class Steps:
    """The first steps of parts, in their order, for a task that waits for their rows."""

    __slots__ = ("_first", "loop", "task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "a task waits for the rows"
        self.task = task
        self.loop = asyncio.get_running_loop()
        # The promises that take their first step together.
        self._first: list[Promise] | None = None

    def add(self, promise: Promise) -> None:
        """Let a promise take its step in the next turn, as a task would."""
        if self._first is None:
            self._first = []
            self.loop.call_soon(_step, self._first)
        self._first.append(promise)

    def begin(self, work: Work) -> asyncio.Task[Any]:
        """Begin a task."""
        self._first = None
        return self.loop.create_task(work)


def _step(promises: list[Promise]) -> None:
    for each in promises:
        each.step()


class Row:
    """One object, with the tasks or promises of its parts. `cancel`, `done` and `error` are those of the task that it has not.

    After a failure a task does the rest: `fails` makes its coroutine from the parts and the error. The task of an object
    would wait for a single part by itself, so such a row ends with its part, and `recover` takes its error.
    """

    __slots__ = (
        *("_failing", "_fails", "_finish", "_is_done", "_is_ready", "_is_single"),
        *("_must_cancel", "_recover", "_watchers", "error"),
        *("left", "loop", "result", "task", "tasks"),
    )

    def __init__(
        self,
        parts: list[Awaitable[Any]],
        finish: Callable[[Sequence[Ended]], Any],
        fails: Callable[[Sequence[Ended], BaseException], Work],
        recover: Callable[[Exception], Any],
        steps: Steps,
    ) -> None:
        """Begin the parts. `finish` returns the object when all are done."""
        self.loop, self.task = steps.loop, steps.task
        self._finish, self._fails, self._recover = finish, fails, recover
        self.left = len(parts)
        self._is_single = len(parts) == 1
        # All parts have ended well; the row ends in the next turn.
        self._is_ready = False
        self._is_done = False
        # The row was cancelled when no part could be any more.
        self._must_cancel = False
        self._failing: asyncio.Task[Any] | None = None
        self._watchers: list[Watcher] = []
        self.result: Any = None
        self.error: BaseException | None = None
        self.tasks: list[Ended] = []
        for part in parts:
            if type(part) is Refusal:
                part = part.promise()
            if type(part) is Promise:
                part.holder = self
                self.tasks.append(part)
                if self._is_single:
                    part.step()
                else:
                    steps.add(part)
            else:
                task = steps.begin(started(part))
                task.add_done_callback(self._ended)
                self.tasks.append(task)

    def fulfilled(self) -> None:
        """Note that a promise has ended well, in the turn before that in which the end of its task would be noted."""
        if self._failing is not None:
            return
        if self._is_single:
            self._wake()
        else:
            self.loop.call_soon(self._all_ended)

    def broken(self, error: BaseException) -> None:
        """Note that a promise has failed, in the same turn."""
        if not self._is_single:
            self.loop.call_soon(self._fail, error)
            return
        try:
            if not isinstance(error, Exception):
                raise error
            self.result = self._recover(error)
        except (Exception, asyncio.CancelledError) as raised:
            self.error = raised
        self._end()

    @property
    def done(self) -> bool:
        return self._is_done if self._failing is None else self._failing.done()

    def watch(self, watcher: Watcher) -> None:
        """Call a function in the turn after the one in which the row ends."""
        if self.done:
            self.loop.call_soon(watcher, self)
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
        self.left -= 1
        error = error_of(task)
        if error is not None:
            self._fail(error)
        elif not self.left and self._failing is None:
            self._all_ended()

    def _all_ended(self) -> None:
        # The last part may have ended well in the turn in which another one failed.
        if self._failing is None:
            self._is_ready = True
            self.loop.call_soon(self._wake)

    def _fail(self, error: BaseException) -> None:
        if self._failing is not None:
            return
        if self._must_cancel:
            error = asyncio.CancelledError()
        self._failing = self.loop.create_task(self._fails(self.tasks, error))
        self._failing.add_done_callback(self._failed)

    def _wake(self) -> None:
        if self._must_cancel:
            self.error = asyncio.CancelledError()
        else:
            self.result = self._finish(self.tasks)
        self._end()

    def _end(self) -> None:
        self._is_done = True
        for each in self._taken():
            self.loop.call_soon(each, self)

    def _failed(self, task: asyncio.Task[Any]) -> None:
        self.error = error_of(task)
        if self.error is None:
            self.result = task.result()
        for each in self._taken():
            each(self)

    def _taken(self) -> list[Watcher]:
        """Return the watchers, and let go of all that holds the row: only a collection of garbage could release a cycle."""
        watchers, self._watchers, self.tasks = self._watchers, [], []
        del self._finish, self._fails, self._recover
        return watchers


class Rows(Gathered):
    """Done when all rows are done, or one has failed."""

    def __init__(self, begin: list[Callable[[Steps], Row]]) -> None:
        """Begin the rows in the next turn, in which the tasks of rows would begin their parts."""
        super().__init__()
        self._steps = Steps()
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

    def _begin(self, begin: list[Callable[[Steps], Row]]) -> None:
        if self._is_cancelled:
            self.get_loop().call_soon(self.ended, asyncio.CancelledError())
            return
        self.begun = [each(self._steps) for each in begin]
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
