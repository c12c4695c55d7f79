"""The lifecycle of a live connection, the same for a WebSocket and a streamed HTTP response.

It combines the connection's state, the timer of that state, the lease and the client's backlog, and ends
the connection when the first of them gives a reason to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from math import inf
from typing import Protocol

from watchword.asgi.backlog import Backlog
from watchword.asgi.wire import Wire
from watchword.connections.live import Subscribed, Transport
from watchword.delivery.lease import Lease, LeaseHolder
from watchword.errors import Ending
from watchword.principal import Principal
from watchword.process.clock import Timer
from watchword.transports.pipeline import Pipeline
from watchword.transports.state import ConnectionState, StateMachine, Transition


class Owner(LeaseHolder, Protocol):
    """The connection itself. Its `ended` is called when its lease, its server or its client ends it."""

    @property
    def address(self) -> str:
        """The network address of the client."""

    @property
    def transport(self) -> Transport: ...

    @property
    def subscriptions(self) -> Iterable[Subscribed]:
        """Its open subscriptions."""

    @property
    def is_busy(self) -> bool:
        """Whether a query or a mutation has not been answered yet."""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being answered: each subscription waits for an event that has not happened."""


class Lifecycle(StateMachine):
    """Calls `owner.ended` when the lease ends, the server stops, or the client does not read."""

    __slots__ = (
        "_backlog",
        "_drain_ends_at",
        "_lease",
        "_owner",
        "_pipeline",
        "_timer",
        "_wire",
        "opened_at",
    )

    def __init__(
        self, pipeline: Pipeline, wire: Wire, owner: Owner, state: ConnectionState
    ) -> None:
        super().__init__(state)
        self._pipeline = pipeline
        self._owner = owner
        self._lease: Lease | None = None
        # The timer of the present state.
        self._timer: Timer | None = None
        # The latest end of a draining connection, in Unix seconds.
        self._drain_ends_at = 0.0
        self._watch(wire)
        self.opened_at = pipeline.services.clock.now()
        pipeline.live.add(self)

    def use(self, wire: Wire) -> None:
        """Watch this wire from now on, and not the one before."""
        self._unwatch()
        self._watch(wire)

    @property
    def lease(self) -> Lease:
        """The lease. Call `take_lease` first."""
        assert self._lease is not None, "nothing starts before there is a lease"
        return self._lease

    @property
    def id(self) -> str:
        """The id of the connection, which no other connection of any process has."""
        return self._pipeline.live.id(self)

    @property
    def principal(self) -> Principal | None:
        """The principal; None before there is a lease."""
        return None if self._lease is None else self._lease.principal

    @property
    def address(self) -> str:
        """The network address of the client."""
        return self._owner.address

    @property
    def transport(self) -> Transport:
        """How the connection carries its answers."""
        return self._owner.transport

    @property
    def ends_at(self) -> float:
        """When it ends unless it is renewed, in Unix seconds; infinite if nothing ends it."""
        return inf if self._lease is None else self._lease.ends_at

    @property
    def subscriptions(self) -> Iterable[Subscribed]:
        """Its open subscriptions."""
        return self._owner.subscriptions

    @property
    def unsent_bytes(self) -> int:
        """How many bytes were written and wait for the client to read."""
        return self._wire.unsent[1]

    def end(self, ending: Ending) -> None:
        """End the connection, and tell the client why."""
        if self._lease is None:
            self._owner.ended(ending)
        else:
            self._lease.end(ending)

    @property
    def session(self) -> str | None:
        """The session of the principal; None for an anonymous one, and before there is a lease."""
        return None if self._lease is None else self._lease.principal.session

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being answered or sent: each subscription waits for an event that has not happened."""
        return self.is_sent and self._owner.is_quiet

    @property
    def is_sent(self) -> bool:
        """Whether the client has been sent everything that was written."""
        return not self._wire.unsent[0]

    def take_lease(self, principal: Principal) -> None:
        """Take a lease for the principal. Raises what `Pipeline.lease` raises."""
        self._lease = self._pipeline.lease(principal, self._owner)

    def go(self, transition: Transition) -> bool:
        """Make a transition, as `StateMachine.go` does, and cancel the timer of the state before."""
        has_moved = super().go(transition)
        if has_moved and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return has_moved

    def call_later(self, seconds: float, callback: Callable[[], object]) -> None:
        """Call back after `seconds`, unless the connection has left its present state by then."""
        clock = self._pipeline.services.clock
        self._timer = clock.call_at(clock.now() + seconds, callback)

    def drain(self) -> None:
        """End within `drain_seconds`, because the server stops.

        Each connection ends at a random moment, so that the clients do not all reconnect at once.
        """
        if not self.go(Transition.DRAIN):
            self._owner.ended(Ending.DRAINING)
            return
        seconds = self._pipeline.settings.drain_seconds
        self._drain_ends_at = self._pipeline.services.clock.now() + seconds
        self.call_later(random.uniform(0, seconds), self.finish)

    def finish(self) -> None:
        """End once all queries and mutations are answered, and at the end of `drain_seconds` in any case."""
        if self.go(Transition.FINISH):
            left = self._drain_ends_at - self._pipeline.services.clock.now()
            self.call_later(left, lambda: self._owner.ended(Ending.DRAINING))
        self.operation_answered()

    def operation_answered(self) -> None:
        """Called when a query or a mutation is answered: a finishing connection may be able to end now."""
        if self.state is ConnectionState.FINISHING and not self._owner.is_busy:
            self._owner.ended(Ending.DRAINING)

    def close(self) -> bool:
        """Close, and release the lease and the callbacks. Returns False when it was closed already."""
        if not self.go(Transition.CLOSE):
            return False
        self._pipeline.live.discard(self)
        self._unwatch()
        if self._lease is not None:
            self._pipeline.release(self._lease)
        return True

    def _watch(self, wire: Wire) -> None:
        clock, limits = self._pipeline.services.clock, self._pipeline.backlog_limits
        self._wire = wire
        self._backlog = Backlog(clock, limits, wire, lambda: self._owner.ended(Ending.SLOW))
        wire.on_write = self._backlog.wrote
        wire.on_shutdown = self.drain

    def _unwatch(self) -> None:
        self._backlog.close()
        self._wire.on_write = self._wire.on_shutdown = None
