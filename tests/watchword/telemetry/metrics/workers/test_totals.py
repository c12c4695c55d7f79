"""What several workers counted is added up, and never falls."""

from __future__ import annotations

from tests.support.metrics import values
from watchword.telemetry.metrics import catalogue
from watchword.telemetry.metrics.histogram import DURATIONS, OTHER, Histogram
from watchword.telemetry.metrics.live import counted
from watchword.telemetry.metrics.metric import Point, Reading, one
from watchword.telemetry.metrics.workers import totals
from watchword.telemetry.metrics.workers.totals import Totals


def errors(**counts: float) -> Reading:
    return counted(catalogue.ERRORS, counts)


def durations(measured: dict[tuple[str, str, str], int]) -> Reading:
    points = []
    for attributes, number in measured.items():
        histogram = Histogram(DURATIONS)
        for _ in range(number):
            histogram.record(0.5)
        points.append(Point(histogram.distribution, attributes))
    return Reading(catalogue.OPERATIONS, points)


def test_counters_and_histograms_are_sums() -> None:
    both = Totals()
    both.heard(1, [errors(CONFLICT=2), durations({("query", "A", "ok"): 3})])
    both.heard(2, [errors(CONFLICT=5, INTERNAL=1), durations({("query", "A", "ok"): 4})])
    found = values(both.total({1, 2}))
    assert found["watchword.errors", "CONFLICT"] == 7
    assert found["watchword.errors", "INTERNAL"] == 1
    assert found["watchword.operation.duration", "query", "A", "ok"] == 7


def test_gauges_are_joined_as_their_metric_says() -> None:
    both = Totals()
    tasks = {"the pruning": 1.0}, {"the pruning": 0.0}
    for worker, lag, task in ((1, 4, tasks[0]), (2, 9, tasks[1])):
        both.heard(
            worker,
            [
                counted(catalogue.CONNECTIONS, {"websocket": worker}),
                one(catalogue.LOG_LAG, lag),
                counted(catalogue.TASKS, task),
            ],
        )
    found = values(both.total({1, 2}))
    assert found["watchword.connections", "websocket"] == 3
    assert found["watchword.log.lag",] == 9
    assert found["watchword.background.task.healthy", "the pruning"] == 0


def test_a_worker_that_ended_leaves_its_counts_and_no_gauges() -> None:
    both = Totals()
    both.heard(1, [errors(CONFLICT=2), one(catalogue.GROUPS, 3)])
    both.ended(1)
    both.heard(1, [errors(CONFLICT=1), one(catalogue.GROUPS, 1)])
    found = values(both.total({1}))
    assert (found["watchword.errors", "CONFLICT"], found["watchword.groups",]) == (3, 1)


def test_a_silent_worker_keeps_its_counts_and_shows_no_gauges() -> None:
    both = Totals()
    both.heard(1, [errors(CONFLICT=2), one(catalogue.GROUPS, 3)])
    found = values(both.total(set()))
    assert found == {("watchword.errors", "CONFLICT"): 2}


def test_a_name_that_one_worker_shows_no_more_neither_falls_nor_counts_twice() -> None:
    both = Totals()
    both.heard(1, [durations({("query", "A", "ok"): 5, ("query", OTHER, "ok"): 1})])
    both.heard(2, [durations({("query", "A", "ok"): 3})])
    both.heard(1, [durations({("query", OTHER, "ok"): 6})])
    found = values(both.total({1, 2}))
    assert found["watchword.operation.duration", "query", "A", "ok"] == 8
    assert found["watchword.operation.duration", "query", OTHER, "ok"] == 1
    both.heard(1, [durations({("query", OTHER, "ok"): 6, ("query", "A", "ok"): 1})])
    both.ended(1)
    assert values(both.total({2}))["watchword.operation.duration", "query", "A", "ok"] == 9


def test_names_of_long_ago_are_counted_with_the_others() -> None:
    both = Totals()
    for number in range(totals.MOST + 1):
        both.heard(1, [errors(**{f"CODE_{number}": 1})])
        both.ended(1)
    found = values(both.total(set()))
    assert len(found) <= totals.MOST
    assert sum(found.values()) == totals.MOST + 1
