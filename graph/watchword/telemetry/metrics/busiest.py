"""The names that are used most: a bound for names that anybody can make up, such as those of operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from watchword.telemetry.metrics.histogram import OTHER

# So many further names are counted, to find out which of them are used more than those that are shown.
CANDIDATES = 1_000


class Busiest:
    """Shows at most `most` names, and `OTHER` in place of the rest.

    An attacker with invented names fills the places only until real ones are used more often: a name takes the place of the
    shown one that is used least, once it was used more often than that.
    """

    def __init__(self, most: int, dropped: Callable[[str], object] = lambda name: None) -> None:
        """`dropped` is called with a name that is shown no more: from now on it is one of the others."""
        self._most = most
        self._dropped = dropped
        self._shown: dict[str, int] = {}
        self._candidates: Counter[str] = Counter()
        # No shown name was used less often than this.
        self._least = 0

    def shown(self, name: str, uses: int = 1) -> str:
        """Count so many uses of a name, and return it, or `OTHER`."""
        if name in self._shown:
            self._shown[name] += uses
            return name
        return self._consider(name, uses)

    def _consider(self, name: str, more: int) -> str:
        if len(self._shown) < self._most:
            self._shown[name] = more
            return name
        self._candidates[name] += more
        if len(self._candidates) > CANDIDATES:
            self._candidates = Counter(dict(self._candidates.most_common(CANDIDATES // 2)))
        if (uses := self._candidates[name]) <= self._least or not self._make_room(uses):
            return OTHER
        self._shown[name] = self._candidates.pop(name)
        return name

    def _make_room(self, uses: int) -> bool:
        """Show the least used name no more, if it was used less often than so many times."""
        least = min(self._shown, key=self._shown.__getitem__)
        self._least = self._shown[least]
        if self._least >= uses:
            return False
        del self._shown[least]
        self._dropped(least)
        return True
