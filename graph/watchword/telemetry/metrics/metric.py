"""Metrics as values: what is measured, and what was read. Independent of any format and library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How the values of a metric behave over time."""

    COUNTER = "counter"
    """Only grows while the process runs."""
    GAUGE = "gauge"
    """Is what it is at the moment."""
    HISTOGRAM = "histogram"
    """Counts measurements by their size."""


class Across(Enum):
    """How a gauge of several processes becomes one."""

    SUM = "sum"
    MOST = "most"
    """The largest one."""
    LEAST = "least"
    """The smallest one."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A thing that is measured.

    `name`, `unit` and `attributes` are OpenTelemetry's, and of its semantic conventions where these have the thing.
    The unit is one of UCUM: `s`, `By`, or a noun in braces for a number of things. `across` says what the worker processes
    of one server have together; counters and histograms are always added up. `bounded` names an attribute: after
    a while, its rare values are counted as others'.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    across: Across = Across.SUM
    bounded: str | None = None


@dataclass(frozen=True, slots=True)
class Distribution:
    """The state of a histogram: how many measurements were at most each of `bounds` (and above the one before it),
    how many were above all of them, and the sum of all."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


@dataclass(frozen=True, slots=True)
class Point:
    """A value, and the values of the metric's attributes, in their order. An empty one counts as absent."""

    value: float | Distribution
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one metric."""

    metric: Metric
    points: Sequence[Point]


Source = Callable[[], Iterable[Reading]]
"""Reads some metrics of this process from the state that it has anyway. Does no I/O; call it in the event loop."""


def one(metric: Metric, value: float) -> Reading:
    """Return the reading of a metric without attributes."""
    return Reading(metric, [Point(value)])
