"""Histograms count measurements by size, in a bounded number of series."""

from __future__ import annotations

import pytest

from watchword.telemetry.metrics.histogram import OTHER, Histogram, Histograms
from watchword.telemetry.metrics.metric import Distribution


@pytest.mark.parametrize(
    ("value", "counts"), [(0.0, (1, 0, 0)), (1.0, (1, 0, 0)), (1.5, (0, 1, 0)), (2.1, (0, 0, 1))]
)
def test_a_measurement_counts_at_the_least_bound_that_it_does_not_exceed(
    value: float, counts: tuple[int, ...]
) -> None:
    histogram = Histogram((1.0, 2.0))
    histogram.record(value)
    assert histogram.distribution == Distribution((1.0, 2.0), counts, value)


def test_each_combination_of_attributes_has_a_histogram() -> None:
    histograms = Histograms((1.0,), 5)
    for key, value in ((("a", "ok"), 0.5), (("a", "error"), 3.0), (("a", "ok"), 2.0)):
        histograms.record(key, value)
    found = {point.attributes: point.value for point in histograms.points}
    assert found == {
        ("a", "ok"): Distribution((1.0,), (1, 1), 2.5),
        ("a", "error"): Distribution((1.0,), (0, 1), 3.0),
    }


def test_combinations_beyond_the_most_are_counted_together() -> None:
    histograms = Histograms((1.0,), 2)
    for number in range(100):
        histograms.record((str(number), "ok"), 1.0)
    assert [*histograms.combinations] == [("0", "ok"), ("1", "ok"), (OTHER, OTHER)]
    assert [point.value.sum for point in histograms.points] == [1.0, 1.0, 98.0]  # type: ignore[union-attr]


def test_a_merged_histogram_loses_no_measurement() -> None:
    histograms = Histograms((1.0,), 3)
    histograms.record(("old",), 0.5)
    histograms.record(("new",), 5.0)
    histograms.merge(("old",), ("new",))
    histograms.merge(("never",), ("new",))
    [point] = histograms.points
    assert (point.attributes, point.value) == (("new",), Distribution((1.0,), (1, 1), 5.5))
