"""What a worker process reports of itself, and what the supervisor makes of all reports. They cross a socket as JSON, one a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from watchword.telemetry.metrics.catalogue import ALL
from watchword.telemetry.metrics.metric import Distribution, Metric, Point, Reading

METRICS: dict[str, Metric] = {each.name: each for each in ALL}

Own = list[Any]
"""Families of metrics that concern one process only (processor time, memory), as JSON. Nobody adds them up."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one worker reads of itself."""

    readings: list[Reading]
    own: Own


@dataclass(frozen=True, slots=True)
class Total:
    """What all workers read, added up, and what concerns each: by its number, which a successor takes over. The number is
    empty if there is only one process."""

    readings: list[Reading]
    own: Mapping[str, Own]


def dump(readings: Iterable[Reading], own: Any) -> bytes:
    """Return readings, and what is each process's own, as one line."""
    points = {each.metric.name: [*map(_dumped, each.points)] for each in readings}
    return json.dumps([points, own]).encode() + b"\n"


def load(line: bytes) -> tuple[list[Reading], Any]:
    """Return what a line of `dump` says."""
    points, own = json.loads(line)
    readings = [Reading(METRICS[name], [*map(_loaded, each)]) for name, each in points.items()]
    return readings, own


def _dumped(point: Point) -> list[Any]:
    value = point.value
    if isinstance(value, Distribution):
        return [[value.bounds, value.counts, value.sum], point.attributes]
    return [value, point.attributes]


def _loaded(dumped: list[Any]) -> Point:
    value, attributes = dumped
    if isinstance(value, list):
        bounds, counts, sum = value
        value = Distribution(tuple(bounds), tuple(counts), sum)
    return Point(value, tuple(attributes))
