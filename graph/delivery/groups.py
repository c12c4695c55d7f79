"""Groups: subscribers with the same document, variables and grants share one execution of each event.

The context of a shared execution has no identity in it. Asking for one ends the group, and its
document is run for each subscriber by itself from then on, from the same place.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from graph.background import Backoff
from graph.context import Services
from graph.course import Course
from graph.delivery.run import Operation, Sent, run
from graph.delivery.subscription import Subscription
from graph.encoding import distinct
from graph.events import BEGINNING, Place
from graph.execution.engine import Engine, Unavailable
from graph.execution.plan import Plan
from graph.principal import Grants, Principal, SharedPrincipal

log = logging.getLogger("watchword.delivery")

# Keys of groups that failed, which are not tried again; when there are more, all get a new chance.
MOST_SPOILT = 10_000


@dataclass(frozen=True, slots=True)
class Key:
    """What subscribers must have in common to be served by one execution."""

    plan: Plan
    variables: bytes
    grants: Grants
    is_anonymous: bool
    stream: str


class Group:
    """One run of a resolver for many subscribers.

    A member has seen everything up to the place where it came in, which may be ahead of the group's
    own: what the group answers up to there is not for it.
    """

    def __init__(self, groups: Groups, key: Key, operation: Operation, place: Place) -> None:
        """`place` is where the group begins: no member comes in before it."""
        self.key = key
        self._groups = groups
        self._operation = operation
        self._principal = SharedPrincipal(key.grants, key.is_anonymous)
        self._members: dict[Subscription, Place] = {}
        self._course = self._new_course(place)
        self._task = asyncio.create_task(self._live())

    @property
    def size(self) -> int:
        """How many members there are."""
        return len(self._members)

    @property
    def principal(self) -> Principal:
        """Who is asking, as far as that is the same for all members."""
        return cast(Principal, self._principal)

    def join(self, subscription: Subscription, place: Place) -> None:
        """Go on for a subscription that has seen everything up to a place, and waits."""
        self._members[subscription] = place
        subscription.join(self)

    def leave(self, subscription: Subscription) -> Place:
        """Let a member go, and return the place where it goes on."""
        place = max(self._members.pop(subscription), self._course.place or BEGINNING)
        if not self._members:
            self._groups.close(self)
            self._task.cancel()
        return place

    async def _live(self) -> None:
        try:
            await self._run()
        except Exception as error:
            # Each member runs into it by itself, and hears of it then.
            log.debug("a group ends: %s", type(error).__name__)
        if self._principal.was_asked:
            self._operation.plan.is_personal = True
        self._scatter()

    async def _run(self) -> None:
        backoff = Backoff(self._groups.services.clock)
        while True:
            place = self._course.place
            try:
                await self._follow()
                return
            except Unavailable:
                if self._course.place != place:
                    backoff.reset()
                self._course = self._new_course(self._course.place)
                await backoff.wait()

    async def _follow(self) -> None:
        groups, course = self._groups, self._course
        answers = run(groups.engine, groups.services, self, self._operation, course)
        async with aclosing(answers):
            async for answer in answers:
                if self._principal.was_asked or course.stream not in (None, self.key.stream):
                    return
                self._deliver(answer, course.at)
                course.settle()
                # Others want to run as well, however many events there are.
                await asyncio.sleep(0)

    def _deliver(self, answer: Sent, at: Place | None) -> None:
        # What is not of an event, each member has had when it began.
        if at is not None:
            for member, place in tuple(self._members.items()):
                if place < at:
                    member.outlet.next(answer)

    def _scatter(self) -> None:
        self._groups.spoil(self)
        settled = self._course.settled or BEGINNING
        members, self._members = self._members, {}
        for subscription, place in members.items():
            subscription.go_on(max(place, settled))

    def _new_course(self, place: Place | None) -> Course:
        services = self._groups.services
        return Course(services.hub, services.log, place)


class Groups:
    """All groups of this process, and those who are still alone in what they want."""

    def __init__(self, engine: Engine, services: Services) -> None:
        self.engine = engine
        self.services = services
        self._groups: dict[Key, Group] = {}
        self._alone: dict[Key, Subscription] = {}
        self._spoilt: set[Key] = set()

    @property
    def sizes(self) -> list[int]:
        """How many members each group has."""
        return [group.size for group in self._groups.values()]

    def offer(self, subscription: Subscription) -> None:
        """Hear that a subscription is quiet: bring it together with others that want the same."""
        self.forget(subscription)
        key = self._key(subscription)
        if key is None:
            return
        if group := self._groups.get(key):
            self._join(group, subscription)
            return
        other = self._alone.setdefault(key, subscription)
        if other is not subscription:
            del self._alone[key]
            self._bring_together(key, other, subscription)
        else:
            subscription.offered = key

    def forget(self, subscription: Subscription) -> None:
        """Hear that a subscription is over, or is not what it was."""
        key, subscription.offered = subscription.offered, None
        if key is not None and self._alone.get(key) is subscription:
            del self._alone[key]

    def close(self, group: Group) -> None:
        """Forget a group that nobody is in any more."""
        if self._groups.get(group.key) is group:
            del self._groups[group.key]

    def spoil(self, group: Group) -> None:
        """Forget a group that failed, and make no other like it."""
        self.close(group)
        if len(self._spoilt) >= MOST_SPOILT:
            self._spoilt.clear()
        self._spoilt.add(group.key)

    def _bring_together(self, key: Key, *both: Subscription) -> None:
        places = [course.place for one in both if (course := one.course) and course.is_idle]
        place = min(place for place in places if place is not None)
        group = self._groups[key] = Group(self, key, both[0].operation, place)
        for one in both:
            self._join(group, one)

    def _join(self, group: Group, subscription: Subscription) -> None:
        subscription.offered = None
        course = subscription.course
        # One that is not quiet any more offers itself again when it is.
        if course is not None and course.is_idle and course.place is not None:
            group.join(subscription, course.place)

    def _key(self, subscription: Subscription) -> Key | None:
        operation, course = subscription.operation, subscription.course
        if operation.plan.is_personal or course is None or not course.is_idle or not course.stream:
            return None
        principal = subscription.lease.principal
        key = Key(
            operation.plan,
            distinct(operation.variables or {}),
            principal.grants,
            principal.is_anonymous,
            course.stream,
        )
        return None if key in self._spoilt else key
