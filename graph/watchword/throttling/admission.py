"""Limits the number of open connections and operations, and the rate of a client's messages. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from watchword.errors import RateLimited
from watchword.throttling.ip_prefix import Network, networks

# Seconds after which a client that was refused may try again.
RETRY_AFTER = 30.0
DOCUMENTS = "subscriptions with different documents"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many may be open at a time: for one address, for one principal, and in the whole process."""

    address: float = math.inf
    principal: float = math.inf
    process: float = math.inf


NO_BOUNDS = Bounds()

Key = str | None
"""What the documents of subscriptions are counted for: the name of a network, or None for the process."""


class Quota:
    """Counts the connections or operations that are open in this process, for all transports together."""

    def __init__(self, what: str, bounds: Bounds) -> None:
        """`what` names what is counted, in the plural, for the error message."""
        self._what = what
        self._bounds = bounds
        self._open = 0
        self._by_network: dict[str, int] = {}
        self._by_subject: dict[str, int] = {}

    def __len__(self) -> int:
        return self._open

    @property
    def is_empty(self) -> bool:
        """Whether nothing is counted, and no network and no principal is in memory."""
        return not (self._open or self._by_network or self._by_subject)

    def take(self, address: str, subject: str = "") -> Slot:
        """Take a slot for an address and a principal's subject, which is empty for anonymous callers.

        Raises `RateLimited`, and counts nothing, when too many are open.
        """
        # Each operation takes a slot, so a call more would be noticed.
        bounds, by_network, by_subject = self._bounds, self._by_network, self._by_subject
        around = networks(address)
        for network in around:
            if by_network.get(network.name, 0) >= bounds.address * network.times:
                raise self._full("from this address")
        if subject and by_subject.get(subject, 0) >= bounds.principal:
            raise self._full("for this principal")
        if self._open >= bounds.process:
            raise self._full("on this server")
        for network in around:
            by_network[network.name] = by_network.get(network.name, 0) + 1
        if subject:
            by_subject[subject] = by_subject.get(subject, 0) + 1
        self._open += 1
        return Slot(self, (around, subject))

    def give_back(self, taken: tuple[tuple[Network, ...], str]) -> None:
        """Decrement the counts of a slot's networks, of its subject and of the process."""
        around, subject = taken
        for network in around:
            _decrement(self._by_network, network.name)
        if subject:
            _decrement(self._by_subject, subject)
        self._open -= 1

    def _full(self, where: str) -> RateLimited:
        return _full(self._what, where)


def _decrement(counts: dict[str, int], name: str) -> None:
    if left := counts[name] - 1:
        counts[name] = left
    else:
        del counts[name]


class DocumentQuota:
    """Limits how much memory the documents of all open subscriptions hold in this process, for all transports together.

    What several subscriptions hold together counts once: for each network, and for the process.
    """

    def __init__(self, bounds: Bounds = NO_BOUNDS) -> None:
        self._bounds = bounds
        self._holders: dict[tuple[Key, int], int] = {}
        self._weights: dict[Key, int] = {}

    @property
    def weight(self) -> int:
        """What the documents that are held weigh together."""
        return self._weights.get(None, 0)

    def take(self, address: str | None, document: int, weight: int) -> Slot:
        """Take a slot for an address, with the number of a document and what it weighs.

        Without an address, for a run that several callers share, only the bound of the process counts. Raises
        `RateLimited`, and counts nothing, when too much is held. The first document always has room.
        """
        keys: list[Key] = []
        for network in () if address is None else networks(address):
            keys.append(network.name)
            if not self._has_room(
                network.name, document, weight, self._bounds.address * network.times
            ):
                raise _full(DOCUMENTS, "from this address")
        keys.append(None)
        if not self._has_room(None, document, weight, self._bounds.process):
            raise _full(DOCUMENTS, "on this server")
        for key in keys:
            held = self._holders.get((key, document), 0)
            self._holders[key, document] = held + 1
            if not held:
                self._weights[key] = self._weights.get(key, 0) + weight
        return Slot(_Held(self, document, weight), keys)

    def give_back(self, key: Key, document: int, weight: int) -> None:
        """Decrement the count of those that hold a document, and free what it weighs after the last one."""
        if left := self._holders[key, document] - 1:
            self._holders[key, document] = left
            return
        del self._holders[key, document]
        if rest := self._weights[key] - weight:
            self._weights[key] = rest
        else:
            del self._weights[key]

    def _has_room(self, key: Key, document: int, weight: int, most: float) -> bool:
        held = self._weights.get(key, 0)
        return not held or held + weight <= most or (key, document) in self._holders


class _Held:
    """The counts of a slot for one document."""

    __slots__ = ("_document", "_quota", "_weight")

    def __init__(self, quota: DocumentQuota, document: int, weight: int) -> None:
        self._quota = quota
        self._document = document
        self._weight = weight

    def give_back(self, keys: list[Key]) -> None:
        for key in keys:
            self._quota.give_back(key, self._document, self._weight)


def _full(what: str, where: str) -> RateLimited:
    return RateLimited(
        f"Too many {what} are open {where}. End some, or come back later.", RETRY_AFTER
    )


class _Counts(Protocol):
    def give_back(self, taken: Any) -> None: ...


class Slot:
    """A slot in a quota. Giving it back twice frees it once."""

    __slots__ = ("_quota", "_taken")

    def __init__(self, quota: _Counts, taken: Any) -> None:
        self._quota = quota
        self._taken = taken

    def give_back(self) -> None:
        """Free the slot."""
        taken, self._taken = self._taken, None
        if taken is not None:
            self._quota.give_back(taken)

    def also(self, other: Slot) -> None:
        """Free another slot together with this one."""
        self._quota = _Also(self._quota, other)

    def share(self) -> Slot:
        """Return a slot for work that may outlive this one's. Both are one, which is free when both were given back."""
        both = _Both(self._quota)
        self._quota = both
        return Slot(both, self._taken)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.give_back()


class _Also:
    """Stands before the counts of a slot that frees another one."""

    __slots__ = ("_counts", "_other")

    def __init__(self, counts: _Counts, other: Slot) -> None:
        self._counts = counts
        self._other = other

    def give_back(self, taken: Any) -> None:
        self._counts.give_back(taken)
        self._other.give_back()


class _Both:
    """Stands before the counts of two slots that are one, and lets only the second of them through."""

    def __init__(self, counts: _Counts) -> None:
        self._counts = counts
        self._is_one_free = False

    def give_back(self, taken: Any) -> None:
        if self._is_one_free:
            self._counts.give_back(taken)
        self._is_one_free = True


class _Nothing:
    def give_back(self, taken: Any) -> None:
        pass


def uncounted() -> Slot:
    """Return a slot of no quota, for what is not limited."""
    return Slot(_Nothing(), ())


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
