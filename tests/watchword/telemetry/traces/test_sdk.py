"""A tracer provider of our own: its sampler, its exporters, its resource."""

from __future__ import annotations

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from tests.support.spans import SAMPLED, UNSAMPLED
from watchword.errors import Unsafe
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.sdk import Chosen, provider
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
