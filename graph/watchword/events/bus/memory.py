"""The bus of a server with only one process."""

from __future__ import annotations

from collections.abc import Sequence

from watchword.events.bus.bus import OnEvent
from watchword.events.event import Event


class MemoryBus:
    """Hands events straight to this process's hub."""

    def __init__(self) -> None:
        self._receive: OnEvent | None = None

    async def open(self, receive: OnEvent) -> None:
        self._receive = receive

    async def follow(self, stream: str) -> None:
        pass

    async def unfollow(self, stream: str) -> None:
        pass

    def publish(self, events: Sequence[Event]) -> None:
        if self._receive is not None:
            for event in events:
                self._receive(event)

    async def close(self) -> None:
        self._receive = None
