"""How many connections and operations may be open at a time, and how fast a client may talk. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from watchword.errors import RateLimited
from watchword.throttling.ip_prefix import networks

# Seconds after which a client that was turned away may try again.
RETRY_AFTER = 30.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Most that may be open at a time: of one address, of one principal, and in the whole process."""

    address: float = math.inf
    principal: float = math.inf
    process: float = math.inf


class Quota:
    """Counts what is open at a time in this process, for all doors together."""

    def __init__(self, what: str, bounds: Bounds) -> None:
        """`what` is the plural of what is counted, for the error."""
        self._what = what
        self._bounds = bounds
        self._counts: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        return self._counts["process", ""]

    def take(self, address: str, subject: str = "") -> Slot:
        """Take a place for an address and a principal's subject, which is empty for the anonymous.

        Raises `RateLimited`, and counts nothing, when there are too many.
        """
        bounds = tuple(self._bounds_of(address, subject))
        for key, most, whose in bounds:
            if self._counts[key] >= most:
                raise RateLimited(
                    f"Too many {self._what} are open {whose}. End some, or come back later.",
                    RETRY_AFTER,
                )
        keys = tuple(key for key, _, _ in bounds)
        self._counts.update(keys)
        return Slot(self, keys)

    def give_back(self, keys: tuple[tuple[str, str], ...]) -> None:
        """Count one out, by what it was counted in under."""
        self._counts.subtract(keys)
        for key in keys:
            if not self._counts[key]:
                del self._counts[key]

    def _bounds_of(
        self, address: str, subject: str
    ) -> Iterator[tuple[tuple[str, str], float, str]]:
        for network in networks(address):
            most = self._bounds.address * network.times
            yield ("address", network.name), most, "from this address"
        if subject:
            yield ("principal", subject), self._bounds.principal, "for this principal"
        yield ("process", ""), self._bounds.process, "on this server"


class Slot:
    """A place in a quota. Giving it back twice frees it once."""

    __slots__ = ("_keys", "_quota")

    def __init__(self, quota: Quota, keys: tuple[tuple[str, str], ...]) -> None:
        self._quota = quota
        self._keys = keys

    def give_back(self) -> None:
        """Count it out."""
        keys, self._keys = self._keys, ()
        self._quota.give_back(keys)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.give_back()


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
