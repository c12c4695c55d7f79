"""Reads the metrics of live connections, subscriptions and the log of events."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from watchword.telemetry.metrics import catalogue
from watchword.telemetry.metrics.metric import Metric, Point, Reading, one
from watchword.transports.pipeline import Pipeline

# Groups are counted by these sizes: up to the number, and above the one before it.
SIZES = (1, 10, 100, 1_000, 10_000)


def read_live(pipeline: Pipeline) -> Iterator[Reading]:
    """Read what a pipeline and its groups, its hub and its log know."""
    yield counted(catalogue.CONNECTIONS, pipeline.traffic.open)
    yield counted(catalogue.CLOSES, pipeline.traffic.closed)
    yield from _groups(pipeline)
    yield counted(catalogue.RESUMES, pipeline.services.hub.resumes)
    yield from _log(pipeline)


def counted(metric: Metric, counts: Mapping[Any, float]) -> Reading:
    """Return the reading of counts by the value of one attribute, or by a tuple of the values of several."""
    points = [
        Point(value, key if isinstance(key, tuple) else (key,)) for key, value in counts.items()
    ]
    return Reading(metric, points)


def _groups(pipeline: Pipeline) -> Iterator[Reading]:
    groups = pipeline.groups
    sizes = groups.sizes
    grouped = sum(sizes)
    yield counted(
        catalogue.SUBSCRIPTIONS, {"alone": groups.subscriptions - grouped, "grouped": grouped}
    )
    yield one(catalogue.GROUPS, len(sizes))
    yield one(catalogue.LARGEST_GROUP, max(sizes, default=0))
    yield counted(catalogue.GROUP_SIZES, Counter(map(_size, sizes)))
    yield counted(catalogue.DELIVERIES, groups.deliveries)


def _size(members: int) -> str:
    place = bisect_left(SIZES, members)
    if place == len(SIZES):
        return f"over {SIZES[-1]}"
    return f"{SIZES[place - 1] + 1}-{SIZES[place]}" if place else str(SIZES[0])


def _log(pipeline: Pipeline) -> Iterator[Reading]:
    services = pipeline.services
    backlog = services.hub.backlog
    yield one(catalogue.LOG_LAG, services.hub.lag)
    if (age := services.event_log.known.age) is not None:
        yield one(catalogue.LOG_LOOK_AGE, age)
    yield one(catalogue.MAILBOX_EVENTS, backlog.events)
    yield one(catalogue.LARGEST_MAILBOX, backlog.most)
    yield one(catalogue.MAILBOXES_BEHIND, backlog.behind)
