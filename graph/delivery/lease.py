"""A lease: the time for which a connection may live. Pure: it knows a clock and no socket."""

from __future__ import annotations

import math
from collections.abc import Callable

from graph.clock import Clock, Timer
from graph.ending import Ending
from graph.principal import Principal


class Lease:
    """Says once, at the moment it is over, why. Whoever holds it closes the connection then."""

    def __init__(
        self, clock: Clock, principal: Principal, over: Callable[[Ending], object]
    ) -> None:
        self.principal = principal
        self.ending: Ending | None = None
        self._clock = clock
        self._over = over
        self._timer: Timer | None = None
        self._wait()

    def end(self, ending: Ending) -> None:
        """End the lease for a reason; the first reason stands."""
        if self.ending is None:
            self.ending = ending
            self.release()
            self._over(ending)

    def release(self) -> None:
        """Stop watching the time: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        expires_at = self.principal.expires_at
        if math.isfinite(expires_at):
            self._timer = self._clock.call_at(expires_at, self._expire)

    def _expire(self) -> None:
        # A timer of the event loop may run a little before the wall clock says so.
        if self._clock.now() < self.principal.expires_at:
            self._wait()
        else:
            self.end(Ending.EXPIRED)
