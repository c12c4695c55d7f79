"""A lease: how long a connection may stay open. Pure: uses a clock and no socket."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

from watchword.errors import Ending
from watchword.principal import Grants, Principal
from watchword.process.clock import Clock, Timer


class LeaseHolder(Protocol):
    """A connection that stays open until its lease ends."""

    def ended(self, ending: Ending) -> None:
        """Called when the lease ends. The holder may send nothing more than the reason."""

    def reminded(self) -> None:
        """Called when the client should renew its token. If it does not, the lease ends at `ends_at`."""

    def regranted(self) -> None:
        """Called when the principal's grants have changed."""


class Lease:
    """Reminds its holder to renew, and tells it once, at the end, why the lease ended.

    The holder is reminded `renew_before` seconds before the end; never if that is 0.
    """

    __slots__ = ("_clock", "_renew_before", "_holder", "_timer", "deadline", "ending", "principal")

    def __init__(
        self, clock: Clock, principal: Principal, holder: LeaseHolder, renew_before: float = 0
    ) -> None:
        self.principal = principal
        self.ending: Ending | None = None
        # The end (Unix seconds) that `outdate` has set, if it was called.
        self.deadline = math.inf
        self._clock = clock
        self._holder = holder
        self._renew_before = renew_before
        self._timer: Timer | None = None
        self._wait(is_reminded=False)

    @property
    def ends_at(self) -> float:
        """When the lease ends unless it is renewed, in Unix seconds."""
        return min(self.principal.expires_at, self.deadline)

    @property
    def renew_at(self) -> float:
        """When the holder is reminded, in Unix seconds."""
        return self.ends_at - self._renew_before

    def end(self, ending: Ending) -> None:
        """End the lease. If it has ended already, the first reason stands."""
        if self.ending is None:
            self.ending = ending
            self.release()
            self._holder.ended(ending)

    def renew(self, principal: Principal) -> None:
        """Continue with the principal of a new token. Does nothing if the lease has ended."""
        if self.ending is None:
            self.deadline = math.inf
            self._become(principal)
            self._wait(is_reminded=False)

    def narrow(self, principal: Principal) -> None:
        """Continue with a principal that has fewer grants, until the same end."""
        if self.ending is None:
            self._become(principal)

    def outdate(self, deadline: float) -> None:
        """Remind the holder at once, and end at the deadline (Unix seconds) unless it renews by then."""
        if self.ending is None and deadline < self.ends_at:
            self.deadline = deadline
            self._wait(is_reminded=True)
            self._holder.reminded()

    def release(self) -> None:
        """Cancel the timer, because the connection is closed."""
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
        # The event loop may run a timer a little before the wall clock reaches its time.
        if self._clock.now() < self.ends_at:
            self._wait(is_reminded=True)
        else:
            is_outdated = self.deadline < self.principal.expires_at
            self.end(Ending.OUTDATED if is_outdated else Ending.EXPIRED)


def narrowed(principal: Principal, grants: Grants) -> Principal:
    """Return the principal with only those of its grants that are also in `grants`."""
    return replace(principal, grants=principal.grants.within(grants))
