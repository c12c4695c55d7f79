"""The bus: how processes wake each other after a commit.

Its promise, which every implementation keeps:

* `publish` is called after the commit and never fails the mutation: the rows are the truth, an
  event is a wake-up.
* Events of one `publish` call arrive in its order, and calls made one after the other by one
  process arrive in that order.
* Delivery is at most once, to every process that is attached, the publisher's own included.
* `receive` (the hub) is called on the event loop and must not block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from graph.events import Event

Receive = Callable[[Event], None]


class Bus(Protocol):
    """Carries events from a commit to the hub of every process."""

    async def open(self, receive: Receive) -> None:
        """Attach the one receiver of this process and begin to carry."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Carry committed events to every attached process."""

    async def close(self) -> None:
        """Stop carrying."""
