"""A span of a request is made when something asks for it, or later with others, and looks as if it had been made at once."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, use_span

from tests.support.spans import attributes
from watchword.telemetry.traces import late
from watchword.telemetry.traces.late import LateSpan, LateSpans


class Starts:
    """Starts spans that are kept in memory, and remembers the names of those that were started."""

    def __init__(self) -> None:
        self.provider, self._exporter = (
            TracerProvider(shutdown_on_exit=False),
            InMemorySpanExporter(),
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._tracer = self.provider.get_tracer("test")
        self.names: list[str] = []
        self.spans = LateSpans()

    def __call__(self, name: str, attributes: Any, began: int) -> Span:
        self.names.append(name)
        return self._tracer.start_span(name, Context(), attributes=attributes, start_time=began)

    def begin(self, name: str = "a") -> LateSpan:
        return LateSpan(self.spans, self, name, {"n": 1})

    def one(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self._exporter.get_finished_spans() if span.name == name]
        return found


async def test_a_span_that_nothing_asks_for_is_made_after_its_end_with_its_own_times() -> None:
    starts = Starts()
    span = starts.begin()
    span.set_attributes({"m": 2})
    span.update_name("b")
    span.end()
    assert (starts.names, span.is_recording()) == ([], False)
    following = starts.begin("following")
    starts.spans.make()
    made = starts.one("b")
    assert attributes(made) == {"n": 1, "m": 2}
    following.end()
    starts.spans.make()
    assert made.end_time is not None
    assert made.end_time <= (starts.one("following").start_time or 0)


async def test_so_many_that_have_ended_are_made_at_once() -> None:
    starts = Starts()
    for _ in range(late.MOST - 1):
        starts.begin().end()
    assert starts.names == []
    starts.begin().end()
    assert len(starts.names) == late.MOST


async def test_a_span_that_is_asked_for_is_made_then_and_ends_as_any_other() -> None:
    starts = Starts()
    span = starts.begin()
    assert span.get_span_context() == span.get_span_context()
    span.set_attributes({"m": 2})
    span.set_attribute("o", 3)
    span.update_name("b")
    span.add_event("happened")
    span.end()
    span.end()
    made = starts.one("b")
    assert starts.names == ["a"]
    assert (attributes(made), [each.name for each in made.events]) == (
        {"n": 1, "m": 2, "o": 3},
        ["happened"],
    )


async def test_a_span_that_is_asked_for_after_its_end_is_made_once() -> None:
    starts = Starts()
    span = starts.begin()
    span.end()
    with use_span(span):
        starts.provider.get_tracer("theirs").start_span("below").end()
    starts.spans.make()
    assert starts.names == ["a"]
    parent = starts.one("below").parent
    assert parent is not None
    assert parent.span_id == span.get_span_context().span_id
