"""Spans in memory: a `Tracing` for a test, and what it has recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from watchword.telemetry.traces.sampling import Budget, Choice, Sampling
from watchword.telemetry.traces.sdk import Chosen
from watchword.telemetry.traces.tracing import Details, Tracing, current, left_out

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


class Recorder:
    """Records what `tracing` samples: every request, unless `ratio` says otherwise."""

    def __init__(
        self,
        ratio: float = 1,
        callers: float = 1000,
        now: Callable[[], float] = lambda: 0.0,
        flush: Callable[[], Awaitable[None]] | None = None,
        **details: bool,
    ) -> None:
        self._exporter = InMemorySpanExporter()
        # What `Tracing` has not chosen is not sampled.
        self.provider = TracerProvider(sampler=Chosen(ALWAYS_OFF), shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        sampling = Sampling(Choice(ratio), Budget(callers, now))
        self.tracing = Tracing(self.provider, sampling, Details(**details), flush, is_own=True)

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, in the order of their beginnings."""
        self.tracing.make_late()
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def one(self, name: str) -> ReadableSpan:
        """Return the only span of this name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def above(self, span: ReadableSpan) -> list[str]:
        """Return the names of a span and of those above it."""
        names, by_id = [], {context_of(each).span_id: each for each in self.spans}
        at: ReadableSpan | None = span
        while at is not None:
            names.append(at.name)
            at = by_id.get(at.parent.span_id) if at.parent else None
        return names

    def clear(self) -> None:
        self._exporter.clear()


@contextmanager
def inside(recorder: Recorder, name: str = "request") -> Iterator[None]:
    """Be inside a request for a block, which is recorded or left out."""
    span = recorder.tracing.begin(name, None, {})
    with left_out() if span is None else current(span):
        yield
    if span is not None:
        span.end()


def context_of(span: ReadableSpan) -> Any:
    context = span.get_span_context()
    assert context is not None
    return context


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})
