"""The span of a transaction's events: it covers their rows, the commit and the bus, and they carry its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from opentelemetry.trace import SpanKind

from watchword.events.event import Event
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.tracing import Tracing, is_traced


class TracedPublishing:
    """Called by each transaction with the events that it is about to commit."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def __call__(self, events: Sequence[Event]) -> AbstractContextManager[Sequence[Event]]:
        """Return a block in which to commit the events; they carry the traceparent of its span if it records."""
        return self._span(events) if is_traced() else nullcontext(events)

    @contextmanager
    def _span(self, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
        attributes = messaging("publish", "send", {event.stream for event in events})
        attributes["messaging.batch.message_count"] = len(events)
        with self._tracing.child("publish", SpanKind.PRODUCER, attributes) as span:
            trace = traceparent.write(span.get_span_context())
            yield [replace(event, trace=trace) for event in events]


def messaging(operation: str, kind: str, streams: set[str]) -> dict[str, Any]:
    """Return the attributes of a span about messages
    (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).

    The events of one stream are named by it. Keys and data of events are not recorded.
    """
    attributes = {
        "messaging.system": "watchword",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
    }
    if len(streams) == 1:
        attributes["messaging.destination.name"] = next(iter(streams))
    return attributes
