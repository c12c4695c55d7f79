"""The groups of this process, and the subscriptions that wait for a group."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from watchword.context import Services
from watchword.delivery.group import MOVED_AT_ONCE, Group, Trouble
from watchword.delivery.member import GroupKey, Member
from watchword.execution.engine import Engine
from watchword.execution.troubles import Troubles
from watchword.formats.exact_json import canonical_bytes

ALONE, GROUPED = "alone", "grouped"


class Groups:
    """Forms groups of idle subscriptions that have the same key."""

    def __init__(self, engine: Engine, services: Services) -> None:
        self.engine = engine
        self.services = services
        self._groups: dict[GroupKey, Group] = {}
        self._waiting: dict[GroupKey, dict[Member, None]] = {}
        self.troubles = Troubles()
        extensions = engine.extensions
        self._are_allowed = extensions is None or extensions.share_subscriptions
        self.subscriptions = 0
        """How many subscriptions are open, in groups and alone."""
        self.deliveries = Counter({ALONE: 0, GROUPED: 0})
        """How many answers to events were given to subscriptions, by where these were."""

    @property
    def sizes(self) -> list[int]:
        """The number of members of each group."""
        return [group.size for group in self._groups.values()]

    def offer(self, member: Member) -> GroupKey | None:
        """Group an idle subscription with others that have the same key, if there are any.

        Return the key if it now waits for a group; None if it has joined one, or cannot be grouped.
        """
        key, idle_at = self._key(member), member.idle_at
        if key is None or idle_at is None or not self._allows(key):
            return None
        group = self._groups.get(key)
        if group is not None and group.is_open:
            group.join(member, idle_at)
            return None
        waiting = self._waiting.setdefault(key, {})
        waiting[member] = None
        if group is None:
            self._form(key, waiting)
        return key

    def apart_until(self, member: Member) -> float:
        """Return the time until which offering a subscription is in vain, because its run could not be shared."""
        key = self._key(member)
        return 0 if key is None else self.troubles.until(key)

    def withdraw(self, member: Member, key: GroupKey) -> None:
        """Forget that a subscription waits for a group with this key."""
        if waiting := self._waiting.get(key):
            waiting.pop(member, None)
            if not waiting:
                del self._waiting[key]

    def _form(self, key: GroupKey, waiting: Iterable[Member]) -> None:
        """Form a group if at least two of the waiting subscriptions are idle now."""
        idle = ((member, at) for member in waiting if (at := member.idle_at) is not None)
        two = tuple(islice(idle, 2))
        if len(two) == 2:
            resume_from = min(at for _, at in two)
            # The request or the connection of one member is nothing to the others.
            operation = replace(two[0][0].operation, via=None, live=None)
            self._groups[key] = Group(
                self.engine,
                self.services,
                key,
                operation,
                resume_from,
                self._opened,
                self._closed,
                self._delivered,
            )

    def _opened(self, group: Group) -> None:
        self._take_in(group)
        if self._waiting.get(group.key):
            self.services.background.spawn("the joining of a group", self._take_all_in(group))
        else:
            group.close_if_empty()

    async def _take_all_in(self, group: Group) -> None:
        while self._waiting.get(group.key) and self._groups.get(group.key) is group:
            # The runs of those that have joined end in this pause.
            await asyncio.sleep(0)
            if self._groups.get(group.key) is group:
                self._take_in(group)
        group.close_if_empty()

    def _take_in(self, group: Group) -> None:
        """Let some of the waiting subscriptions join."""
        waiting = self._waiting.get(group.key, {})
        for member in tuple(islice(waiting, MOVED_AT_ONCE)):
            self.withdraw(member, group.key)
            # A subscription that is busy just now offers itself again when it is idle.
            if (idle_at := member.idle_at) is not None:
                group.join(member, idle_at)

    def _closed(self, group: Group, trouble: Trouble | None) -> None:
        if self._groups.get(group.key) is group:
            del self._groups[group.key]
        if trouble is not None:
            now = self.services.clock.now()
            self.troubles.note(group.key, now, is_lasting=trouble is Trouble.PERSONAL)

    def _delivered(self, answers: int) -> None:
        self.deliveries[GROUPED] += answers

    def _key(self, member: Member) -> GroupKey | None:
        topic, principal = member.topic, member.principal
        if topic is None or not self._are_allowed:
            return None
        return GroupKey(
            member.operation.plan,
            canonical_bytes(member.operation.variables or {}),
            principal.grants,
            principal.is_anonymous,
            topic,
            member.operation.wants_cost,
            member.operation.refusals,
        )

    def _allows(self, key: GroupKey) -> bool:
        return self.troubles.allows(key, self.services.clock.now())
