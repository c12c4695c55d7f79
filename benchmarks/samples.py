"""Samples of a run, their medians, and the ratios of samples of one round."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

Sample = dict[str, float]
"""The figures of one measurement by their names: `cpu`, `median` and `p99` in microseconds, `rate` in
answers a second, `memory` in bytes."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, with the lowest and the highest value."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(slots=True)
class Samples:
    """All samples of a run, by measure and server, in the order of the rounds; and the measures' titles."""

    titles: dict[str, str] = field(default_factory=dict)
    by_measure: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)

    def add(self, measure: str, server: str, sample: Sample) -> None:
        self.by_measure.setdefault(measure, {}).setdefault(server, []).append(sample)

    def servers(self, measure: str) -> Iterator[str]:
        yield from self.by_measure[measure]

    def spread(self, measure: str, server: str, name: str) -> Spread:
        """Return the spread of a figure over the rounds."""
        return Spread.of([each[name] for each in self.by_measure[measure][server]])

    def ratio(self, measure: str, server: str, base: str, name: str) -> Spread:
        """Return the spread of a server's figure divided by that of `base` in the same round."""
        pairs = zip(
            self.by_measure[measure][server], self.by_measure[measure][base], strict=False
        )  # fmt: skip
        return Spread.of([ours[name] / theirs[name] for ours, theirs in pairs if theirs[name]])
