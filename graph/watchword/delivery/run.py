"""One run of a subscription's resolver: from its events to answers, for one principal or for many."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from watchword.context import Context, Services
from watchword.errors import TimedOut
from watchword.events.follow import Follow, OtherTopic, Progress
from watchword.execution.ahead import Ahead
from watchword.execution.engine import Answer, Engine, Source, Unavailable
from watchword.execution.masking import conceal, present, written
from watchword.execution.plan import Plan, Refused
from watchword.permissions.guards import recheck
from watchword.principal import Holder, IdentityAsked
from watchword.process.background import Backoff
from watchword.process.deadline import Watchdog, WorkCancelled, within
from watchword.storage.database import is_unavailable

log = logging.getLogger("watchword.delivery")


class _Stopped(Exception):
    """A resolver took too long for one event."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A subscription that somebody asked for."""

    plan: Plan
    variables: dict[str, Any] | None


class Sent:
    """An answer on its way: in JSON, with the cursor of a client that has seen it.

    `before` and `after` are the progress of a subscriber without it and with it. `shapes` keeps the bytes
    that a transport makes of it, so that they are made once for all subscribers.
    """

    __slots__ = ("after", "before", "cursor", "json", "shapes")

    def __init__(
        self,
        answer: Answer,
        cursor: str | None = None,
        before: Progress | None = None,
        after: Progress | None = None,
    ) -> None:
        if cursor is not None:
            answer["extensions"] = {"cursor": cursor}
        self.json = written(answer)
        self.cursor = cursor
        self.before = before
        self.after = after
        self.shapes: dict[str, bytes] = {}


async def _at_once() -> None:
    pass


class Run:
    """Runs an operation's resolver, and begins again where it was whenever the database was away."""

    def __init__(
        self,
        engine: Engine,
        services: Services,
        holder: Holder,
        operation: Operation,
        course: Follow,
        ready: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        """`course` says where it begins. `ready` is awaited after each answer: when the resolver
        waits for what has not happened yet, or has given the next event. It is not awaited while the
        resolver works, since a timeout that ends in the resolver cancels this task, wherever it is."""
        self.course = course
        self._engine = engine
        self._services = services
        self._holder = holder
        self._operation = operation
        self._ready = ready

    async def answers(self) -> AsyncGenerator[Sent, None]:
        """Yield the answers, until the resolver ends.

        Raises `Refused` when the subscription cannot be opened, `WatchwordError` when it must end,
        and whatever else its resolver raises; the resolver has been closed by then.
        """
        backoff = Backoff(self._services.clock)
        while True:
            try:
                async with aclosing(self._once()) as answers:
                    async for answer in answers:
                        yield answer
                return
            except Unavailable:
                if self.course.progress != self.course.start:
                    backoff.reset()
                self.course = self.course.again()
                await backoff.wait()
            except _Stopped:
                if (late := self._skip()) is None:
                    raise TimedOut(self._services.settings.event_seconds) from None
                yield late
                self.course = self.course.again()

    def _skip(self) -> Sent | None:
        """Return the TIMEOUT that answers the event at which the resolver was stopped; None between events."""
        if (progress := self.course.skip()) is None:
            return None
        seconds = self._services.settings.event_seconds
        log.warning("a resolver took longer than %g s for an event", seconds)
        answer = {"data": None, "errors": [TimedOut(seconds).as_dict()]}
        before, after = progress
        return Sent(answer, self.course.cursor(after), before, after)

    async def _once(self) -> AsyncGenerator[Sent, None]:
        services, course, holder = self._services, self.course, self._holder
        context = Context(services, holder.principal, holder=holder, course=course)
        operation = self._operation
        source = await self._engine.subscribe(operation.plan, operation.variables, context)
        watchdog = course.watchdog = Watchdog(services.clock, services.settings.event_seconds)
        is_ready = True
        try:
            if course.must_follow:
                watchdog.begin()
            coming = source.pull()
            while True:
                if course.is_waiting and not is_ready:
                    await self._ready()
                    is_ready = True
                with course.resting():
                    try:
                        event = await coming
                    except StopAsyncIteration:
                        return
                watchdog.end()
                if watchdog.has_bitten:
                    # The resolver has kept the cancellation to itself, and answers.
                    watchdog.forgive()
                turn = course.turn
                if course.is_repeated(turn):
                    coming = self._pull(source)
                    course.answered(turn)
                    continue
                if not is_ready:
                    await self._ready()
                answer = await self._answer(source, event, context)
                is_ready = False
                # What comes next shows whether this answer is the last to its event.
                coming = self._pull(source)
                after = course.answered(turn)
                yield Sent(answer, course.cursor(after), turn.before, after)
        except asyncio.CancelledError as cancelled:
            if watchdog.has_bitten and watchdog.forgive():
                raise _Stopped from None
            if _is_being_stopped():
                raise
            error = WorkCancelled("the resolver waited for something that was cancelled")
            source.failed(error, context)
            raise error from cancelled
        except Exception as error:
            if is_unavailable(error):
                raise Unavailable from error
            if not isinstance(error, Unavailable | IdentityAsked | OtherTopic):
                source.failed(error, context)
            raise
        finally:
            watchdog.close()
            await self._close(source)

    def _pull(self, source: Source) -> Ahead[Any]:
        """Ask for what comes next; a resolver that is still in an event has its time for that."""
        course = self.course
        if course.is_in_event and course.watchdog is not None:
            course.watchdog.begin()
        return source.pull()

    async def _answer(self, source: Source, event: Any, opened: Context) -> Answer:
        # The lease may have been renewed while the resolver waited: take the principal of this moment.
        now = Context(self._services, self._holder.principal)
        if opened.guards:
            seconds = self._services.settings.event_seconds
            await within(self._services.clock, seconds, recheck(opened.guards, now))
        return await source.answer(event, now)

    async def _close(self, source: Source) -> None:
        """Close the resolver, which has as long for its own end as for an event."""
        watchdog = Watchdog(self._services.clock, self._services.settings.event_seconds)
        watchdog.begin()
        try:
            await source.close()
        except asyncio.CancelledError:
            if not watchdog.has_bitten or not watchdog.forgive():
                raise
            log.warning("a resolver did not end in time, and was cancelled again")
        except Exception as error:
            if not is_unavailable(error):
                raise
        finally:
            watchdog.close()


def _is_being_stopped() -> bool:
    """Tell whether somebody cancels the task itself, and not only what it waits for."""
    task = asyncio.current_task()
    return task is None or bool(task.cancelling())


def told(error: BaseException) -> list[dict[str, Any]]:
    """Return an error that ends a subscription as its client is told of it."""
    if isinstance(error, Refused):
        return [present(each) for each in error.errors]
    return [conceal(error).as_dict()]
