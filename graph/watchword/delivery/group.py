"""A group: one run of a resolver for many subscribers with the same document, variables and grants.

A group's execution has no member's identity and runs in the context of the start-up, so it has no member's
context variables either. A resolver that asks for an identity ends the group: the document is then run
for each member by itself, from the place that the member has reached.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from enum import Enum
from typing import Any, cast

from graphql import GraphQLError

from watchword.context import Services
from watchword.delivery.member import GroupKey, Member
from watchword.delivery.run import Operation, Run, Sent, told
from watchword.errors import WatchwordError
from watchword.events.follow import Follow, OtherTopic, Progress
from watchword.execution.engine import Engine
from watchword.principal import Principal, SharedPrincipal, asks_for_one

log = logging.getLogger("watchword.delivery")

# Members that are sent an answer before other tasks have their turn.
AT_ONCE = 200


class Trouble(Enum):
    """Why a run could not be shared."""

    FAILED = "it raised what nobody expected"
    PERSONAL = "it asked for what its members do not have in common"


class Group:
    """One run for all members. A member may join ahead of the run: the answers up to the place where it
    joined are not sent to it."""

    def __init__(
        self,
        engine: Engine,
        services: Services,
        key: GroupKey,
        operation: Operation,
        start: Progress,
        opened: Callable[[Group], object],
        over: Callable[[Group, Trouble | None], object],
    ) -> None:
        """`start` is where the run begins: no member comes in before it. `opened` is called once,
        when the run follows what it should, and members may join; `over` once, when nobody can join
        any more."""
        self.key = key
        self.is_open = False
        self._opened = opened
        self._over = over
        self._is_over = False
        self._background = services.background
        self._principal = SharedPrincipal(key.grants, key.is_anonymous)
        self._members: dict[Member, Progress] = {}
        # The least that all members have had, while an answer is being sent to them or the group ends.
        self._least: Progress | None = None
        # The progress of members that have had the newest answer. Compared with `is`.
        self._last = start
        course = Follow(services.hub, services.event_log, start, idle=self._open, only=key.topic)
        self._run = Run(engine, services, self, operation, course)
        # In the background: it outlives the request of the member that formed it, and must not see that
        # request's context variables, which it would show to the others.
        self._task = self._background.spawn("a group of subscriptions", self._live())

    @property
    def size(self) -> int:
        """How many members there are."""
        return len(self._members)

    @property
    def principal(self) -> Principal:
        """The part of the principal that is the same for all members."""
        return cast(Principal, self._principal)

    def join(self, member: Member, progress: Progress) -> None:
        """Run for a member that is so far, and waits."""
        self._members[member] = progress
        member.join(self)

    def leave(self, member: Member) -> None:
        """Run for a member no more. Without any, the group is over."""
        if self._members.pop(member, None) is not None:
            self.close_if_empty()

    def close_if_empty(self) -> None:
        """Give everything back if there are no members."""
        if not self._members and not self._is_over:
            self._close(None)
            self._task.cancel()

    def progress(self, member: Member) -> Progress:
        """Return how far a member is."""
        return max(self._members[member], self._common)

    @property
    def _common(self) -> Progress:
        reached = self._least or self._run.course.progress
        assert reached is not None, "a group begins somewhere"
        return reached

    async def _live(self) -> None:
        try:
            is_shared = await self._serve()
        except (WatchwordError, GraphQLError) as error:
            # A resolver raises these on purpose, and does so for each member.
            await self._end(told(error), self._is_shared)
        except asyncio.CancelledError as error:
            if self._is_over or self._background.is_closed:
                raise
            # A timeout or a task group that the resolver holds open while it is answered.
            await self._scatter(error)
        except Exception as error:
            # The error may come from sharing: each member runs by itself, and fails or does not.
            log.debug("a group ends: %s", type(error).__name__, exc_info=error)
            await self._scatter(error)
        else:
            await self._end(None, is_shared and self._is_shared)

    @property
    def _is_shared(self) -> bool:
        """Whether the run is that of any member, and has asked for nobody's identity."""
        return self.is_open and not self._principal.was_asked

    async def _serve(self) -> bool:
        """Deliver answers until the resolver ends; return False at the first that is not for all."""
        async with aclosing(self._run.answers()) as answers:
            async for answer in answers:
                if self._principal.was_asked:
                    self._least = answer.before
                    return False
                self._open()
                await self._deliver(answer)
        return True

    def _open(self) -> None:
        # Members keep their own runs until the group's run is open: if it cannot be opened, or asks for an
        # identity, they lose nothing.
        if not self.is_open and not self._principal.was_asked:
            self.is_open = True
            self._opened(self)

    async def _deliver(self, answer: Sent) -> None:
        assert answer.before is not None
        assert answer.after is not None
        members, before, after = self._members, answer.before, answer.after
        self._least = before
        # Most members have had the answer before this one: `is` finds that faster than a comparison.
        last, self._last = self._last, after
        for count, member in enumerate(tuple(members), 1):
            progress = members.get(member)
            if progress is last or (progress is not None and progress <= before):
                members[member] = after
                member.outlet.next(answer)
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)
        self._least = None
        # Let other tasks run, however many events wait.
        await asyncio.sleep(0)

    async def _end(self, errors: list[dict[str, Any]] | None, is_shared: bool) -> None:
        """Tell members that the resolver has ended, but for those that are ahead of it."""
        if not is_shared:
            await self._scatter()
            return
        self._close(None)
        reached = self._common
        async for member, progress in self._dissolve():
            if progress <= reached:
                member.end(errors)
            else:
                member.go_on(progress)

    async def _scatter(self, error: BaseException | None = None) -> None:
        """Let each member go on by itself from where it is."""
        is_personal = (
            self._principal.was_asked or isinstance(error, OtherTopic) or asks_for_one(error)
        )
        self._close(Trouble.PERSONAL if is_personal else Trouble.FAILED)
        reached = self._common
        async for member, progress in self._dissolve():
            member.go_on(max(progress, reached))

    async def _dissolve(self) -> AsyncIterator[tuple[Member, Progress]]:
        self._least = self._common
        count = 0
        while self._members:
            yield self._members.popitem()
            count += 1
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _close(self, trouble: Trouble | None) -> None:
        self._is_over = True
        self._over(self, trouble)
