"""Adds up what several worker processes read, so that a scrape of any of them tells of all.

A counter must never fall: Prometheus would take that for a restart, and count everything once more. So the counts of
a worker that ended stay in the sum, and so do those of a name that a worker shows no more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby

from watchword.telemetry.metrics.histogram import OTHER
from watchword.telemetry.metrics.metric import Across, Distribution, Kind, Metric, Point, Reading

Value = float | Distribution
Series = tuple[Metric, tuple[str, ...]]

# Series of ended workers and of names that are shown no more. Beyond, those that no worker shows count as others.
MOST = 2_000


class Totals:
    """The sums over the workers of one supervisor: those that run, and those that ended."""

    def __init__(self) -> None:
        self._last: dict[int, dict[Series, Value]] = {}
        self._gone: dict[Series, Value] = {}

    def heard(self, worker: int, readings: Collection[Reading]) -> None:
        """Note what a worker reads of itself."""
        now = dict(_series(readings))
        for series, value in self._last.get(worker, {}).items():
            if _is_counted(series) and series not in now:
                self._rename(series, value)
        self._last[worker] = now

    def ended(self, worker: int) -> None:
        """Note that a worker ended: what it counted stays in the sums, and what it was is gone."""
        for series, value in self._last.pop(worker, {}).items():
            if _is_counted(series):
                self._keep(series, value)
        self._bound()

    def total(self, answering: Collection[int]) -> list[Reading]:
        """Return the readings of all workers together.

        Gauges are those of the workers in `answering`; what the others were is not known to be true any more.
        """
        found = dict(self._gone)
        for worker, series in self._last.items():
            for each, value in series.items():
                if _is_counted(each) or worker in answering:
                    found[each] = _joined(each[0], found[each], value) if each in found else value
        return [*_readings(found)]

    def _rename(self, series: Series, value: Value) -> None:
        """Keep the counts of a name under it. The worker counts them as others' now, so take them away there."""
        self._keep(series, value)
        if (other := _other(series)) != series:
            self._keep(other, _negative(value))
        self._bound()

    def _keep(self, series: Series, value: Value) -> None:
        known = self._gone.get(series)
        self._gone[series] = value if known is None else _sum(known, value)

    def _bound(self) -> None:
        if len(self._gone) <= MOST:
            return
        shown = {series for last in self._last.values() for series in last}
        for series in [*self._gone]:
            if series not in shown and (other := _other(series)) != series:
                self._keep(other, self._gone.pop(series))


def _series(readings: Collection[Reading]) -> Iterator[tuple[Series, Value]]:
    for reading in readings:
        for point in reading.points:
            yield (reading.metric, point.attributes), point.value


def _readings(found: dict[Series, Value]) -> Iterator[Reading]:
    by_metric = sorted(found.items(), key=lambda item: item[0][0].name)
    for metric, series in groupby(by_metric, lambda item: item[0][0]):
        yield Reading(metric, [Point(value, attributes) for (_, attributes), value in series])


def _is_counted(series: Series) -> bool:
    return series[0].kind is not Kind.GAUGE


def _other(series: Series) -> Series:
    metric, attributes = series
    if metric.bounded is None:
        return series
    named = zip(metric.attributes, attributes, strict=True)
    return metric, tuple(OTHER if name == metric.bounded else value for name, value in named)


def _joined(metric: Metric, one: Value, other: Value) -> Value:
    if metric.across is Across.SUM:
        return _sum(one, other)
    assert not isinstance(one, Distribution)
    assert not isinstance(other, Distribution)
    return max(one, other) if metric.across is Across.MOST else min(one, other)


def _sum(one: Value, other: Value) -> Value:
    if isinstance(one, Distribution):
        assert isinstance(other, Distribution)
        counts = tuple(a + b for a, b in zip(one.counts, other.counts, strict=True))
        return Distribution(one.bounds, counts, one.sum + other.sum)
    assert not isinstance(other, Distribution)
    return one + other


def _negative(value: Value) -> Value:
    if isinstance(value, Distribution):
        return Distribution(value.bounds, tuple(-each for each in value.counts), -value.sum)
    return -value
