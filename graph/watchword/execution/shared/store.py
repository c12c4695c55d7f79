"""Answers that are kept in memory, bounded in bytes. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import inf

# Memory of an entry besides the bytes of its answer and its key: objects, tables, hashes.
OVERHEAD = 1_000
# So many keys that were used are remembered, by their hashes.
USED = 10_000


class JsonAnswer:
    """An answer as JSON."""

    def __init__(self, json: bytes, *, is_whole: bool = True) -> None:
        """`is_whole` says that the answer has no errors."""
        self.json = json
        self.is_whole = is_whole
        self.cost: float | None = None
        """What its operation is estimated to cost, once that was asked: for all that share it, it is the same."""

    @cached_property
    def tag(self) -> bytes:
        """The entity tag of the answer (RFC 9110, section 8.8.3)."""
        return tag_of(self.json)


def tag_of(json: bytes) -> bytes:
    """Return the entity tag of an answer. It is weak: the same answer is sent with several media types."""
    return b'W/"%s"' % blake2b(json, digest_size=12).hexdigest().encode()


@dataclass(slots=True)
class Kept:
    """An answer that is kept, the note that was taken before it was made, and until when it is good at most."""

    answer: JsonAnswer
    note: int
    size: int
    until: float = inf


class Store:
    """Keeps the answers that were used last, and remembers which keys were used at all."""

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes, keys and overhead included."""
        self.limit = limit
        self.size = 0
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._used: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Kept | None:
        """Return the kept answer of a key, or None."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def put(self, key: Hashable, kept: Kept) -> None:
        """Keep an answer in place of an older one, and drop those that were not used for the longest time.

        An answer that is larger than the limit is not kept.
        """
        self.drop(key)
        if kept.size > self.limit:
            return
        self._kept[key] = kept
        self.size += kept.size
        while self.size > self.limit:
            _, oldest = self._kept.popitem(last=False)
            self.size -= oldest.size

    def drop(self, key: Hashable) -> None:
        """Drop the kept answer of a key."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size -= kept.size

    def use(self, key: Hashable) -> bool:
        """Note that a key is used, and tell whether it was used before.

        Only hashes are remembered. Two keys with one hash do no harm: an answer is kept a use earlier.
        """
        number = hash(key)
        was_used = number in self._used
        self._used[number] = None
        self._used.move_to_end(number)
        if len(self._used) > USED:
            self._used.popitem(last=False)
        return was_used
