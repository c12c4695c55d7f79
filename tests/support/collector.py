"""A collector of traces: takes OTLP over HTTP, as OpenTelemetry's own does, and keeps what it is sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATIENCE = 60


@dataclass(frozen=True)
class Collected:
    """A span as it was sent, and the attributes of the process that sent it."""

    span: Any
    resource: dict[str, str]

    @property
    def name(self) -> str:
        return str(self.span.name)

    @property
    def trace(self) -> str:
        return str(self.span.trace_id.hex())

    @property
    def id(self) -> str:
        return str(self.span.span_id.hex())

    @property
    def links(self) -> list[tuple[str, str]]:
        return [(link.trace_id.hex(), link.span_id.hex()) for link in self.span.links]


class Collector:
    """Keeps the spans; `raw` is every byte of the requests, decompressed."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.raw = b""
        self.spans: list[Collected] = []
        self._changed = threading.Condition()

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            self.raw += body
            for each in request.resource_spans:
                resource = {a.key: a.value.string_value for a in each.resource.attributes}
                self.spans += [
                    Collected(span, resource) for scope in each.scope_spans for span in scope.spans
                ]
            self._changed.notify_all()

    def wait_for(self, found: Callable[[Collected], bool]) -> Collected:
        """Wait until there is such a span, and return the first."""
        with self._changed:
            is_here = self._changed.wait_for(lambda: any(map(found, self.spans)), PATIENCE)
            assert is_here, [span.name for span in self.spans]
            return next(filter(found, self.spans))


@contextmanager
def collector() -> Iterator[Collector]:
    """Listen on a free port for a block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    _Handler.collector = made = Collector(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    collector: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces", self.path
        self.collector.take(body)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass
