"""How many live connections an address and a principal may have, and how fast one may talk. Pure."""

from __future__ import annotations

from collections import Counter

from graph.errors import RateLimited
from graph.neighbourhood import places

# Seconds after which a client that was turned away may try again.
RETRY_AFTER = 30.0


class Admission:
    """Counts the live connections of this process by address, in each of its networks."""

    def __init__(self, most_per_address: int, most_per_principal: int) -> None:
        self._most_per_address = most_per_address
        self._most_per_principal = most_per_principal
        self._by_address: Counter[str] = Counter()

    def enter(self, address: str) -> None:
        """Count a connection in. Raises `RateLimited` when its address has too many."""
        found = places(address)
        for place in found:
            if self._by_address[place.name] >= self._most_per_address * place.times:
                raise RateLimited("Too many connections from this address.", RETRY_AFTER)
        self._by_address.update(place.name for place in found)

    def leave(self, address: str) -> None:
        """Count a connection out."""
        for place in places(address):
            self._by_address[place.name] -= 1
            if not self._by_address[place.name]:
                del self._by_address[place.name]

    def check(self, connections: int) -> None:
        """Raise `RateLimited` when a principal that has so many connections may have no more."""
        if connections >= self._most_per_principal:
            raise RateLimited("Too many connections for this principal.", RETRY_AFTER)


class Pace:
    """Counts the messages of one connection in each second."""

    __slots__ = ("_count", "_most", "_second")

    def __init__(self, most: int) -> None:
        self._most = most
        self._second = 0
        self._count = 0

    def is_kept(self, now: float) -> bool:
        """Count a message at a time (Unix seconds); tell whether there are not too many."""
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        self._count += 1
        return self._count <= self._most


def address_of(client: object) -> str:
    """Return the address of an ASGI scope's client."""
    return str(client[0]) if isinstance(client, tuple | list) and client else ""
