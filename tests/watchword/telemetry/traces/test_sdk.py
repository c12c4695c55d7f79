"""A tracer provider of our own: its sampler, its exporters, its resource."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from tests.support.spans import SAMPLED, UNSAMPLED
from watchword.errors import Unsafe
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.sdk import Chosen, Provider, provider
from watchword.telemetry.traces.tracing import CHOSEN

NONE = {"OTEL_TRACES_EXPORTER": "none"}


def samples(sampler: Chosen, context: Context | None) -> bool:
    return sampler.should_sample(context, 1, "a").decision.is_sampled()


def below(given: str, is_remote: bool) -> Context:
    named = traceparent.read(given)
    assert named is not None
    span = (
        named if is_remote else type(named)(named.trace_id, named.span_id, False, named.trace_flags)
    )
    return set_span_in_context(NonRecordingSpan(span), Context())


def test_what_is_chosen_is_sampled_and_what_is_below_follows_its_parent() -> None:
    never, always = Chosen(ALWAYS_OFF), Chosen(ALWAYS_ON)
    assert samples(never, Context({CHOSEN: True}))
    assert samples(never, below(SAMPLED, is_remote=False))
    assert not samples(always, below(UNSAMPLED, is_remote=False))


@pytest.mark.parametrize(
    "context", [None, Context(), below(SAMPLED, is_remote=True), below(UNSAMPLED, is_remote=True)]
)
def test_the_roots_of_others_are_left_to_the_other_sampler(context: Context | None) -> None:
    assert not samples(Chosen(ALWAYS_OFF), context)
    assert samples(Chosen(ALWAYS_ON), context)


@pytest.mark.parametrize("sampler", ["", "always_on"])
def test_the_spans_of_others_are_sampled_as_the_environment_says(
    sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler or "always_on")
    made = provider({**NONE, "OTEL_TRACES_SAMPLER": sampler}, ratio=0)
    span = made.get_tracer("theirs").start_span("a", Context())
    assert span.is_recording() is bool(sampler)
    made.shutdown()


@pytest.mark.parametrize(
    ("environment", "exporters"),
    [
        ({}, ["OTLPSpanExporter"]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ["OTLPSpanExporter"]),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ["ConsoleSpanExporter", "OTLPSpanExporter"]),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_http"}, ["OTLPSpanExporter"]),
        (NONE, []),
    ],
)
def test_it_exports_as_the_environment_says(
    environment: dict[str, str], exporters: list[str]
) -> None:
    made = provider(environment, 1)
    found = [
        type(each.span_exporter).__name__ for each in made._active_span_processor._span_processors
    ]  # type: ignore[attr-defined]
    assert found == exporters
    made.shutdown()


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_TRACES_EXPORTER": "nobody"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "carrier-pigeon"},
    ],
)
def test_an_exporter_that_is_not_installed_stops_the_start(environment: dict[str, str]) -> None:
    with pytest.raises(Unsafe, match="install its package, or set OTEL_TRACES_EXPORTER"):
        provider(environment, 1)


def test_the_service_has_a_name() -> None:
    made = provider(NONE, 1)
    assert made.resource.attributes["service.name"]
    made.shutdown()


class Stuck(SpanExporter):
    """An exporter that waits until it is shut down, as OTLP's does while the collector is away."""

    def __init__(self) -> None:
        self.is_released = threading.Event()
        self.exported: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if spans[0].name == "stuck":
            self.is_released.wait()
        self.exported += [span.name for span in spans]
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.is_released.set()


@pytest.mark.parametrize(("name", "is_stuck"), [("quick", False), ("stuck", True)])
async def test_the_last_spans_are_sent_or_given_up(
    name: str, is_stuck: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("watchword.telemetry.traces.sdk.FAREWELL_SECONDS", 0.1 if is_stuck else 60)
    exporter = Stuck()
    made = Provider(ALWAYS_ON, Resource({}), [exporter])
    made.get_tracer("ours").start_span(name).end()
    await made.farewell()
    assert exporter.is_released.is_set() is is_stuck
    assert ("could not be sent" in caplog.text) is is_stuck
    made.shutdown()
    assert exporter.exported == [name]
