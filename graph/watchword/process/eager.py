"""An awaitable that runs its first step at once, before it is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from types import CoroutineType
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def in_task() -> None:
    """Return in a task: if this code runs as the first step of an `Eager` outside of any task, end that step."""
    if asyncio.current_task() is None:
        await asyncio.sleep(0)


class Eager(Generic[T]):
    """Runs the first step of an awaitable at once; awaiting it runs the others.

    So the caller sees whether the work is done without waiting, and needs no task for that. All steps run
    in the caller's task: a resolver may keep a timeout or a task group open from one event to the next, and
    must leave it in the task that entered it.
    """

    __slots__ = (
        *("_error", "_is_ahead", "_result", "_steps", "_waits_for"),
        *("has_result", "is_done"),
    )

    def __init__(self, work: Awaitable[T]) -> None:
        # A coroutine takes its steps itself; what `__await__` returns would take them for it.
        self._steps: Any = work if type(work) is CoroutineType else work.__await__()
        self._waits_for: Any = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._is_ahead = True
        self.is_done = False
        self.has_result = False
        """Whether the work is done and has raised nothing."""
        # As `_step`, without the call: each answer of each subscriber is made in here.
        try:
            self._waits_for = self._steps.send(None)
        except StopIteration as stop:
            self.is_done = self.has_result = True
            self._result = stop.value
        except BaseException as error:
            self.is_done, self._error = True, error

    def __await__(self) -> Generator[Any, Any, T]:
        while not self.is_done:
            try:
                answer = yield self._waits_for
            except BaseException as error:
                self._step(self._steps.throw, error)
            else:
                self._step(self._steps.send, answer)
        return self.result()

    def catch_up(self) -> None:
        """Take the next step if the work waits for nothing any more, or is cancelled. Call it in the turn after the first step."""
        self._is_ahead = False
        waits_for = self._waits_for
        if self.is_done:
            return
        if self._error is not None:
            cancelled, self._error = self._error, None
            self._step(self._steps.throw, cancelled)
        elif waits_for is None or _is_over(waits_for):
            self._step(self._steps.send, None)

    def result(self) -> T:
        """Return the result of work that is done, or raise its error, which can be raised once."""
        if self.has_result:
            return self._result  # type: ignore[no-any-return]
        error, self._error = self._error, None
        assert error is not None, "the error was not raised before"
        try:
            raise error
        finally:
            # The error's traceback has this frame: only a collection of garbage would find that they hold each other.
            del error

    async def cancel(self) -> None:
        """Cancel the work as a task is cancelled, and wait until it has ended. Ignores its errors."""
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        if not self.is_done and not self.cancel_future():
            self._step(self._steps.throw, asyncio.CancelledError())
        with suppress(BaseException):
            await self
        if task and task.cancelling() > before:
            # The caller's own task was cancelled meanwhile. `suppress` must not hide that.
            raise asyncio.CancelledError

    def cancel_future(self) -> bool:
        """Cancel what the work waits for, as `Task.cancel` does. Returns False if it waits for no future."""
        return asyncio.isfuture(self._waits_for) and self._waits_for.cancel()

    def cancel_ahead(self) -> bool:
        """Let `catch_up` cancel the work. Returns False after `catch_up`: then cancel the task that awaits this.

        Do not cancel the task that is to call `catch_up` before it has: it would never begin, and the work never end.
        """
        if self._is_ahead:
            self._error = asyncio.CancelledError()
        return self._is_ahead

    def _step(self, resume: Callable[[Any], Any], value: object) -> None:
        try:
            self._waits_for = resume(value)
        except StopIteration as stop:
            self.is_done = self.has_result = True
            self._result = stop.value
        except BaseException as error:
            self.is_done, self._error = True, error
            # The value may be this error, whose traceback has this frame.
            del value


def _is_over(awaited: Any) -> bool:
    return asyncio.isfuture(awaited) and awaited.done()
