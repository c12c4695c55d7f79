"""One subscription: it begins by itself, and joins others that want the same as soon as it waits.

While it runs by itself it has a task, a resolver and a mailbox of its own. Once its resolver has had
everything that has happened and waits, it is at the same place as all others that wait, and a group
can do for it what it would do for itself. It leaves the group for itself again, from the very same
place, when its grants change or the group ends. So nothing is lost or doubled on the way in or out.

Its own runs see the context variables of the request that asked for it, and of no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from contextvars import Context, copy_context
from typing import Any

from watchword.delivery.groups import Groups
from watchword.delivery.lease import Lease
from watchword.delivery.member import GroupKey, Membership
from watchword.delivery.outlet import Outlet
from watchword.delivery.run import Operation, Run, told
from watchword.delivery.states import (
    Alone,
    Begun,
    Ended,
    Grouped,
    Happening,
    Joined,
    Offered,
    Opening,
    State,
    Waits,
    after,
)
from watchword.events.follow import Follow, Progress, Topic
from watchword.principal import Principal
from watchword.process.background import Background


class Subscription:
    """An operation that goes on until its client, its lease or its resolver ends it."""

    __slots__ = ("_context", "_groups", "_resume", "lease", "operation", "outlet", "state")

    def __init__(
        self,
        groups: Groups,
        lease: Lease,
        operation: Operation,
        outlet: Outlet,
        resume: str | None = None,
    ) -> None:
        """`resume` is the cursor after which it begins, if it is not new."""
        self.lease = lease
        self.operation = operation
        self.outlet = outlet
        self.state: State[Solo, GroupKey, Membership] = Opening()
        self._groups = groups
        self._resume = resume
        self._context = copy_context()

    def start(self) -> None:
        """Begin, at the beginning or after the cursor."""
        self._begin(None, None)

    def stop(self) -> None:
        """Send nothing more, and give everything back."""
        self._take(Ended())

    def regrant(self) -> None:
        """Go on with other grants; what they do not allow any more is refused."""
        match self.state:
            case Grouped(group):
                self._begin(group.progress(self), group.key.topic)
            case Alone(run) | Offered(run, _) if run.course.topic is not None:
                self._begin(run.course.progress, run.course.topic)

    # As a member of groups.

    @property
    def principal(self) -> Principal:
        return self.lease.principal

    @property
    def topic(self) -> Topic | None:
        match self.state:
            case Alone(run) | Offered(run, _):
                return run.course.topic
        return None

    @property
    def rest(self) -> Progress | None:
        match self.state:
            case Alone(run) | Offered(run, _) if run.course.is_idle:
                return run.course.progress
        return None

    def join(self, group: Membership) -> None:
        self._take(Joined(group))

    def go_on(self, progress: Progress) -> None:
        match self.state:
            case Grouped(group):
                self._begin(progress, group.key.topic)

    def end(self, errors: list[dict[str, Any]] | None) -> None:
        self._take(Ended())
        if errors is None:
            self.outlet.complete()
        else:
            self.outlet.refuse(errors)

    def _begin(self, progress: Progress | None, topic: Topic | None) -> None:
        services, stream = self._groups.services, topic.stream if topic else None
        course = Follow(
            services.hub, services.event_log, progress, self._resume, self._wait, stream=stream
        )
        ready = self.outlet.drained
        run = Run(self._groups.engine, services, self.lease, self.operation, course, ready)
        context, background = self._context.copy(), services.background
        self._take(Begun(Solo(run, self.outlet, self.end, context, background)))

    def _wait(self) -> None:
        # Called when the resolver is about to wait; in a moment it does.
        asyncio.get_running_loop().call_soon(self._offer)

    def _offer(self) -> None:
        if self.rest is not None and (key := self._groups.offer(self)) is not None:
            self._take(Waits(key))

    def _take(self, happened: Happening[Solo, GroupKey, Membership]) -> None:
        before, self.state = self.state, after(self.state, happened)
        if self.state is before:
            return
        match before:
            case Offered(_, key) if not isinstance(self.state, Offered):
                self._groups.withdraw(self, key)
            case Grouped(group):
                group.leave(self)
        own = _run_of(before)
        if own is not None and own is not _run_of(self.state):
            own.stop()


class Solo:
    """One subscription's own run, in a task and a context of its own."""

    __slots__ = ("_background", "_end", "_is_stopped", "_outlet", "_run", "_task")

    def __init__(
        self,
        run: Run,
        outlet: Outlet,
        end: Callable[[list[dict[str, Any]] | None], object],
        context: Context,
        background: Background,
    ) -> None:
        """`end` is called when the resolver has ended by itself, with the errors that ended it."""
        self._run = run
        self._outlet = outlet
        self._end = end
        self._background = background
        self._is_stopped = False
        self._task = asyncio.get_running_loop().create_task(self._live(), context=context)

    @property
    def course(self) -> Follow:
        """Where it is."""
        return self._run.course

    def stop(self) -> None:
        """Send nothing more, whatever the resolver makes of its cancellation."""
        self._is_stopped = True
        self._task.cancel()

    async def stopped(self) -> None:
        """Wait until everything that it held is given back."""
        await asyncio.wait({self._task})

    async def _live(self) -> None:
        errors: list[dict[str, Any]] | None = None
        try:
            async with aclosing(self._run.answers()) as answers:
                async for answer in answers:
                    if self._is_stopped:
                        return
                    self._outlet.next(answer)
        except asyncio.CancelledError as error:
            if self._is_stopped or self._background.is_closed:
                raise
            # A timeout or a task group that the resolver holds open while it is answered.
            errors = told(error)
        except Exception as error:
            errors = told(error)
        if not self._is_stopped:
            self._end(errors)


def _run_of(state: State[Solo, GroupKey, Membership]) -> Solo | None:
    match state:
        case Alone(run) | Offered(run, _):
            return run
    return None
