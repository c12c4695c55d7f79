"""Background tasks of one process: named, restarted when they fail, closed in reverse order of start.

Plain asyncio, without a task group of anyio or asyncio. A task group ends all of its tasks when one of
them fails, and must be exited by the task that entered it; here a failed task is restarted alone, and
any request may start one. `anyio.TaskGroup.start_soon` takes no context either, and a task that
outlives the request that started it must not run in that request's context.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import partial
from typing import Any, TypeVar

from watchword.errors import Unsafe, WatchwordError
from watchword.process.clock import Clock, sleep
from watchword.storage.database import is_unavailable, kind

T = TypeVar("T")

log = logging.getLogger("watchword.background")

# Seconds before the second try, doubled for each further one up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# Seconds after which a task that still runs is cancelled again: `asyncio.wait_for` of Python 3.11 loses
# a cancellation that arrives together with the result that it waits for.
CANCELLED_AGAIN = 0.5


class Backoff:
    """The pauses between attempts: longer after each failure, reset by a success."""

    def __init__(self, clock: Clock, longest: float = LONGEST_PAUSE) -> None:
        """`longest` is in seconds."""
        self._clock = clock
        self._longest = longest
        self._pause = FIRST_PAUSE

    def reset(self) -> None:
        """Begin with the shortest pause again, after a success."""
        self._pause = FIRST_PAUSE

    async def wait(self) -> None:
        """Wait for half of the pause to all of it, at random, and double the pause.

        Without the randomness, all processes that lost a server would reconnect at the same moment.
        """
        pause = min(self._pause, self._longest)
        self._pause = 2 * pause
        await sleep(self._clock, random.uniform(pause / 2, pause))


class Supervised:
    """One background task: its name, and since when it has been failing."""

    def __init__(
        self,
        name: str,
        work: Callable[[Supervised], Awaitable[None]],
        clock: Clock,
        longest: float,
        is_needed: bool,
        is_away: Callable[[Exception], bool],
        failing: set[Supervised],
    ) -> None:
        """It is in `failing` while it has a `failed_at`."""
        self.name = name
        self.is_needed = is_needed
        self.failed_at: float | None = None
        """When it began to fail (Unix seconds); None while it succeeds."""
        self.why: str | None = None
        """The reason for the present failure, without secrets: a sentence of ours, or the type of the error."""
        self.failures = 0
        """How often it has failed."""
        self.is_ending = False
        """Whether the process ends. A task that this one waits for may be cancelled first: that is no failure."""
        self._work = work
        self._clock = clock
        self._backoff = Backoff(clock, longest)
        self._is_away = is_away
        self._failing = failing
        self._last: type[BaseException] | None = None

    def is_failing_for(self, seconds: float) -> bool:
        """Tell whether the process needs this task, and it has been failing for more than so many seconds."""
        began = self.failed_at
        return began is not None and self.is_needed and began < self._clock.now() - seconds

    def well(self) -> None:
        """Report a success: this ends an earlier failure, and makes the next pause short."""
        if self.failed_at is not None:
            log.info("%s works again", self.name)
        self.failed_at = self._last = self.why = None
        self._failing.discard(self)
        self._backoff.reset()

    async def run(self) -> None:
        """Run the work until it returns; if it raises, run it again after a pause."""
        while True:
            try:
                await self._work(self)
                self.well()
                return
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling() or self.is_ending:
                    raise
                # This task was not cancelled: a task or future that the work awaited was.
                self._fail(error)
            except Exception as error:
                self._fail(error)
            await self._backoff.wait()

    def _fail(self, error: BaseException) -> None:
        self.failures += 1
        self.why = reason(error)
        if self.failed_at is None:
            self.failed_at = self._clock.now()
            self._failing.add(self)
        # Log repeated failures of the same type only once.
        if type(error) is not self._last:
            self._last = type(error)
            self._log_failure(error)

    def _log_failure(self, error: BaseException) -> None:
        match error:
            case WatchwordError() | Unsafe():
                log.warning("%s failed and is retried: %s", self.name, error)
            case Exception() if self._is_away(error):
                log.warning("%s waits until its server works again: %s", self.name, kind(error))
            case _:
                log.error("%s failed and is restarted", self.name, exc_info=error)


def reason(error: BaseException) -> str:
    """Return why something failed: a sentence of ours, or the kind of the error."""
    if isinstance(error, WatchwordError | Unsafe):
        return str(error)
    return kind(error)


class Background:
    """Starts the background tasks of a process, and ends them in reverse order.

    Each task runs in a copy of the context in which this object was made: that of start-up, not of a
    request.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._context = contextvars.copy_context()
        self._supervised: dict[asyncio.Task[None], Supervised] = {}
        self._failing: set[Supervised] = set()
        self._spawned: set[asyncio.Task[Any]] = set()
        self.is_closed = False
        """Whether `close` was called."""

    def start(
        self,
        name: str,
        work: Callable[[Supervised], Awaitable[None]],
        *,
        is_needed: bool = False,
        longest: float = LONGEST_PAUSE,
        is_away: Callable[[Exception], bool] = is_unavailable,
    ) -> Supervised:
        """Run work in the background until it returns; if it raises, log the error and run it again.

        The work gets its `Supervised` and calls `well` on it after each success. `is_needed` says that
        the process is not ready while this work fails. `longest` is the longest pause between two
        attempts, in seconds. `is_away` recognises errors of a server that cannot be reached, which are
        logged in one line without a trace.
        """
        how = longest, is_needed, is_away, self._failing
        supervised = Supervised(name, work, self._clock, *how)
        task = self._create(name, supervised.run())
        self._supervised[task] = supervised
        task.add_done_callback(self._forget)
        return supervised

    def every(
        self, seconds: float, name: str, turn: Callable[[], Awaitable[None]], **how: Any
    ) -> Supervised:
        """Call `turn` repeatedly, with a pause of so many seconds after each call.

        After a call that raises, the pause is shorter and grows up to these seconds. `how` is as for
        `start`.
        """
        work = partial(self._repeat, seconds, turn)
        return self.start(name, work, longest=seconds, **how)

    def spawn(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine once in the background; it may outlive the caller.

        Awaiting the task raises its error; if nobody awaits it, asyncio logs the error. After `close`
        the task is cancelled before it begins.
        """
        task = self._create(name, work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task

    @property
    def supervised(self) -> list[Supervised]:
        """All tasks that are restarted when they fail, in the order of their start."""
        return [*self._supervised.values()]

    @property
    def unwell(self) -> list[Supervised]:
        """The tasks that failed and have not succeeded since, in the order of their start."""
        return [each for each in self._supervised.values() if each.failed_at is not None]

    def has_failed_for(self, seconds: float) -> bool:
        """Tell whether a task that this process needs has been failing for more than so many seconds."""
        # Asked for each request, and mostly nothing fails: then no task is looked at.
        return bool(self._failing) and any(each.is_failing_for(seconds) for each in self._failing)

    async def close(self) -> None:
        """End all tasks, the last started first. No task begins afterwards."""
        self.is_closed = True
        for supervised in self._supervised.values():
            supervised.is_ending = True
        await _end(self._spawned)
        for task in reversed(tuple(self._supervised)):
            await _end([task])
        # Tasks that the supervised ones spawned while they ended.
        await _end(self._spawned)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._failing.discard(self._supervised.pop(task))

    def _create(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        loop = asyncio.get_running_loop()
        # Copy the context, so that one task's context variables are not seen by another.
        task = loop.create_task(work, name=name, context=self._context.copy())
        if self.is_closed:
            task.cancel()
        return task

    async def _repeat(
        self, seconds: float, turn: Callable[[], Awaitable[None]], task: Supervised
    ) -> None:
        while True:
            if task.failed_at is None:
                await sleep(self._clock, seconds)
            await turn()
            task.well()


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCELLED_AGAIN)
