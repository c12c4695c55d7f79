"""A lease: the time for which a connection may live. Pure: it knows a clock and no socket."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

from watchword.errors import Ending
from watchword.principal import Grants, Principal
from watchword.process.clock import Clock, Timer


class LeaseHolder(Protocol):
    """Whoever lives by a lease: a connection."""

    def ended(self, ending: Ending) -> None:
        """The lease is over: nothing more may leave but the reason."""

    def reminded(self) -> None:
        """It is time to renew: the lease ends at `ends_at` otherwise."""

    def regranted(self) -> None:
        """The principal's grants are others from now on."""


class Lease:
    """Says once, at the moment it is over, why; and before that, that it will be.

    `renew_before` is how many seconds before its end the holder is reminded.
    """

    __slots__ = ("_clock", "_renew_before", "_holder", "_timer", "deadline", "ending", "principal")

    def __init__(
        self, clock: Clock, principal: Principal, holder: LeaseHolder, renew_before: float = 0
    ) -> None:
        self.principal = principal
        self.ending: Ending | None = None
        # Until when a token that no longer fits is suffered, in Unix seconds.
        self.deadline = math.inf
        self._clock = clock
        self._holder = holder
        self._renew_before = renew_before
        self._timer: Timer | None = None
        self._wait(is_reminded=False)

    @property
    def ends_at(self) -> float:
        """When it ends unless it is renewed, in Unix seconds."""
        return min(self.principal.expires_at, self.deadline)

    @property
    def renew_at(self) -> float:
        """When the holder is reminded, in Unix seconds."""
        return self.ends_at - self._renew_before

    def end(self, ending: Ending) -> None:
        """End the lease for a reason; the first reason stands."""
        if self.ending is None:
            self.ending = ending
            self.release()
            self._holder.ended(ending)

    def renew(self, principal: Principal) -> None:
        """Go on as the principal of a new token. One that is over stays over."""
        if self.ending is None:
            self.deadline = math.inf
            self._become(principal)
            self._wait(is_reminded=False)

    def narrow(self, principal: Principal) -> None:
        """Go on with what is left of the grants, until the end that is set already."""
        if self.ending is None:
            self._become(principal)

    def outdate(self, deadline: float) -> None:
        """Remind the holder at once; without a new token it ends at the deadline (Unix seconds)."""
        if self.ending is None and deadline < self.ends_at:
            self.deadline = deadline
            self._wait(is_reminded=True)
            self._holder.reminded()

    def release(self) -> None:
        """Stop watching the time: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _become(self, principal: Principal) -> None:
        before, self.principal = self.principal.grants, principal
        if principal.grants != before:
            self._holder.regranted()

    def _wait(self, is_reminded: bool) -> None:
        self.release()
        if not math.isfinite(self.ends_at):
            return
        is_due = is_reminded or not self._renew_before
        if not is_due and self._clock.now() < self.renew_at:
            self._timer = self._clock.call_at(self.renew_at, self._remind)
        else:
            self._timer = self._clock.call_at(self.ends_at, self._expire)

    def _remind(self) -> None:
        self._wait(is_reminded=True)
        self._holder.reminded()

    def _expire(self) -> None:
        # A timer of the event loop may run a little before the wall clock says so.
        if self._clock.now() < self.ends_at:
            self._wait(is_reminded=True)
        else:
            is_outdated = self.deadline < self.principal.expires_at
            self.end(Ending.OUTDATED if is_outdated else Ending.EXPIRED)


def narrowed(principal: Principal, grants: Grants) -> Principal:
    """Return the principal with what it has of these grants, and no more."""
    return replace(principal, grants=principal.grants.within(grants))
