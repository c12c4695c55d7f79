"""The bus: how processes wake each other after a commit.

Its promise, which every implementation keeps:

* `publish` is called after the commit, with events that have their positions. It neither waits nor
  fails: the log is the truth, an event on the bus is a wake-up.
* Delivery is at most once and in any order, to every process that follows the stream, the
  publisher's own included. The hub puts in order, and reads from the log what is missing.
* `receive` (the hub) is called on the event loop and must not block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from watchword.events.event import Event

Receive = Callable[[Event], None]


class Bus(Protocol):
    """Carries events from a commit to the hub of every process."""

    async def open(self, receive: Receive) -> None:
        """Attach the one receiver of this process and begin to carry."""

    async def follow(self, stream: str) -> None:
        """Carry this stream's events to this process from now on."""

    async def unfollow(self, stream: str) -> None:
        """Carry this stream's events here no more."""

    def publish(self, events: Sequence[Event]) -> None:
        """Carry committed events to every process that follows their streams."""

    async def close(self) -> None:
        """Carry what was published, as far as that can be done now, and stop.

        The background, in which a bus runs what it needs, has been closed before.
        """
