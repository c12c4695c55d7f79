"""What subscriptions and groups know of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from watchword.delivery.run import Operation, Outlet
from watchword.events.follow import Progress, Topic
from watchword.execution.plan import Plan
from watchword.principal import Grants, Principal


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What subscribers must have in common to be served by one execution."""

    plan: Plan
    variables: bytes
    grants: Grants
    is_anonymous: bool
    topic: Topic


class Membership(Protocol):
    """A group, as its members see it."""

    @property
    def key(self) -> GroupKey:
        """What the members have in common."""

    def leave(self, member: Member) -> None:
        """Take a member out of the group. Does nothing for a subscription that is no member."""

    def answered_to(self, member: Member) -> Progress:
        """Return how far a member's answers go."""


class Member(Protocol):
    """A subscription, as groups see it."""

    @property
    def operation(self) -> Operation: ...

    @property
    def outlet(self) -> Outlet: ...

    @property
    def principal(self) -> Principal: ...

    @property
    def topic(self) -> Topic | None:
        """What the subscription's own run follows; None if it has none."""

    @property
    def idle_at(self) -> Progress | None:
        """How far its answers go, if its own run is idle and could be replaced by a group; else None."""

    def join(self, group: Membership) -> None:
        """Replace the subscription's own run by the group's."""

    def continue_alone(self, resume_from: Progress) -> None:
        """Replace the group's run by one of its own."""

    def finish(self, errors: list[dict[str, Any]] | None) -> None:
        """End as the group's resolver did: with these errors, or without any."""
