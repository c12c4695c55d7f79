"""What groups know of a subscription."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from watchword.delivery.outlet import Outlet
from watchword.delivery.run import Operation
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
    """What a subscription knows of its group."""

    @property
    def key(self) -> GroupKey:
        """What its members have in common."""

    def leave(self, member: Member) -> None:
        """Take a member out of the group. Does nothing for a subscription that is no member."""

    def progress(self, member: Member) -> Progress:
        """Return how far a member is."""


class Member(Protocol):
    """A subscription that may share a run with others."""

    @property
    def operation(self) -> Operation: ...

    @property
    def outlet(self) -> Outlet: ...

    @property
    def principal(self) -> Principal: ...

    @property
    def topic(self) -> Topic | None:
        """What its own run follows; None without one."""

    @property
    def rest(self) -> Progress | None:
        """How far it is, while its own run waits for what has not happened yet; None otherwise."""

    def join(self, group: Membership) -> None:
        """Let a group run for it from now on."""

    def go_on(self, progress: Progress) -> None:
        """Begin a run of its own from here: the group does not run for it any more."""

    def end(self, errors: list[dict[str, Any]] | None) -> None:
        """End as the group's resolver did: with errors, or because there is no more."""
