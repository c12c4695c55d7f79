"""The registry of this process's live connections."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator
from itertools import count

from watchword.connections.live import Listed, LiveConnection, Page, Wanted


class Registry:
    """Every live connection of this process, from its beginning to its close.

    `process` identifies the process until it ends. The id of a connection begins with it.
    """

    def __init__(self) -> None:
        self.process = secrets.token_hex(6)
        self._numbers = count(1)
        # In the order in which they were opened.
        self._connections: dict[LiveConnection, int] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[LiveConnection]:
        return iter(tuple(self._connections))

    def add(self, connection: LiveConnection) -> None:
        """Add a connection that was opened."""
        self._connections[connection] = next(self._numbers)

    def discard(self, connection: LiveConnection) -> None:
        """Remove a connection that was closed."""
        self._connections.pop(connection, None)

    def id(self, connection: LiveConnection) -> str:
        """Return the id of a connection, which no other connection of any process has or will have."""
        return f"{self.process}-{self._connections[connection]}"

    def find(self, id: str) -> LiveConnection | None:
        """Return the connection with an id; None if this process has none."""
        process, _, number = id.partition("-")
        if process != self.process:
            return None
        found = (each for each, own in self._connections.items() if str(own) == number)
        return next(found, None)

    def page(self, wanted: Wanted) -> Page:
        """Return the connections that are wanted."""
        found: list[Listed] = []
        total = 0
        for connection in reversed(self._connections):
            if not self._is_wanted(connection, wanted):
                continue
            total += 1
            if len(found) < wanted.first and self._is_older(connection, wanted.before):
                found.append(self._listed(connection))
        return Page(found, total)

    def _is_wanted(self, connection: LiveConnection, wanted: Wanted) -> bool:
        if wanted.id is not None and self.id(connection) != wanted.id:
            return False
        principal = connection.principal
        return wanted.subject is None or (
            principal is not None and principal.subject == wanted.subject
        )

    def _is_older(self, connection: LiveConnection, before: tuple[float, str] | None) -> bool:
        return before is None or (connection.opened_at, self.id(connection)) < before

    def _listed(self, connection: LiveConnection) -> Listed:
        principal, ends_at = connection.principal, connection.ends_at
        return Listed(
            self.id(connection),
            "" if principal is None else principal.subject,
            connection.session,
            None if principal is None else principal.client,
            connection.address,
            connection.transport,
            connection.opened_at,
            ends_at if math.isfinite(ends_at) else None,
            tuple(connection.subscriptions),
            connection.unsent_bytes,
        )
