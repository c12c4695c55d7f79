"""Where the answers of one operation go: what a transport promises to delivery."""

from __future__ import annotations

from typing import Any, Protocol

from watchword.delivery.run import Sent


class Outlet(Protocol):
    """One operation on one connection. After its end, or the connection's, it takes and drops all."""

    def next(self, answer: Sent) -> None:
        """Send an answer. Never waits; what does not fit ends the connection."""

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        """End the operation with errors."""

    def complete(self) -> None:
        """End the operation: everything was sent."""

    async def drained(self) -> None:
        """Wait while more is on its way to the client than should be."""
