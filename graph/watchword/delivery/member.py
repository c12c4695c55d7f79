"""The interfaces through which subscriptions and groups use each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from watchword.delivery.run import Operation, Outlet
from watchword.events.follow import Progress, Topic
from watchword.execution.plan import Plan
from watchword.principal import Grants, Principal


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Subscribers with equal keys can be served by one execution."""

    plan: Plan
    variables: bytes
    grants: Grants
    is_anonymous: bool
    topic: Topic
    wants_cost: bool = False
    refusals: str | None = None


class Membership(Protocol):
    """A group, as its members see it."""

    @property
    def key(self) -> GroupKey:
        """The key of all members."""

    def leave(self, member: Member) -> None:
        """Remove a member from the group. Does nothing for a subscription that is not a member."""

    def answered_to(self, member: Member) -> Progress:
        """Return the progress that a member's answers have reached."""

    @property
    def behind(self) -> int:
        """How many events that have happened wait for the run."""

    @property
    def is_quiet(self) -> bool:
        """Whether all members have every answer, and the run waits for an event that has not happened yet."""


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
        """The topic that its own run follows; None without a run, or before the run follows anything."""

    @property
    def idle_at(self) -> Progress | None:
        """The progress of its answers if its own run is idle, so that a group can replace it; else None."""

    def join(self, group: Membership) -> None:
        """Replace the subscription's own run by the group's."""

    def continue_alone(self, resume_from: Progress) -> None:
        """Replace the group's run by a run of its own, which begins after `resume_from`."""

    def pay(self, cost: float) -> bool:
        """Charge what the member is sent to its budgets. Return False, and charge nothing, if too little is left."""

    def finish(self, errors: list[dict[str, Any]] | None) -> None:
        """End as the group's resolver did: with these errors, or without any."""
