"""The groups of this process, and the subscriptions that wait for others of the same key."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from watchword.context import Services
from watchword.delivery.group import Group, Trouble
from watchword.delivery.member import GroupKey, Member
from watchword.delivery.troubles import Troubles
from watchword.execution.engine import Engine
from watchword.formats.exact_json import canonical_bytes


class Groups:
    """Brings subscriptions together that wait for the same, and can be run for as one."""

    def __init__(self, engine: Engine, services: Services) -> None:
        self.engine = engine
        self.services = services
        self._groups: dict[GroupKey, Group] = {}
        self._waiting: dict[GroupKey, dict[Member, None]] = {}
        self.troubles = Troubles()

    @property
    def sizes(self) -> list[int]:
        """How many members each group has."""
        return [group.size for group in self._groups.values()]

    def offer(self, member: Member) -> GroupKey | None:
        """Bring a subscription that waits together with others, if there are any.

        Return the key by which it waits for a group; None when it has joined one, or cannot.
        """
        key, rest = self._key(member), member.rest
        if key is None or rest is None:
            return None
        group = self._groups.get(key)
        if group is not None and group.is_open:
            group.join(member, rest)
            return None
        waiting = self._waiting.setdefault(key, {})
        waiting[member] = None
        if group is None:
            self._bring_together(key, waiting)
        return key

    def withdraw(self, member: Member, key: GroupKey) -> None:
        """Forget that a subscription waits."""
        if waiting := self._waiting.get(key):
            waiting.pop(member, None)
            if not waiting:
                del self._waiting[key]

    def _bring_together(self, key: GroupKey, waiting: Iterable[Member]) -> None:
        resting = ((member, rest) for member in waiting if (rest := member.rest) is not None)
        two = tuple(islice(resting, 2))
        if len(two) == 2:
            start = min(rest for _, rest in two)
            operation = two[0][0].operation
            self._groups[key] = Group(
                self.engine, self.services, key, operation, start, self._opened, self._over
            )

    def _opened(self, group: Group) -> None:
        for member in self._waiting.pop(group.key, {}):
            # A subscription that is not waiting just now offers itself again when it waits.
            if (rest := member.rest) is not None:
                group.join(member, rest)
        group.close_if_empty()

    def _over(self, group: Group, trouble: Trouble | None) -> None:
        if self._groups.get(group.key) is group:
            del self._groups[group.key]
        if trouble is not None:
            now = self.services.clock.now()
            self.troubles.note(group.key, now, is_lasting=trouble is Trouble.PERSONAL)

    def _key(self, member: Member) -> GroupKey | None:
        topic, principal = member.topic, member.principal
        if topic is None:
            return None
        key = GroupKey(
            member.operation.plan,
            canonical_bytes(member.operation.variables or {}),
            principal.grants,
            principal.is_anonymous,
            topic,
        )
        return key if self.troubles.allows(key, self.services.clock.now()) else None
