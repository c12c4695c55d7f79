"""One subscription: it begins by itself, and joins those who want the same as soon as it is quiet.

While it runs by itself it has a task, a resolver and a mailbox of its own. Once its resolver has had
everything that has happened and waits, it is at the same place as all others that wait, and a group
can do for it what it would do for itself. It leaves the group for itself again, from the very same
place, when its grants change or the group ends. So nothing is lost or doubled on the way in or out.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from graph.background import Backoff
from graph.course import Course
from graph.delivery.lease import Lease
from graph.delivery.outlet import Outlet
from graph.delivery.run import Operation, run
from graph.events import Place
from graph.execution.engine import Unavailable
from graph.execution.masking import conceal, present
from graph.execution.plan import Refused

if TYPE_CHECKING:
    from graph.delivery.groups import Group, Groups, Key


class Subscription:
    """An operation that goes on until its client, its lease or its resolver ends it."""

    __slots__ = (
        "_course",
        "_group",
        "_resume",
        "_task",
        "groups",
        "lease",
        "offered",
        "operation",
        "outlet",
    )

    def __init__(
        self,
        groups: Groups,
        lease: Lease,
        operation: Operation,
        outlet: Outlet,
        resume: str | None = None,
    ) -> None:
        """`resume` is the cursor after which it begins, if it is not new."""
        self.groups = groups
        self.operation = operation
        self.outlet = outlet
        self.lease = lease
        # What it has in common with others, while it waits for one of them.
        self.offered: Key | None = None
        self._resume = resume
        self._course: Course | None = None
        self._group: Group | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def course(self) -> Course | None:
        """Its own course; None while it is in a group."""
        return self._course

    def start(self) -> None:
        """Begin, or go on from where it was."""
        self._begin(None)

    def stop(self) -> None:
        """Send nothing more, and give everything back."""
        if self._group is not None:
            self._group.leave(self)
            self._group = None
        self._cancel()

    def regrant(self) -> None:
        """Go on with other grants; what they do not allow any more is refused."""
        if self._group is not None:
            self.go_on(self._group.leave(self))
        elif self._course is not None and self._course.stream is not None:
            place = self._course.place
            self._cancel()
            self._begin(place)

    def join(self, group: Group) -> None:
        """Let a group go on for it, from where it waits."""
        self._group = group
        self._resume = None
        self._cancel()

    def go_on(self, place: Place | None) -> None:
        """Go on by itself, from a place: its group does so no more."""
        self._group = None
        self._begin(place)

    def _begin(self, place: Place | None) -> None:
        self._task = asyncio.create_task(self._live(place))

    def _cancel(self) -> None:
        self.groups.forget(self)
        if self._task is not None:
            self._task.cancel()
        self._task = self._course = None

    async def _live(self, place: Place | None) -> None:
        try:
            await self._run(place)
        except Refused as refused:
            self._end(self.outlet.refuse, [present(error) for error in refused.errors])
        except Exception as error:
            self._end(self.outlet.refuse, [conceal(error).as_dict()])
        else:
            self._end(self.outlet.complete)

    def _end(self, end: Any, *arguments: Any) -> None:
        self.groups.forget(self)
        self._task = self._course = None
        end(*arguments)

    async def _run(self, place: Place | None) -> None:
        groups, backoff = self.groups, Backoff(self.groups.services.clock)
        while True:
            course = Course(
                groups.services.hub, groups.services.log, place, self._resume, self._quiet
            )
            self._course = course
            try:
                await self._follow(course)
                return
            except Unavailable:
                if course.place != place:
                    backoff.reset()
                place = course.place
                await backoff.wait()

    async def _follow(self, course: Course) -> None:
        groups = self.groups
        answers = run(groups.engine, groups.services, self.lease, self.operation, course)
        async with aclosing(answers):
            async for answer in answers:
                self.outlet.next(answer)
                course.settle()
                await self.outlet.drained()

    def _quiet(self) -> None:
        # Called while the resolver is about to wait; in a moment it does.
        asyncio.get_running_loop().call_soon(self.groups.offer, self)
