"""Histograms that are cheap to record: one for each combination of attributes, and a bounded number of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from watchword.telemetry.metrics.metric import Distribution, Point

OTHER = "(other)"
"""What is counted together under this name. GraphQL names, paths and codes have no parentheses."""

DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The bounds, in seconds, that OpenTelemetry's semantic conventions advise for durations of requests."""
SHORT_DURATIONS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, *DURATIONS)
"""The same, and shorter ones: a kept answer takes some microseconds."""

SIZES = (0, 1, 2, 3, 5, 7, *(each * 10**n for n in range(1, 6) for each in (1, 1.5, 2, 3, 5, 7)))
"""Bounds of numbers of things, from none to a million, each at most half larger than the one before."""
LARGE_SIZES = (*SIZES, *(each * 10**n for n in range(6, 10) for each in (1, 1.5, 2, 3, 5, 7)))
"""The same, and larger ones: a client may ask much in a minute."""


class Histogram:
    """Counts measurements by their size."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def record(self, value: float, times: int = 1) -> None:
        """Count so many equal measurements."""
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    @property
    def number(self) -> int:
        """How many measurements it has."""
        return sum(self._counts)

    def add(self, other: Histogram) -> None:
        """Add the measurements of another histogram with the same bounds."""
        added = other.distribution
        self._counts = [a + b for a, b in zip(self._counts, added.counts, strict=True)]
        self._sum += added.sum

    @property
    def distribution(self) -> Distribution:
        """Its state now."""
        return Distribution(self._bounds, tuple(self._counts), self._sum)


class Histograms:
    """One histogram for each combination of attributes, at most `most`; further ones are counted as `OTHER`.

    A number of attributes that an attacker can choose must be bounded before, as `busiest.py` does.
    """

    def __init__(self, bounds: tuple[float, ...], most: int) -> None:
        self._bounds = bounds
        self._most = most
        self._by_key: dict[tuple[str, ...], Histogram] = {}

    def of(self, key: tuple[str, ...]) -> Histogram:
        """Return the histogram of measurements with these attributes. It stays the same until `merge`."""
        found = self._by_key.get(key)
        return self._make(key) if found is None else found

    def record(self, key: tuple[str, ...], value: float) -> None:
        """Count one measurement with these attributes."""
        self.of(key).record(value)

    def merge(self, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        """Count the measurements with the attributes `old` as ones with `new`."""
        if (found := self._by_key.pop(old, None)) is not None:
            self._make(new).add(found)

    @property
    def combinations(self) -> Sequence[tuple[str, ...]]:
        """The combinations of attributes that there are."""
        return tuple(self._by_key)

    @property
    def points(self) -> list[Point]:
        """The state of each histogram."""
        return [Point(found.distribution, key) for key, found in self._by_key.items()]

    def _make(self, key: tuple[str, ...]) -> Histogram:
        if key not in self._by_key and len(self._by_key) >= self._most:
            key = (OTHER,) * len(key)
        return self._by_key.setdefault(key, Histogram(self._bounds))
