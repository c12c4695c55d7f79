"""The bus: carries committed events to the other processes.

Every implementation promises this:

* `publish` is called after the commit, with events that have positions. It never waits and never fails. The
  log is authoritative; the bus only makes delivery fast.
* `publish` delivers to the publisher's own process before it returns, whatever that process follows. So a
  process knows its own events before it answers the mutation that made them.
* An event is delivered at most once more and in any order, to every process that follows its stream. The hub
  restores the order and reads missing events from the log.
* `receive` (the hub's) is called on the event loop and must not block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from watchword.events.event import Event

OnEvent = Callable[[Event], None]


class Bus(Protocol):
    """Carries events from a commit to the hub of every process."""

    async def open(self, receive: OnEvent) -> None:
        """Set the one receiver of this process, and start."""

    async def follow(self, stream: str) -> None:
        """Deliver this stream's events to this process from now on."""

    async def unfollow(self, stream: str) -> None:
        """Stop delivering this stream's events to this process."""

    def publish(self, events: Sequence[Event]) -> None:
        """Send committed events to every process that follows their streams."""

    async def close(self) -> None:
        """Send what was published, as far as that is possible now, and stop.

        Call it after the `Background` that runs the bus's tasks was closed.
        """
