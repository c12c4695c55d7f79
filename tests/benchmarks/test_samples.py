"""Ratios are those of samples of one round."""

from __future__ import annotations

from benchmarks.samples import Samples, Spread


def test_a_ratio_is_the_median_of_the_rounds_ratios_with_the_lowest_and_highest() -> None:
    samples = Samples()
    for ours, theirs in ((10.0, 20.0), (30.0, 30.0), (80.0, 100.0)):
        samples.add("list", "watchword", {"cpu": ours})
        samples.add("list", "mercurius", {"cpu": theirs})
    assert samples.ratio("list", "watchword", "mercurius", "cpu") == Spread(0.8, 0.5, 1.0)
    assert samples.spread("list", "mercurius", "cpu") == Spread(30.0, 20.0, 100.0)
