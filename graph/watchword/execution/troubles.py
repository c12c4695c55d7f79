"""Keys of runs that could not be shared lately, and when to try that again. Pure: uses no clock.

Keeps at most `MOST` hashes of keys, with two numbers each, and not the keys themselves, which hold the
clients' documents and variables. Two keys with the same hash share a pause, which does no harm.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

# Seconds until the next try: the first pause and the longest. The pause doubles with each failure. A key is
# forgotten when a further pause has passed without a failure.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
# At some 200 bytes each: 2 MB. Beyond this number the oldest are dropped.
MOST = 10_000


class _Trouble(NamedTuple):
    pause: float
    until: float


class Troubles:
    """Remembers the keys of runs that could not be shared. Times are in Unix seconds."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Trouble] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def note(self, key: Hashable, now: float, is_lasting: bool) -> None:
        """Note that a key's run could not be shared.

        The key is allowed again after a pause that doubles each time; with `is_lasting`, after the longest
        pause.
        """
        before = self._known.pop(hash(key), None)
        is_again = before is not None and now <= before.until + before.pause
        pause = min(2 * before.pause, LONGEST_PAUSE) if before and is_again else FIRST_PAUSE
        if is_lasting:
            pause = LONGEST_PAUSE
        self._known[hash(key)] = _Trouble(pause, now + pause)
        self._forget(now)

    def allows(self, key: Hashable, now: float) -> bool:
        """Tell whether a run for this key may be shared now."""
        return self.until(key) <= now

    def until(self, key: Hashable) -> float:
        """Return the time until which no run for this key may be shared; 0 without a trouble."""
        known = self._known.get(hash(key))
        return 0 if known is None else known.until

    def _forget(self, now: float) -> None:
        while self._known:
            oldest = next(iter(self._known.values()))
            if len(self._known) <= MOST and now <= oldest.until + oldest.pause:
                return
            self._known.popitem(last=False)
