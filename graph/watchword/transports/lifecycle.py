"""The life of a live connection, the same for sockets and for streams over HTTP: its state, the timer of
that state, its lease, and what waits for its client to read."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

from watchword.asgi.backlog import Backlog
from watchword.asgi.wire import Wire
from watchword.delivery.lease import Lease, LeaseHolder
from watchword.errors import Ending
from watchword.principal import Principal
from watchword.process.clock import Timer
from watchword.transports.pipeline import Pipeline
from watchword.transports.state import Machine, Move, State


class Owner(LeaseHolder, Protocol):
    """A connection: what it does when its lease, its server or its client ends it."""

    @property
    def is_busy(self) -> bool:
        """Tell whether a query or a mutation has not been answered yet."""


class Lifecycle(Machine):
    """Ends a connection for the first reason that there is, by `owner.ended`."""

    def __init__(self, pipeline: Pipeline, wire: Wire, owner: Owner, state: State) -> None:
        super().__init__(state)
        self._pipeline = pipeline
        self._wire = wire
        self._owner = owner
        self._lease: Lease | None = None
        self._timer: Timer | None = None
        # When it ends at the latest once the server stops, in Unix seconds.
        self._latest = 0.0
        clock, limits = pipeline.services.clock, pipeline.backlog_limits
        self._backlog = Backlog(clock, limits, wire, lambda: owner.ended(Ending.SLOW))
        wire.on_write = self._backlog.wrote
        wire.on_shutdown = self.drain

    @property
    def lease(self) -> Lease:
        """The lease; there is one from `rent` on."""
        assert self._lease is not None, "nothing starts before there is a lease"
        return self._lease

    def rent(self, principal: Principal) -> None:
        """Take a lease. Raises what `Pipeline.lease` raises."""
        self._lease = self._pipeline.lease(principal, self._owner)

    def move(self, move: Move) -> bool:
        """Make a move; the timer of the state before is forgotten."""
        has_moved = super().move(move)
        if has_moved and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return has_moved

    def wait(self, seconds: float, callback: Callable[[], object]) -> None:
        """Call back after so many seconds if the connection is in the same state then."""
        clock = self._pipeline.services.clock
        self._timer = clock.call_at(clock.now() + seconds, callback)

    def drain(self) -> None:
        """End within `drain_seconds`, not all connections at once: the server stops."""
        if not self.move(Move.DRAIN):
            self._owner.ended(Ending.DRAINING)
            return
        seconds = self._pipeline.settings.drain_seconds
        self._latest = self._pipeline.services.clock.now() + seconds
        self.wait(random.uniform(0, seconds), self.leave)

    def leave(self) -> None:
        """End as soon as queries and mutations are answered, and at the end of `drain_seconds` anyway."""
        if self.move(Move.LEAVE):
            left = self._latest - self._pipeline.services.clock.now()
            self.wait(left, lambda: self._owner.ended(Ending.DRAINING))
        self.rest()

    def rest(self) -> None:
        """Called when a query or a mutation is over: a connection that leaves may end now."""
        if self.state is State.LEAVING and not self._owner.is_busy:
            self._owner.ended(Ending.DRAINING)

    def close(self) -> bool:
        """Close, and give everything back. Returns False when it was closed already."""
        if not self.move(Move.CLOSE):
            return False
        self._backlog.close()
        self._wire.on_write = self._wire.on_shutdown = None
        if self._lease is not None:
            self._pipeline.give_back(self._lease)
        return True
