"""How long something may take, whatever it waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from watchword.errors import TimedOut
from watchword.process.clock import Clock, Timer

T = TypeVar("T")

log = logging.getLogger("watchword.deadline")


class WorkCancelled(Exception):
    """Something else than the caller cancelled some work: it waited for something that was cancelled."""


# Work that was cancelled and has not ended yet. The set keeps the tasks from being collected.
_left_behind: set[asyncio.Future[Any]] = set()


async def within(clock: Clock, seconds: float, work: Awaitable[T], *, whole: bool = False) -> T:
    """Return what some work returns, if it does so within so many seconds.

    Work that takes longer is cancelled, and the caller does not wait until it has ended: a commit, which
    is shielded, is still made. If the caller is cancelled, the work is cancelled too; with `whole`, the
    caller first waits until the work ends or its time is over. Raises `TimedOut`, and what the work
    raises; `WorkCancelled` if something else than the caller cancelled the work.
    """
    task = asyncio.ensure_future(work)
    over = asyncio.Event()
    task.add_done_callback(lambda _: over.set())
    timer = clock.call_at(clock.now() + seconds, over.set)
    try:
        await _wait(over, whole)
        if not task.done():
            raise TimedOut(seconds)
        if task.cancelled():
            # As a CancelledError it would end the caller's task without a word.
            raise WorkCancelled("it waited for something that was cancelled")
        return task.result()
    finally:
        timer.cancel()
        if task.done():
            _ended(task)
        else:
            _leave_behind(task)


async def limited(clock: Clock, seconds: float, work: Awaitable[T]) -> T:
    """Return what some work returns, if it does so within so many seconds; then it is cancelled.

    Unlike `within` it makes no task, and waits until the work has ended: for work that lets itself be
    cancelled. Raises as `within` does.
    """
    watchdog = Watchdog(clock, seconds)
    watchdog.begin()
    try:
        return await work
    except asyncio.CancelledError as cancelled:
        if watchdog.has_bitten and watchdog.forgive():
            raise TimedOut(seconds) from None
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        raise WorkCancelled("it waited for something that was cancelled") from cancelled
    finally:
        watchdog.close()


class Watchdog:
    """Cancels the task that makes it when one step of that task takes longer than so many seconds.

    A step costs no timer of its own: one timer looks after all steps, until it finds none under way.
    Once `has_bitten`, the cancellation is the watchdog's, and the task's own code takes it back by
    `forgive`. A step that goes on after it is cancelled again after as many seconds.
    """

    __slots__ = ("_clock", "_seconds", "_since", "_task", "_timer", "_times")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._task = asyncio.current_task()
        self._since: float | None = None
        self._timer: Timer | None = None
        # How often the task was cancelled, and not forgiven yet.
        self._times = 0

    @property
    def has_bitten(self) -> bool:
        """Tell whether the watchdog has cancelled the task."""
        return self._times > 0

    def begin(self) -> None:
        """Note that a step begins."""
        self._since = self._clock.now()
        if self._timer is None:
            self._wait(self._since)

    def end(self) -> None:
        """Note that the step has ended."""
        self._since = None

    def forgive(self) -> bool:
        """Take the cancellation back; return False when the task is cancelled by others as well."""
        assert self._task is not None, "it cannot have bitten"
        for _ in range(self._times):
            self._task.uncancel()
        self._times = 0
        return not self._task.cancelling()

    def close(self) -> None:
        """Stop watching."""
        if self.has_bitten:
            self.forgive()
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


def _leave_behind(task: asyncio.Future[Any]) -> None:
    task.cancel()
    _left_behind.add(task)
    task.add_done_callback(_ended)


def _ended(task: asyncio.Future[Any]) -> None:
    _left_behind.discard(task)
    if not task.cancelled() and (error := task.exception()):
        # Take the error: asyncio would log it as never retrieved when the caller is gone.
        log.debug("what had a time limit failed: %r", error)
