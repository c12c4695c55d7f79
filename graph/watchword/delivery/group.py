"""A group: one run of a resolver for many subscribers with the same document, variables and grants.

A group's run has no member's identity. It runs in the context of the server's start, so it has no member's
context variables either. If a resolver asks for an identity, the group ends, and each member continues with
a run of its own, right after the answers that it has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from enum import Enum
from typing import Any, cast

from graphql import GraphQLError

from watchword.context import Services
from watchword.delivery.member import GroupKey, Member
from watchword.delivery.ready import add_ready
from watchword.delivery.run import Batch, Operation, Run, Sent, as_errors
from watchword.errors import WatchwordError
from watchword.events.follow import Follow, OtherTopic, Progress
from watchword.events.waker import rest_after
from watchword.execution.engine import Engine
from watchword.principal import Principal, SharedPrincipal, cannot_be_shared
from watchword.process.clock import Clock
from watchword.process.eager import Eager

log = logging.getLogger("watchword.delivery")

# Seconds for which members are sent answers before other tasks get a turn; and the number of members after which
# the clock is read.
SLICE_SECONDS = 0.001
LOOK_EVERY = 10
# The number of members that are moved before other tasks get a turn. Each then begins or ends a run of its own.
MOVED_AT_ONCE = 25


class Trouble(Enum):
    """Why a run could not be shared."""

    FAILED = "it raised an unexpected error"
    PERSONAL = "it asked for something that its members do not have in common"


class _Slice:
    """The time for which a loop may hold the event loop.

    How long a member takes depends on its client: the kernel takes what is written, or it waits in a buffer.
    """

    __slots__ = ("_began", "_clock")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()

    @property
    def is_over(self) -> bool:
        """Whether other tasks must get a turn now."""
        # If the clock was set back, the time is not known.
        return not 0 <= self._clock.now() - self._began < SLICE_SECONDS

    async def pause(self) -> None:
        """Give other tasks a turn, and begin again."""
        await asyncio.sleep(0)
        self._began = self._clock.now()


async def _rest(seconds: float) -> None:
    """Let other tasks run, however many events wait; and more events happen, if sending took many seconds."""
    await asyncio.sleep(rest_after(seconds))


class Group:
    """One run for all members.

    A member may join with more answers than the run has made. It is not sent those again.
    """

    def __init__(
        self,
        engine: Engine,
        services: Services,
        key: GroupKey,
        operation: Operation,
        resume_from: Progress,
        opened: Callable[[Group], object],
        closed: Callable[[Group, Trouble | None], object],
        delivered: Callable[[int], object] = lambda answers: None,
    ) -> None:
        """The run begins after `resume_from`; every member that joins must have the answers up to there. `opened`
        is called once, when the run follows the key's topic and members may join. `closed` is called once,
        when no more may join. `delivered` is called with the number of answers that members were sent together."""
        self.key = key
        self.is_open = False
        self._opened = opened
        self._closed = closed
        self._delivered = delivered
        self._is_closed = False
        self._background = services.background
        # What each answer costs; 0 without budgets.
        is_charged = services.budgets.is_set
        self._cost = engine.planner.cost(operation.plan, operation.variables) if is_charged else 0
        self._clock = services.clock
        self._principal = SharedPrincipal(key.grants, key.is_anonymous, services.claims_read)
        self._members: dict[Member, Progress] = {}
        # The progress that every member has reached at least. Set while an answer is being sent and once the
        # group is dissolved; at other times, the run's progress counts.
        self._floor: Progress | None = None
        # The progress of the members that have the newest answer. It is compared by identity.
        self._newest = resume_from
        follow = Follow(
            services.hub, services.event_log, resume_from, idle=self._open, only=key.topic
        )
        self._run = Run(engine, services, self, operation, follow)
        # In the background: the run outlives the request of the member that formed the group, and must not
        # see that request's context variables, or it would show them to the other members.
        self._task = self._background.spawn("a group of subscriptions", self._live())

    @property
    def size(self) -> int:
        """The number of members."""
        return len(self._members)

    @property
    def principal(self) -> Principal:
        """The part of the principal that all members have in common."""
        return cast(Principal, self._principal)

    @property
    def behind(self) -> int:
        """How many events that have happened wait for the run."""
        return self._run.follow.behind

    @property
    def is_quiet(self) -> bool:
        """Whether all members have every answer, and the run waits for an event that has not happened yet."""
        return self._run.follow.is_idle

    def join(self, member: Member, answered_to: Progress) -> None:
        """Add a waiting member that has the answers up to `answered_to`."""
        self._members[member] = answered_to
        member.join(self)

    def leave(self, member: Member) -> None:
        """Remove a member. Close the group if it was the last."""
        if self._members.pop(member, None) is not None:
            self.close_if_empty()

    def close_if_empty(self) -> None:
        """Close the group and cancel its run if it has no members."""
        if not self._members and not self._is_closed:
            self._close(None)
            self._task.cancel()

    def answered_to(self, member: Member) -> Progress:
        """Return the progress that a member's answers have reached."""
        return max(self._members[member], self._answered_to_all)

    @property
    def _answered_to_all(self) -> Progress:
        answered_to = self._floor or self._run.follow.answered_to
        assert answered_to is not None, "a group's run has a place to begin"
        return answered_to

    async def _live(self) -> None:
        try:
            is_shared = await self._serve()
        except (WatchwordError, GraphQLError) as error:
            # A resolver raises these on purpose, and would do so for each member.
            await self._finish(as_errors(error), self._is_shared)
        except asyncio.CancelledError as error:
            if self._is_closed or self._background.is_closed:
                raise
            # This task was cancelled by a timeout or a task group that the resolver keeps open across a `yield`.
            await self._scatter(error)
        except Exception as error:
            # Sharing may have caused the error. Run each member separately; a real error is raised again.
            log.debug("a shared execution ended: %s", type(error).__name__, exc_info=error)
            await self._scatter(error)
        else:
            await self._finish(None, is_shared and self._is_shared)

    @property
    def _is_shared(self) -> bool:
        """Whether the run has been the same for all members: it is open, and never asked for an identity."""
        return self.is_open and not self._principal.was_asked

    async def _serve(self) -> bool:
        """Send answers until the resolver ends. Return False at the first answer that asked for an identity."""
        async with aclosing(self._run.answers()) as answers:
            coming: Eager[Sent] | None = None
            try:
                while True:
                    answer = await (coming or anext(answers))
                    coming, self._floor = None, answer.resume_from
                    if self._principal.was_asked:
                        return False
                    self._open()
                    made, began = [answer], self._clock.now()
                    coming = self._gather(answers, made)
                    await self._send(Batch(made))
                    # An answer that asked for an identity is not sent. It counts when it is looked at, above.
                    is_kept = coming is not None and coming.has_result
                    self._floor = made[-1].answered_to if is_kept else None
                    await _rest(self._clock.now() - began)
            except StopAsyncIteration:
                return True
            finally:
                if coming is not None and not coming.is_done:
                    await coming.cancel()

    def _gather(self, answers: AsyncGenerator[Sent], made: list[Sent]) -> Eager[Sent] | None:
        turn = _Slice(self._clock)
        return add_ready(
            answers,
            made,
            lambda: not (self._run.follow.is_waiting or turn.is_over),
            lambda: self._principal.was_asked,
        )

    def _open(self) -> None:
        # Members keep their own runs until this point, so they lose nothing if the group's run cannot begin or
        # asks for an identity.
        if not self.is_open and not self._principal.was_asked:
            self.is_open = True
            self._opened(self)

    async def _send(self, batch: Batch) -> None:
        # Most members have exactly the answers before these. `is` shows that faster than a comparison.
        previous, self._newest = self._newest, batch.answered_to
        members, newest = self._members, batch.answered_to
        everyone, turn = tuple(members), _Slice(self._clock)
        # One execution serves all, so each member pays its part of it.
        price = self._cost / max(1, len(everyone))
        for first in range(0, len(everyone), LOOK_EVERY):
            for member in everyone[first : first + LOOK_EVERY]:
                at = members.get(member)
                lacking = batch if at is previous else None if at is None else batch.after(at)
                if lacking is None:
                    continue
                if price and not member.pay(price * len(lacking.answers)):
                    # Its own run waits until it can pay.
                    member.continue_alone(self.answered_to(member))
                    continue
                members[member] = newest
                member.outlet.next_batch(lacking)
            if turn.is_over:
                await turn.pause()
        self._delivered(len(everyone) * len(batch.answers))

    async def _finish(self, errors: list[dict[str, Any]] | None, is_shared: bool) -> None:
        """End each member as the resolver has ended. Members with more answers than the run continue alone."""
        if not is_shared:
            await self._scatter()
            return
        self._close(None)
        answered_to = self._answered_to_all
        async for member, at in self._dissolve():
            if at <= answered_to:
                member.finish(errors)
            else:
                member.continue_alone(at)

    async def _scatter(self, error: BaseException | None = None) -> None:
        """Let each member continue alone from where it is."""
        is_personal = (
            self._principal.was_asked or isinstance(error, OtherTopic) or cannot_be_shared(error)
        )
        self._close(Trouble.PERSONAL if is_personal else Trouble.FAILED)
        answered_to = self._answered_to_all
        async for member, at in self._dissolve():
            member.continue_alone(max(at, answered_to))

    async def _dissolve(self) -> AsyncIterator[tuple[Member, Progress]]:
        self._floor = self._answered_to_all
        moved = 0
        while self._members:
            yield self._members.popitem()
            moved += 1
            if moved % MOVED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _close(self, trouble: Trouble | None) -> None:
        self._is_closed = True
        self._closed(self, trouble)
