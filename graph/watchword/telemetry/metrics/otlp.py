"""Sends readings to an OpenTelemetry collector, by OTLP over HTTP or gRPC. Needs `watchword[otel]`.

The standard variables say where to and how: `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS` and the others of
OpenTelemetry's specification, and `OTEL_METRIC_EXPORT_INTERVAL` (milliseconds) how often.

The SDK's own instruments are not used: recording in one costs 5 to 10 µs, and most of these numbers are state that
the process has anyway.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from watchword.errors import Unavailable, Unsafe
from watchword.telemetry.exporters import exporter as exporter_of
from watchword.telemetry.metrics.metric import Distribution, Kind, Metric, Point, Reading, Source
from watchword.telemetry.resource import resource

INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
CUMULATIVE = sdk.AggregationTemporality.CUMULATIVE


def interval() -> float:
    """Return how often to send, in seconds. Raises `Unsafe` if the variable is not a number of milliseconds."""
    given = os.environ.get(INTERVAL) or "60000"
    if not given.isdecimal() or int(given) < 1:
        raise Unsafe(f"{INTERVAL} must be a number of milliseconds, for example 60000.")
    return int(given) / 1_000


class Sender:
    """Sends what a source reads. All counters begin when this is made."""

    def __init__(self, source: Source, exporter: sdk.MetricExporter | None = None) -> None:
        """Raises `Unsafe` if the exporter that the environment names is not installed."""
        self._source = source
        self._exporter = exporter or exporter_of("metrics", "otlp", os.environ)
        self._began = time.time_ns()
        self._scope = InstrumentationScope("watchword", version("watchword"))

    async def send(self) -> None:
        """Read everything, and send it from another thread. Raises `Unavailable` if the collector does not take it."""
        data = self._data([*self._source()])
        result = await asyncio.to_thread(self._exporter.export, data)
        if result is not sdk.MetricExportResult.SUCCESS:
            raise Unavailable("The OpenTelemetry collector did not take the metrics.")

    async def close(self) -> None:
        """Send nothing more, and end the connection."""
        await asyncio.to_thread(self._exporter.shutdown)

    def _data(self, readings: Sequence[Reading]) -> sdk.MetricsData:
        now = time.time_ns()
        metrics = [self._metric(each, now) for each in readings if each.points]
        scope = sdk.ScopeMetrics(self._scope, metrics, "")
        return sdk.MetricsData([sdk.ResourceMetrics(resource(), [scope], "")])

    def _metric(self, reading: Reading, now: int) -> sdk.Metric:
        metric = reading.metric
        data = self._points(metric, reading.points, now)
        return sdk.Metric(metric.name, metric.description, metric.unit, data)

    def _points(self, metric: Metric, points: Sequence[Point], now: int) -> Any:
        if metric.kind is Kind.HISTOGRAM:
            made = [self._histogram(metric, point, now) for point in points]
            return sdk.Histogram(made, CUMULATIVE)
        numbers = [self._number(metric, point, now) for point in points]
        if metric.kind is Kind.COUNTER:
            return sdk.Sum(numbers, CUMULATIVE, is_monotonic=True)
        return sdk.Gauge(numbers)

    def _number(self, metric: Metric, point: Point, now: int) -> sdk.NumberDataPoint:
        assert not isinstance(point.value, Distribution)
        began = self._began if metric.kind is Kind.COUNTER else 0
        return sdk.NumberDataPoint(_attributes(metric, point), began, now, point.value)

    def _histogram(self, metric: Metric, point: Point, now: int) -> sdk.HistogramDataPoint:
        value = point.value
        assert isinstance(value, Distribution)
        return sdk.HistogramDataPoint(
            _attributes(metric, point),
            self._began,
            now,
            sum(value.counts),
            value.sum,
            value.counts,
            value.bounds,
            # Not known: only the buckets are counted.
            min=None,  # type: ignore[arg-type]
            max=None,  # type: ignore[arg-type]
        )


def _attributes(metric: Metric, point: Point) -> dict[str, str]:
    named = zip(metric.attributes, point.attributes, strict=True)
    return {name: value for name, value in named if value}
