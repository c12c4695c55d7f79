"""Spans and readings arrive at a real collector over gRPC, if OpenTelemetry's variables say so."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as traces_grpc

from tests.watchword.telemetry.metrics.test_prometheus import readings
from watchword.errors import Unsafe
from watchword.telemetry.exporters import exporter
from watchword.telemetry.metrics.otlp import Sender
from watchword.telemetry.traces.sdk import provider

PATIENCE = 20


class Collector(traces_grpc.TraceServiceServicer, metrics_grpc.MetricsServiceServicer):
    """Keeps what it is sent, of both services."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.taken: queue.Queue[Any] = queue.Queue()

    def Export(self, request: Any, _context: Any) -> Any:
        self.taken.put(request)
        return self._answer


@pytest.fixture
def collectors(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Collector, Collector]]:
    """The collectors of traces and of metrics at one address, to which the standard variables point."""
    both = (
        Collector(traces.ExportTraceServiceResponse()),
        Collector(metrics.ExportMetricsServiceResponse()),
    )
    server = grpc.server(ThreadPoolExecutor(2))
    traces_grpc.add_TraceServiceServicer_to_server(both[0], server)
    metrics_grpc.add_MetricsServiceServicer_to_server(both[1], server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    yield both
    server.stop(None).wait(PATIENCE)


def test_spans_go_over_grpc(collectors: tuple[Collector, Collector]) -> None:
    made = provider({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_SAMPLER": "always_on"}, 1)
    made.get_tracer("a").start_span("over gRPC").end()
    made.force_flush()
    [resource] = collectors[0].taken.get(timeout=PATIENCE).resource_spans
    [span] = resource.scope_spans[0].spans
    assert span.name == "over gRPC"
    made.shutdown()


async def test_readings_go_over_grpc(collectors: tuple[Collector, Collector]) -> None:
    sender = Sender(readings)
    await sender.send()
    await sender.close()
    [resource] = collectors[1].taken.get(timeout=PATIENCE).resource_metrics
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    assert [each.as_int for each in found["errors"].sum.data_points] == [2, 1]


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_the_protocol_of_a_signal_goes_before_that_of_all(signal: Any) -> None:
    own = {f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL": "http/protobuf"}
    made = exporter(signal, "otlp", {**own, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert ".http." in type(made).__module__
    made.shutdown()


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_a_protocol_that_nothing_installed_speaks_is_refused(signal: Any) -> None:
    said = rf"^There is no exporter of {signal} named 'carrier-pigeon': install its package, or "
    with pytest.raises(Unsafe, match=said):
        exporter(signal, "otlp", {"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"})
