"""Where the answers of one operation go: what a transport offers to delivery."""

from __future__ import annotations

from typing import Any, Protocol

from watchword.delivery.run import Sent


class Outlet(Protocol):
    """One operation on one connection. After the end of either, it ignores everything that it is given."""

    def next(self, answer: Sent) -> None:
        """Send an answer. Never waits: if too much is unread, the connection is closed."""

    def refuse(self, errors: list[dict[str, Any]]) -> None:
        """End the operation with errors."""

    def complete(self) -> None:
        """End the operation without errors."""

    async def drained(self) -> None:
        """Wait until little enough is unread that the client can be sent more."""
