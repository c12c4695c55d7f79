"""One subscription: it begins with a run of its own, and joins a group once it is idle.

With a run of its own it has a task, a resolver and a mailbox. Once the resolver has handled every event and
waits, the subscription is at the same place as all others that wait, so a group can run for it. When its
grants change or the group ends, it continues with a run of its own from exactly where it was. So no answer
is lost or repeated on the way in or out.

Its own runs see only the context variables of the request that started it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from contextvars import Context, copy_context
from dataclasses import replace
from typing import Any

from watchword.asgi.views import address_via
from watchword.connections.live import Subscribed
from watchword.delivery.groups import ALONE, Groups
from watchword.delivery.lease import Lease
from watchword.delivery.member import GroupKey, Membership
from watchword.delivery.ready import add_ready
from watchword.delivery.run import Batch, Operation, Outlet, Run, Sent, as_errors
from watchword.delivery.states import (
    Alone,
    Begun,
    Ended,
    Grouped,
    Joined,
    Offered,
    Opening,
    Over,
    State,
    Transition,
    Waits,
    next_state,
)
from watchword.errors import OverBudget
from watchword.events.follow import Follow, Progress, Topic
from watchword.execution.plan import Draft, Refused
from watchword.principal import Principal
from watchword.process.background import Background
from watchword.process.eager import Eager


class Subscription:
    """An operation that sends answers until its client, its lease or its resolver ends it."""

    __slots__ = (
        "_apart_until",
        "_context",
        "_cursor",
        "_groups",
        "_wants_position",
        "lease",
        "operation",
        "outlet",
        "state",
    )

    def __init__(
        self,
        groups: Groups,
        lease: Lease,
        operation: Operation,
        outlet: Outlet,
        cursor: str | None = None,
        *,
        wants_position: bool = False,
    ) -> None:
        """With `cursor`, the subscription continues after the answer that the cursor came with.

        With `wants_position`, the client gets a cursor once, when the subscription first waits for an event.
        """
        self.lease = lease
        self.operation = operation
        self.outlet = outlet
        self.state: State[Solo, GroupKey, Membership] = Opening()
        self._groups = groups
        self._cursor = cursor
        self._wants_position = wants_position
        self._context = copy_context()
        # Until then it cannot be grouped, and is not offered (Unix seconds).
        self._apart_until = 0.0

    def start(self) -> None:
        """Begin, after the cursor if there is one. Does nothing if it was stopped before."""
        # A run that begins after the end would never be stopped.
        if self.state == Opening():
            self._begin(None, None)

    def stop(self) -> None:
        """Send nothing more, and release everything."""
        self._move(Ended())

    def regrant(self) -> None:
        """Continue with the lease's new grants: the permissions are checked again.

        End with an error if the document asks for what is hidden from the caller now.
        """
        match self.state:
            case Grouped(group):
                self._begin(group.answered_to(self), group.key.topic)
            case Alone(run) | Offered(run, _) if run.follow.topic is not None:
                self._begin(run.follow.answered_to, run.follow.topic)
            case Alone():
                # It has no place at which it could begin again, so its run goes on.
                self._validates()

    @property
    def described(self) -> Subscribed:
        """The name of its operation, and how many events it is behind."""
        return Subscribed(self.operation.plan.operation_name, self._behind)

    @property
    def _behind(self) -> int:
        match self.state:
            case Alone(run) | Offered(run, _):
                return run.follow.behind
            case Grouped(group):
                return group.behind
        return 0

    @property
    def is_quiet(self) -> bool:
        """Whether it has sent every answer, and waits for an event that has not happened yet."""
        match self.state:
            case Alone(run) | Offered(run, _):
                return run.follow.is_idle
            case Grouped(group):
                return group.is_quiet
        return self.state == Over()

    # As a `Member` of groups.

    @property
    def principal(self) -> Principal:
        return self.lease.principal

    @property
    def topic(self) -> Topic | None:
        match self.state:
            case Alone(run) | Offered(run, _):
                return run.follow.topic
        return None

    @property
    def idle_at(self) -> Progress | None:
        match self.state:
            case Alone(run) | Offered(run, _) if run.follow.is_idle:
                return run.follow.answered_to
        return None

    def join(self, group: Membership) -> None:
        self._move(Joined(group))

    def continue_alone(self, resume_from: Progress) -> None:
        match self.state:
            case Grouped(group):
                self._begin(resume_from, group.key.topic)

    def pay(self, cost: float) -> bool:
        try:
            self._groups.services.budgets.charge(
                self.lease.principal, address_via(self.operation.via), cost
            )
        except OverBudget:
            return False
        return True

    def finish(self, errors: list[dict[str, Any]] | None) -> None:
        self._move(Ended())
        if errors is None:
            self.outlet.complete()
        else:
            self.outlet.refuse(errors)

    def _validates(self) -> bool:
        """Take the plan of the document by what the caller is told of the schema now.

        If the document has what is hidden from it, end in the words in which a request would be refused, and return
        False.
        """
        engine, principal, plan = self._groups.engine, self.lease.principal, self.operation.plan
        if engine.view_of(principal) is plan.view:
            return True
        try:
            found = engine.plan(plan.query, plan.asked_name, principal)
            if isinstance(found, Draft):
                raise Refused(found.errors)
        except Refused as refused:
            self.finish(as_errors(refused))
            return False
        self.operation = replace(self.operation, plan=found)
        return True

    def _begin(self, resume_from: Progress | None, topic: Topic | None) -> None:
        if not self._validates():
            return
        services, stream = self._groups.services, topic.stream if topic else None
        follow = Follow(
            services.hub,
            services.event_log,
            resume_from,
            self._cursor,
            self._becomes_idle,
            stream=stream,
        )
        ready = self.outlet.drained
        run = Run(self._groups.engine, services, self.lease, self.operation, follow, ready)
        context, background = self._context.copy(), services.background
        self._apart_until = 0.0
        self._move(
            Begun(Solo(run, self.outlet, self.finish, self._groups.deliveries, context, background))
        )

    def _becomes_idle(self) -> None:
        if self._wants_position:
            self._wants_position = False
            self._tell_position()
        # The resolver is about to wait. Offer the subscription to groups when it does.
        if self._apart_until <= self._groups.services.clock.now():
            asyncio.get_running_loop().call_soon(self._offer)

    def _tell_position(self) -> None:
        """Send the client a cursor. If it is cut before the first event, it resumes there and misses nothing."""
        match self.state:
            case Alone(run) | Offered(run, _):
                cursor = run.follow.cursor(run.follow.answered_to)
                if cursor is not None:
                    self.outlet.position(cursor)

    def _offer(self) -> None:
        if self.idle_at is None:
            return
        if (key := self._groups.offer(self)) is not None:
            self._move(Waits(key))
        elif not isinstance(self.state, Grouped):
            self._apart_until = self._groups.apart_until(self)

    def _move(self, transition: Transition[Solo, GroupKey, Membership]) -> None:
        before, self.state = self.state, next_state(self.state, transition)
        if self.state is before:
            return
        self._count(before)
        match before:
            case Offered(_, key) if not isinstance(self.state, Offered):
                self._groups.withdraw(self, key)
            case Grouped(group):
                group.leave(self)
        own = _run_of(before)
        if own is not None and own is not _run_of(self.state):
            own.stop()

    def _count(self, before: State[Solo, GroupKey, Membership]) -> None:
        was_open, is_open = (not isinstance(each, Opening | Over) for each in (before, self.state))
        self._groups.subscriptions += is_open - was_open


class Solo:
    """A subscription's own run, in a task and a context of its own."""

    __slots__ = (
        "_background",
        "_deliveries",
        "_finished",
        "_is_stopped",
        "_outlet",
        "_run",
        "_task",
    )

    def __init__(
        self,
        run: Run,
        outlet: Outlet,
        finished: Callable[[list[dict[str, Any]] | None], object],
        deliveries: Counter[str],
        context: Context,
        background: Background,
    ) -> None:
        """`finished` is called when the resolver has ended: with the errors that ended it, or None."""
        self._run = run
        self._outlet = outlet
        self._finished = finished
        self._deliveries = deliveries
        self._background = background
        self._is_stopped = False
        self._task = asyncio.get_running_loop().create_task(self._live(), context=context)

    @property
    def follow(self) -> Follow:
        """What the run follows, and how far it is."""
        return self._run.follow

    def stop(self) -> None:
        """Cancel the task. Nothing more is sent, even if the resolver catches its cancellation."""
        self._is_stopped = True
        self._task.cancel()

    async def stopped(self) -> None:
        """Wait until the task has ended and has released everything."""
        await asyncio.wait({self._task})

    async def _live(self) -> None:
        errors: list[dict[str, Any]] | None = None
        try:
            async with aclosing(self._run.answers()) as answers:
                await self._send_all(answers)
        except asyncio.CancelledError as error:
            if self._is_stopped:
                # If it was raised here, the task would keep it, and with it all that the run has left behind.
                return
            if self._background.is_closed:
                raise
            # This task was cancelled by a timeout or a task group that the resolver keeps open across a `yield`.
            errors = as_errors(error)
        except Exception as error:
            errors = as_errors(error)
        if not self._is_stopped:
            self._finished(errors)

    async def _send_all(self, answers: AsyncGenerator[Sent, None]) -> None:
        coming: Eager[Sent] | None = None
        try:
            while True:
                answer = await (coming or anext(answers))
                coming = None
                if self._is_stopped:
                    return
                made = [answer]
                coming = add_ready(answers, made, lambda: not self.follow.is_waiting)
                # Even if a resolver has meanwhile stopped its own run: the next run begins after these.
                self._send(made)
        except StopAsyncIteration:
            return
        finally:
            if coming is not None and not coming.is_done:
                await coming.cancel()

    def _send(self, made: list[Sent]) -> None:
        if len(made) == 1:
            self._outlet.next(made[0])
        else:
            self._outlet.next_batch(Batch(made))
        self._deliveries[ALONE] += len(made)


def _run_of(state: State[Solo, GroupKey, Membership]) -> Solo | None:
    match state:
        case Alone(run) | Offered(run, _):
            return run
    return None
