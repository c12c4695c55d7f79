"""What waits for one client to read, and when that is too much. Pure: it knows a clock and no socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from watchword.process.clock import Clock, Timer

# Looks in `Patience.seconds`. A single look could follow a pause of the whole process, before the event
# loop has sent anything to a client that does read.
LOOKS = 2


@dataclass(frozen=True, slots=True)
class Patience:
    """Most writes and bytes that may wait for a client, and for how many seconds it may read none of them."""

    writes: int
    size: int
    seconds: float


class Line(Protocol):
    """A connection, as far as it tells what its client has read."""

    @property
    def waiting(self) -> tuple[int, int]:
        """How many writes, and bytes, wait for the client to read."""

    @property
    def taken(self) -> int:
        """How many bytes have left for the client since the connection began."""


class Backlog:
    """Gives a client up, once, when too much waits for it or when it has stopped reading.

    The connection calls `wrote` after each write, so the same rule holds for everything that is
    written to it. A client that stops reading is given up within one and a half times `patience.seconds`.
    """

    __slots__ = (
        "_clock",
        "_give_up",
        "_is_over",
        "_line",
        "_missed",
        "_patience",
        "_taken",
        "_timer",
    )

    def __init__(
        self, clock: Clock, patience: Patience, line: Line, give_up: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._line = line
        self._give_up = give_up
        self._is_over = False
        self._taken = 0
        # How many looks in a row found that the client had read nothing.
        self._missed = 0
        self._timer: Timer | None = None

    def wrote(self, writes: int, size: int) -> None:
        """Look at what waits after a write: so many writes, and bytes."""
        if self._is_over:
            return
        if size > self._patience.size or writes > self._patience.writes:
            self._end()
        elif size and self._timer is None:
            self._missed, self._taken = 0, self._line.taken
            self._wait()

    def close(self) -> None:
        """Stop looking: the connection ends for another reason."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        when = self._clock.now() + self._patience.seconds / LOOKS
        self._timer = self._clock.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        taken = self._line.taken
        self._missed = 0 if taken > self._taken else self._missed + 1
        self._taken = taken
        if not self._line.waiting[1]:
            return
        if self._missed < LOOKS:
            self._wait()
        else:
            self._end()

    def _end(self) -> None:
        self.close()
        self._give_up()
