"""What could not be shared of late, and when it is tried again. Pure: it knows no clock.

It holds two numbers for each hash, whatever documents and variables are behind it, and never more
than `MOST` of them. Two keys with one hash would only wait for each other's pause.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

# Seconds until the next try, doubled each time up to the last number; then as long without trouble
# until it is forgotten.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
# Of some 200 bytes each: 2 MB. The oldest make room.
MOST = 10_000


class _Trouble(NamedTuple):
    pause: float
    until: float


class Troubles:
    """Remembers keys that had trouble. Times are in Unix seconds."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Trouble] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def note(self, key: Hashable, now: float, is_lasting: bool) -> None:
        """Note trouble with a key. The key is allowed again after a pause that doubles each time;
        with `is_lasting`, after the longest pause at once."""
        before = self._known.pop(hash(key), None)
        is_again = before is not None and now <= before.until + before.pause
        pause = min(2 * before.pause, LONGEST_PAUSE) if before and is_again else FIRST_PAUSE
        if is_lasting:
            pause = LONGEST_PAUSE
        self._known[hash(key)] = _Trouble(pause, now + pause)
        self._forget(now)

    def allows(self, key: Hashable, now: float) -> bool:
        """Tell whether a key may be tried now."""
        known = self._known.get(hash(key))
        return known is None or known.until <= now

    def _forget(self, now: float) -> None:
        while self._known:
            oldest = next(iter(self._known.values()))
            if len(self._known) <= MOST and now <= oldest.until + oldest.pause:
                return
            self._known.popitem(last=False)
