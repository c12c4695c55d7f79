"""Readings arrive at an OpenTelemetry collector: a real HTTP server that decodes what OTLP's protocol says."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from tests.watchword.telemetry.metrics.test_prometheus import readings
from watchword.errors import Unavailable, Unsafe
from watchword.telemetry.metrics.otlp import INTERVAL, Sender, interval


class Collector(ThreadingHTTPServer):
    """Takes metrics, or answers with `status`."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[tuple[str, ExportMetricsServiceRequest]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of the last request by their names."""
        [resource] = self.taken[-1][1].resource_metrics
        return {metric.name: metric for metric in resource.scope_metrics[0].metrics}


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.taken.append((self.path, ExportMetricsServiceRequest.FromString(body)))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector, to which the standard variable points."""
    with Collector() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        yield server
        server.shutdown()
        serving.join()


async def test_each_kind_arrives_with_its_values_and_attributes(collector: Collector) -> None:
    sender = Sender(readings)
    await sender.send()
    await sender.close()
    [(path, request)] = collector.taken
    assert path == "/v1/metrics"
    [resource] = request.resource_metrics
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named["service.name"] == "watchword"
    assert resource.scope_metrics[0].scope.name == "watchword"
    found = collector.metrics
    requests = found["http.requests"].histogram
    assert requests.aggregation_temporality == 2
    [point] = requests.data_points
    assert (point.count, [*point.bucket_counts]) == (4, [2, 1, 1])
    assert (point.sum, [*point.explicit_bounds]) == (pytest.approx(4.0), [0.5, 1.0])
    assert not point.HasField("min")
    assert 0 < point.start_time_unix_nano < point.time_unix_nano
    assert [(each.key, each.value.string_value) for each in point.attributes] == [
        ("http.route", "/graphql")
    ]
    errors = found["errors"].sum
    assert (errors.is_monotonic, errors.aggregation_temporality) == (True, 2)
    assert [each.as_int for each in errors.data_points] == [2, 1]
    assert found["kept"].unit == "By"
    assert [each.as_int for each in found["kept"].gauge.data_points] == [17]


async def test_a_collector_that_refuses_is_told(collector: Collector) -> None:
    collector.status = 400
    sender = Sender(readings)
    with pytest.raises(Unavailable, match="collector"):
        await sender.send()
    await sender.close()


def test_the_interval_is_the_standard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(INTERVAL, raising=False)
    assert interval() == 60
    monkeypatch.setenv(INTERVAL, "1500")
    assert interval() == 1.5


@pytest.mark.parametrize("given", ["0", "-1", "1 s", "1.5", "²"])
def test_an_interval_that_is_no_number_of_milliseconds_is_refused(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INTERVAL, given)
    with pytest.raises(Unsafe, match=INTERVAL):
        interval()
