"""A field's value that a future will have, as loaders return it. A row waits for it without a task.

graphql-core has a task for each such field, in which nothing runs until the future is done. Each step here is taken in
the turn of the event loop in which that task would take it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from watchword.libraries.asyncio_parts import callbacks, enter_task, leave_task
from watchword.process.deadline import begin

if TYPE_CHECKING:
    from watchword.execution.compiled.run import Run

Indexes = tuple[int, ...]
Future = asyncio.Future[Any]
Complete = Callable[[Future, "Run", Indexes], Any]
"""Returns the completed value of a future that is done, or an awaitable if something in it is not there yet."""
Wait = Callable[[Future, "Run", Indexes], Coroutine[Any, Any, Any]]
"""Returns a coroutine that waits for a future and completes its value."""


class Holder(Protocol):
    """What a promise is a part of."""

    loop: asyncio.AbstractEventLoop
    task: asyncio.Task[Any]
    """The current task of resolvers below the promise."""
    left: int
    """The number of parts that have not ended."""

    def fulfilled(self) -> None:
        """Note that the last part has ended, and well."""

    def broken(self, error: BaseException) -> None:
        """Note that a part has failed."""


class Pending:
    """Something that is not there yet. Awaiting it gives it."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.start().__await__()

    def start(self) -> Coroutine[Any, Any, Any]:
        """Return a coroutine that gives it."""
        raise NotImplementedError


PENDING = Pending, CoroutineType
# Classes of completed values.
SETTLED = frozenset({dict, list, str, int, float, bool, type(None)})
# The states of a promise.
WAITING, CANCELLED, GOING_ON, FULFILLED, BROKEN = range(5)


def started(awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    """Return the coroutine that something pending is, or that it begins."""
    return awaitable.start() if isinstance(awaitable, Pending) else awaitable  # type: ignore[return-value]


class Promise(Pending):
    """A future, and how its value is completed.

    As a part of a row, `cancel`, `done` and `result` are those of the task that it has not. Most promises never leave the
    state WAITING before they are FULFILLED, and have no other attributes than `value` then.
    """

    __slots__ = (
        *("_begun", "_complete", "_ending", "_error", "_indexes", "_run", "_state", "_task"),
        *("_wait", "future", "holder", "value"),
    )

    def __init__(
        self, future: Future, run: Run, indexes: Indexes, complete: Complete, wait: Wait
    ) -> None:
        """A row that the promise becomes a part of sets its `holder`, and calls `step`."""
        self.holder: Holder
        self.value: Any
        self.future = future
        self._run = run
        self._indexes = indexes
        self._complete = complete
        self._wait = wait
        self._state = WAITING

    def start(self) -> Coroutine[Any, Any, Any]:
        return self._wait(self.future, self._run, self._indexes)

    def step(self) -> None:
        """Wait for the future, as the first step of a task would."""
        if self._state == CANCELLED or self.future.done():
            self.wake(self.future)
        else:
            self.future.add_done_callback(self.wake)

    def done(self) -> bool:
        return self._state == FULFILLED or self._state == BROKEN

    def result(self) -> Any:
        """Return the completed value. Raises its error."""
        if self._state == BROKEN:
            raise self._error
        return self.value

    def cancel(self, msg: Any = None) -> bool:
        """End without the value. The future is cancelled too, as asyncio cancels what a cancelled task waits for."""
        if self.done():
            return False
        if self._state == GOING_ON:
            # The task may not have had its turn, and would then leave the work alone.
            begun = self._begun
            return begun.cancel_future() or begun.cancel_ahead() or self._task.cancel(msg)
        if self._state == WAITING:
            self._ending: Future | None = None
        self._state = CANCELLED
        if self.wake in callbacks(self.future):
            self.future.cancel()
        return True

    def ending(self) -> Future:
        """Return a future that is done when this has ended, well or not."""
        if self._state == GOING_ON:
            return self._task
        self._ending = ending = _Ending(loop=self.holder.loop)
        if self.done():
            ending.set_result(None)
        return ending

    def wake(self, future: Future) -> None:
        """Complete the value of the future, which is done."""
        if self._state == CANCELLED:
            self._fail(asyncio.CancelledError())
            return
        holder = self.holder
        loop, task = holder.loop, holder.task
        enter_task(loop, task)
        try:
            value = self._complete(future, self._run, self._indexes)
        except (Exception, asyncio.CancelledError) as error:
            self._fail(error)
            return
        finally:
            leave_task(loop, task)
        if type(value) in SETTLED or not isinstance(value, PENDING):
            self._fulfil(value)
        else:
            self._go_on(started(value))

    def _fulfil(self, value: Any) -> None:
        self.value = value
        self._state = FULFILLED
        self.holder.left -= 1
        if not self.holder.left:
            self.holder.fulfilled()

    def _go_on(self, work: Coroutine[Any, Any, Any]) -> None:
        """Wait for what is not there yet. The task would take the first step of that in this turn."""
        begun, task = begin(self._finish(work))
        if not begun.is_done:
            self._begun, self._task, self._state = begun, task, GOING_ON
            task.add_done_callback(self._ended)

    async def _finish(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            value = await work
        except (Exception, asyncio.CancelledError) as error:
            self._fail(error)
        else:
            self._fulfil(value)

    def _ended(self, _: asyncio.Task[Any]) -> None:
        if self._state == GOING_ON:  # it was cancelled before it went on
            self._fail(asyncio.CancelledError())

    def _fail(self, error: BaseException) -> None:
        ending = self._ending if self._state == CANCELLED else None
        self._error = error
        self._state = BROKEN
        if ending is not None:
            ending.set_result(None)
        self.holder.left -= 1
        self.holder.broken(error)


class _Ending(asyncio.Future[None]):
    """Done when a promise that was cancelled has ended. Cancelling it as well does not hasten that."""

    def cancel(self, msg: Any = None) -> bool:
        return not self.done()
