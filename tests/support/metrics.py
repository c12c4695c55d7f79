"""Metrics as a table, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from watchword.telemetry.metrics.metric import Distribution, Reading


def values(readings: Iterable[Reading]) -> dict[tuple[str, ...], float]:
    """The values by name and attributes; of a histogram, the number of its measurements."""
    found: dict[tuple[str, ...], float] = {}
    for reading in readings:
        for point in reading.points:
            value = point.value
            number = sum(value.counts) if isinstance(value, Distribution) else value
            found[reading.metric.name, *point.attributes] = number
    return found


def scraped(text: str) -> dict[tuple[str, ...], float]:
    """The samples of Prometheus' format, by name and the values of labels in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(found: dict[Any, float], *beginning: str) -> float:
    """The sum of all values whose name and first attributes are these."""
    return sum(value for key, value in found.items() if key[: len(beginning)] == beginning)
