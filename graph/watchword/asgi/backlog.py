"""Decides when to drop a client that does not read. Pure: uses a clock and no socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from watchword.process.clock import Clock, Timer

# The number of checks within `BacklogLimits.seconds`. After a pause of the whole process, the first check
# may run before the event loop has sent anything, even to a client that reads; the second runs after that.
CHECKS = 2


@dataclass(frozen=True, slots=True)
class BacklogLimits:
    """The most writes and bytes that may wait for a client, and the seconds for which it may read nothing."""

    writes: int
    size: int
    seconds: float


class Outgoing(Protocol):
    """The counters of a connection's outgoing data."""

    @property
    def unsent(self) -> tuple[int, int]:
        """The writes, and the bytes, that wait for the client to read."""

    @property
    def sent(self) -> int:
        """The bytes that were sent to the client since the connection began."""


class Backlog:
    """Calls `drop` once, when too much waits for the client or when the client has stopped reading.

    The connection calls `wrote` after each write, so that the rule covers everything that is written to
    it. A client that stops reading is dropped within one and a half times `limits.seconds`.
    """

    __slots__ = (
        "_clock",
        "_drop",
        "_idle_checks",
        "_is_over",
        "_limits",
        "_outgoing",
        "_sent",
        "_timer",
    )

    def __init__(
        self, clock: Clock, limits: BacklogLimits, outgoing: Outgoing, drop: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._outgoing = outgoing
        self._drop = drop
        self._is_over = False
        # `outgoing.sent` at the last check.
        self._sent = 0
        # Checks in a row at which the client had read nothing since the check before.
        self._idle_checks = 0
        self._timer: Timer | None = None

    def wrote(self, writes: int, size: int) -> None:
        """Check the backlog after a write; the arguments are the new value of `outgoing.unsent`."""
        if self._is_over:
            return
        if size > self._limits.size or writes > self._limits.writes:
            self._drop_client()
        elif size and self._timer is None:
            self._idle_checks, self._sent = 0, self._outgoing.sent
            self._schedule()

    def close(self) -> None:
        """Stop checking: the connection ends for another reason."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        when = self._clock.now() + self._limits.seconds / CHECKS
        self._timer = self._clock.call_at(when, self._check)

    def _check(self) -> None:
        self._timer = None
        sent = self._outgoing.sent
        self._idle_checks = 0 if sent > self._sent else self._idle_checks + 1
        self._sent = sent
        if not self._outgoing.unsent[1]:
            return
        if self._idle_checks < CHECKS:
            self._schedule()
        else:
            self._drop_client()

    def _drop_client(self) -> None:
        self.close()
        self._drop()
