"""The registry of this process's live connections, and of who is present where by them."""

from __future__ import annotations

import math
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from watchword.connections.live import Listed, LiveConnection, Page, Wanted
from watchword.process.clock import Clock


@dataclass(slots=True, eq=False)
class Stay:
    """A subject's stay at a place: since when (Unix seconds), the connections that hold it there, and the number of
    their subscriptions of the place. It lasts for some seconds without any, in case the client comes back."""

    place: str
    subject: str
    since: float
    held_by: Counter[LiveConnection] = field(default_factory=Counter)
    departures: int = 0
    """How often the last subscription of the place was over."""


class Registry:
    """Every live connection of this process, from its beginning to its close, and the places at which it is present.

    Nothing else in the process records who is where. `process` identifies the process until it ends. The id of a
    connection begins with it.
    """

    def __init__(self, clock: Clock) -> None:
        self.process = secrets.token_hex(6)
        self._clock = clock
        self._numbers = count(1)
        # In the order in which they were opened.
        self._connections: dict[LiveConnection, int] = {}
        # The stays that a connection holds, by place; only of those that hold some.
        self._held: dict[LiveConnection, dict[str, Stay]] = {}
        # All stays, by place and subject.
        self._stays: dict[str, dict[str, Stay]] = {}
        self.on_left: Callable[[Stay], object] | None = None
        """Called when nothing holds a stay any more. `forget` ends it."""

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[LiveConnection]:
        return iter(tuple(self._connections))

    def add(self, connection: LiveConnection) -> None:
        """Add a connection that was opened."""
        self._connections[connection] = next(self._numbers)

    def discard(self, connection: LiveConnection) -> None:
        """Remove a connection that was closed. It holds nobody anywhere any more."""
        self._connections.pop(connection, None)
        for stay in tuple(self._held.get(connection, {}).values()):
            self._let_go(connection, stay)

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

    def enter(self, connection: LiveConnection, place: str) -> bool:
        """Record that one more subscription of a connection is present at a place. Returns whether its subject is new there.

        A connection that is closed, or has not authenticated, is present nowhere.
        """
        principal = connection.principal
        if principal is None or connection not in self._connections:
            return False
        stays = self._stays.setdefault(place, {})
        is_new = principal.subject not in stays
        if is_new:
            stays[principal.subject] = Stay(place, principal.subject, self._clock.now())
        stay = stays[principal.subject]
        stay.held_by[connection] += 1
        self._held.setdefault(connection, {})[place] = stay
        return is_new

    def leave(self, connection: LiveConnection, place: str) -> None:
        """Record that a subscription that was present at a place is over. If the connection is closed, that is known."""
        stay = self._held.get(connection, {}).get(place)
        if stay is None:
            return
        stay.held_by[connection] -= 1
        if not stay.held_by[connection]:
            self._let_go(connection, stay)

    def forget(self, stay: Stay) -> None:
        """End a stay that nothing holds: its subject has left."""
        stays = self._stays[stay.place]
        del stays[stay.subject]
        if not stays:
            del self._stays[stay.place]

    @property
    def places(self) -> list[str]:
        """The places at which somebody is."""
        return [*self._stays]

    def present(self, place: str) -> dict[str, float]:
        """Return the subjects that are at a place by connections of this process, and since when (Unix seconds)."""
        return {stay.subject: stay.since for stay in self._stays.get(place, {}).values()}

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

    def _let_go(self, connection: LiveConnection, stay: Stay) -> None:
        del stay.held_by[connection]
        held = self._held[connection]
        del held[stay.place]
        if not held:
            del self._held[connection]
        if not stay.held_by:
            stay.departures += 1
            if self.on_left is not None:
                self.on_left(stay)

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
            tuple(self._held.get(connection, ())),
        )
