"""Readings in Prometheus' format. The only importer of prometheus_client, which `watchword[metrics]` installs.

Names follow OpenTelemetry's rules for Prometheus (specification, "Prometheus and OpenMetrics Compatibility"):
`http.server.request.duration` in `s` is `http_server_request_duration_seconds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import (
    Metric as Family,
)
from prometheus_client.utils import floatToGoString

from watchword.telemetry.metrics.metric import Distribution, Kind, Metric, Point, Reading
from watchword.telemetry.metrics.workers.report import Own, Total

UNITS = {"s": "seconds", "By": "bytes"}


class OwnMetrics:
    """The processor time, memory and garbage collections of this process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def read(self) -> Own:
        """Read them."""
        return [
            [
                family.name,
                family.documentation,
                family.type,
                [[each.name, each.labels, each.value] for each in family.samples],
            ]
            for family in self._registry.collect()
        ]


def write(total: Total, accept: str) -> tuple[bytes, str]:
    """Return what was read in the newest format that the header Accept names, and its Content-Type.

    `total.own` has what `OwnMetrics` read. The number of the worker process is a label of it.
    """
    encode, content_type = choose_encoder(accept)
    families = [*map(_family, total.readings), *_own_families(total.own)]
    return encode(_Families(families)), content_type


class _Families(CollectorRegistry):
    """Families that were collected already."""

    def __init__(self, families: Iterable[Family]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def _own_families(own: Mapping[str, Own]) -> Iterable[Family]:
    families: dict[str, Family] = {}
    for worker, read in own.items():
        added = {"worker": worker} if worker else {}
        for name, documentation, kind, samples in read:
            family = families.setdefault(name, Family(name, documentation, kind))
            for sample, labels, value in samples:
                family.add_sample(sample, {**labels, **added}, value)
    return families.values()


def prometheus_name(metric: Metric) -> str:
    """Return a metric's name in Prometheus; the samples of a counter and a histogram have endings besides."""
    name = metric.name.replace(".", "_")
    unit = UNITS.get(metric.unit, "")
    return f"{name}_{unit}" if unit and not name.endswith(unit) else name


def label(attribute: str) -> str:
    """Return an attribute's name in Prometheus."""
    return attribute.replace(".", "_")


def _family(reading: Reading) -> Family:
    metric = reading.metric
    name, labels = prometheus_name(metric), list(map(label, metric.attributes))
    match metric.kind:
        case Kind.HISTOGRAM:
            family: Family = HistogramMetricFamily(name, metric.description, labels=labels)
        case Kind.COUNTER:
            family = CounterMetricFamily(name, metric.description, labels=labels)
        case Kind.GAUGE:
            family = GaugeMetricFamily(name, metric.description, labels=labels)
    for point in reading.points:
        _add(family, point)
    return family


def _add(family: Family, point: Point) -> None:
    value = point.value
    if isinstance(value, Distribution):
        family.add_metric(point.attributes, [*_cumulated(value)], value.sum)  # type: ignore[attr-defined]
    else:
        family.add_metric(point.attributes, value)  # type: ignore[attr-defined]


def _cumulated(value: Distribution) -> Iterator[tuple[str, float]]:
    bounds = (*map(floatToGoString, value.bounds), "+Inf")
    return zip(bounds, accumulate(value.counts), strict=True)
