"""Limits the number of open connections and operations, and the rate of a client's messages. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from watchword.errors import RateLimited
from watchword.throttling.ip_prefix import networks

# Seconds after which a client that was refused may try again.
RETRY_AFTER = 30.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many may be open at a time: for one address, for one principal, and in the whole process."""

    address: float = math.inf
    principal: float = math.inf
    process: float = math.inf


class Quota:
    """Counts the connections or operations that are open in this process, for all transports together."""

    def __init__(self, what: str, bounds: Bounds) -> None:
        """`what` names what is counted, in the plural, for the error message."""
        self._what = what
        self._bounds = bounds
        self._counts: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        return self._counts["process", ""]

    def take(self, address: str, subject: str = "") -> Slot:
        """Take a slot for an address and a principal's subject, which is empty for anonymous callers.

        Raises `RateLimited`, and counts nothing, when too many are open.
        """
        bounds = tuple(self._bounds_of(address, subject))
        for key, most, where in bounds:
            if self._counts[key] >= most:
                raise RateLimited(
                    f"Too many {self._what} are open {where}. End some, or come back later.",
                    RETRY_AFTER,
                )
        keys = tuple(key for key, _, _ in bounds)
        self._counts.update(keys)
        return Slot(self, keys)

    def give_back(self, keys: tuple[tuple[str, str], ...]) -> None:
        """Decrement the counts of a slot's keys."""
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
    """A slot in a quota. Giving it back twice frees it once."""

    __slots__ = ("_keys", "_quota")

    def __init__(self, quota: Quota, keys: tuple[tuple[str, str], ...]) -> None:
        self._quota = quota
        self._keys = keys

    def give_back(self) -> None:
        """Free the slot."""
        keys, self._keys = self._keys, ()
        self._quota.give_back(keys)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.give_back()


class Pace:
    """Limits the number of messages that one connection may send in a second."""

    __slots__ = ("_count", "_most", "_second")

    def __init__(self, most: int) -> None:
        self._most = most
        self._second = 0
        self._count = 0

    def is_kept(self, now: float) -> bool:
        """Count a message at `now` (Unix seconds). Returns False when there are too many in this second."""
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        self._count += 1
        return self._count <= self._most
