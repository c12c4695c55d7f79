"""A metric's value is what was read of it."""

from __future__ import annotations

from watchword.telemetry.metrics.metric import Kind, Metric, Point, one


def test_a_metric_without_attributes_has_one_point() -> None:
    metric = Metric("watchword.groups", Kind.GAUGE, "{group}", "Groups.")
    reading = one(metric, 3)
    assert (reading.metric, reading.points) == (metric, [Point(3, ())])
