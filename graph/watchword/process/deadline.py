"""Time limits for coroutines, measured by a clock that tests can move."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar, cast

from watchword.errors import TimedOut
from watchword.libraries.asyncio_parts import LateTask, call_as, has_begun
from watchword.process.clock import Clock, Timer
from watchword.process.eager import Eager

T = TypeVar("T")

log = logging.getLogger("watchword.deadline")


class WorkCancelled(Exception):
    """The work was cancelled, but not by the caller: it awaited a task or future that was cancelled."""


_CANCELLED = "it waited for something that was cancelled"

# Tasks that were cancelled and have not ended yet. The event loop keeps only weak references to tasks.
_still_ending: set[asyncio.Future[Any]] = set()


def _ignore() -> None:
    """Do nothing."""


async def within(
    clock: Clock,
    seconds: float,
    work: Awaitable[T],
    *,
    whole: bool = False,
    on_timeout: Callable[[], object] = _ignore,
) -> T:
    """Await some work, for at most so many seconds, and return its result.

    Work that takes longer is cancelled, and the caller does not wait for its end: a commit that has
    begun, which is shielded, still completes. If the caller is cancelled, the work is cancelled too; with
    `whole`, the caller first waits until the work ends or its time is over. `on_timeout` is called before
    `TimedOut` is raised. Raises `TimedOut`, `WorkCancelled`, and whatever the work raises.

    The first step runs at once, so work that waits for nothing costs no turn of the event loop and no timer, and a task
    only if it asks for its own.
    """
    begun, task = begin(work)
    if begun.is_done:
        return result(begun, task)
    return await rest_within(clock, seconds, begun, task, whole=whole, on_timeout=on_timeout)


async def rest_within(
    clock: Clock,
    seconds: float,
    begun: Eager[T],
    task: asyncio.Task[Any],
    *,
    whole: bool = False,
    on_timeout: Callable[[], object] = _ignore,
) -> T:
    """Await the rest of work whose first step `begin` has run and which is not done, as `within` does."""
    over = asyncio.Event()
    task.add_done_callback(lambda _: over.set())
    timer = clock.call_at(clock.now() + seconds, over.set)
    try:
        await _wait(over, whole)
        if not task.done():
            on_timeout()
            raise TimedOut(seconds)
        if task.cancelled():
            raise WorkCancelled(_CANCELLED)
        return cast(T, task.result())
    finally:
        timer.cancel()
        if task.done():
            _take_error(task)
        else:
            _cancel(task)


async def limited(clock: Clock, seconds: float, work: Awaitable[T]) -> T:
    """Await some work, cancel it after so many seconds, and return its result.

    Unlike `within`, this makes no task, and waits until cancelled work has ended: use it for work that
    ends promptly when cancelled. Raises as `within` does.
    """
    begun = Eager(work)
    watchdog = Watchdog(clock, seconds)
    if not begun.is_done:
        watchdog.begin()
    try:
        return await begun
    except asyncio.CancelledError as cancelled:
        if watchdog.has_cancelled and watchdog.take_back():
            raise TimedOut(seconds) from None
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        raise WorkCancelled(_CANCELLED) from cancelled
    finally:
        watchdog.close()


def begin(work: Awaitable[T]) -> tuple[Eager[T], asyncio.Task[Any]]:
    """Run the first step of some work, and return it with the task that runs the others.

    The first step sees that task as its own, and has the same context variables: a timeout or a task group
    that the work opens in it must find them unchanged later.
    """
    context, loop = copy_context(), asyncio.get_running_loop()
    rest: list[Eager[T]] = []
    task = LateTask.of(loop, context, partial(_go_on, rest))
    begun: Eager[T] = call_as(loop, task, context, Eager, work)
    if not begun.is_done:
        rest.append(begun)
    return begun, task


async def _go_on(rest: list[Eager[Any]]) -> Any:
    if not rest:
        return None
    # The task has its first step a turn after that of the work.
    rest[0].catch_up()
    return await rest[0]


def result(begun: Eager[T], task: asyncio.Task[Any]) -> T:
    """Return the result of work that ended in its first step. Raises another error for a cancellation, which would end the caller's
    task silently."""
    try:
        made = begun.result()
    except asyncio.CancelledError as cancelled:
        raise WorkCancelled(_CANCELLED) from cancelled
    if has_begun(task) and task.cancelling():
        raise WorkCancelled(_CANCELLED)
    return made


class Watchdog:
    """Cancels the task that creates it when one step of that task takes longer than so many seconds.

    One timer serves all steps; it stops if it fires between steps. If `has_cancelled` is true, the
    cancellation came from the watchdog, and the task's own code takes it back with `take_back`. If the
    step still goes on, the task is cancelled again after the same number of seconds.
    """

    __slots__ = ("_clock", "_seconds", "_since", "_task", "_timer", "_times")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._task = asyncio.current_task()
        self._since: float | None = None
        self._timer: Timer | None = None
        # The number of cancellations that were not taken back yet.
        self._times = 0

    @property
    def has_cancelled(self) -> bool:
        """Tell whether the watchdog has cancelled the task."""
        return self._times > 0

    def begin(self) -> None:
        """Begin a step."""
        self._since = self._clock.now()
        if self._timer is None:
            self._wait(self._since)

    def end(self) -> None:
        """End the step."""
        self._since = None

    def take_back(self) -> bool:
        """Take the cancellation back. Return False if the task was cancelled from elsewhere too."""
        assert self._task is not None, "only a task can have been cancelled"
        for _ in range(self._times):
            self._task.uncancel()
        self._times = 0
        return not self._task.cancelling()

    def close(self) -> None:
        """Stop watching."""
        if self.has_cancelled:
            self.take_back()
        self._since = None
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, since: float) -> None:
        self._timer = self._clock.call_at(since + self._seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._since is None or self._task is None:
            return
        if self._clock.now() < self._since + self._seconds:
            self._wait(self._since)
        else:
            self._times += 1
            self._task.cancel()
            self._since = self._clock.now()
            self._wait(self._since)


async def _wait(over: asyncio.Event, whole: bool) -> None:
    cancelled: asyncio.CancelledError | None = None
    while not over.is_set():
        try:
            await over.wait()
        except asyncio.CancelledError as error:
            cancelled = error
            if not whole:
                break
    if cancelled is not None:
        raise cancelled


def _cancel(task: asyncio.Future[Any]) -> None:
    task.cancel()
    _still_ending.add(task)
    task.add_done_callback(_take_error)


def _take_error(task: asyncio.Future[Any]) -> None:
    _still_ending.discard(task)
    if not task.cancelled() and (error := task.exception()):
        # Retrieve the error: if the caller is gone, asyncio would log it as never retrieved.
        log.debug("work with a time limit failed: %r", error)
