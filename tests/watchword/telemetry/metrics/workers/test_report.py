"""Reports come out of the socket as they went in."""

from __future__ import annotations

from watchword.telemetry.metrics import catalogue
from watchword.telemetry.metrics.histogram import DURATIONS, Histogram
from watchword.telemetry.metrics.metric import Point, Reading
from watchword.telemetry.metrics.workers.report import dump, load


def test_every_kind_of_reading_is_read_back() -> None:
    histogram = Histogram(DURATIONS)
    histogram.record(0.02)
    readings = [
        Reading(catalogue.REQUESTS, [Point(histogram.distribution, ("GET", "/x", "200"))]),
        Reading(catalogue.ERRORS, [Point(2, ('a"b\n',)), Point(1, ("é",))]),
        Reading(catalogue.LOG_LOOK_AGE, [Point(0.25)]),
    ]
    line = dump(readings, {"1": [["process", "", "gauge", []]]})
    assert line.count(b"\n") == 1
    assert load(line) == (readings, {"1": [["process", "", "gauge", []]]})
