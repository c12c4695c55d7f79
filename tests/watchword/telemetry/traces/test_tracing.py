"""Where traces begin, which are recorded, and what belongs to them."""

from __future__ import annotations

import asyncio
from contextvars import Context

import pytest
from opentelemetry.context import attach
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from tests.support.spans import SAMPLED, SPAN, TRACE, UNSAMPLED, Recorder, attributes, context_of
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.sdk import Chosen
from watchword.telemetry.traces.tracing import (
    belongs_to_another,
    current,
    ended,
    forget_current,
    is_traced,
    leave_out,
    left_out,
)


def begun(recorder: Recorder, caller: str | None = None, state: str | None = None) -> Span:
    """Begin a request that is not left out."""
    named = traceparent.read(caller, state)
    span = recorder.tracing.begin("a", named, {})
    assert span is not None
    return span


async def test_a_request_is_recorded_if_it_is_chosen() -> None:
    for ratio in (0, 1):
        recorder = Recorder(ratio)
        if span := recorder.tracing.begin("a", None, {"b": 1}):
            span.end()
        assert len(recorder.spans) == ratio


def test_a_request_continues_the_trace_of_a_caller_that_is_sampled() -> None:
    recorder = Recorder(ratio=0)
    begun(recorder, SAMPLED, "x=1").end()
    span = recorder.one("a")
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    assert context_of(span).trace_state == {"x": "1"}


def test_a_request_of_a_caller_that_is_not_sampled_is_not_recorded_and_keeps_its_trace() -> None:
    recorder = Recorder(ratio=1)
    span = begun(recorder, UNSAMPLED)
    assert (span.is_recording(), f"{span.get_span_context().trace_id:032x}") == (False, TRACE)


def test_callers_cannot_make_more_requests_recorded_than_the_budget_has() -> None:
    recorder = Recorder(ratio=0, callers=3)
    for _ in range(1000):
        if span := recorder.tracing.begin("a", traceparent.read(SAMPLED), {}):
            span.end()
    assert len(recorder.spans) == 3


def test_beyond_the_budget_the_ratio_counts_and_the_caller_is_linked() -> None:
    recorder = Recorder(ratio=1, callers=0)
    for given in (SAMPLED, UNSAMPLED):
        begun(recorder, given).end()
    for span in recorder.spans:
        assert span.parent is None
        (link,) = span.links
        assert f"{link.context.trace_id:032x}" == TRACE
        assert f"{context_of(span).trace_id:032x}" != TRACE


def test_work_that_another_trace_caused_begins_a_trace_with_a_link() -> None:
    recorder = Recorder(ratio=0)
    cause = traceparent.read(SAMPLED)
    assert cause is not None
    with left_out():
        recorder.tracing.begin_linked("a", cause, {}).end()
    span = recorder.one("a")
    assert (span.parent, span.links[0].context, span.kind) == (None, cause, SpanKind.CONSUMER)


async def test_what_belongs_to_a_recorded_span_is_recorded_also_after_its_end() -> None:
    recorder = Recorder()
    span = begun(recorder)
    with current(span):
        assert is_traced()
        span.end()
        with recorder.tracing.child("b", attributes={"n": 1}):
            pass
    assert recorder.above(recorder.one("b")) == ["b", "a"]
    assert attributes(recorder.one("b")) == {"n": 1}
    assert not is_traced()


def test_nothing_belongs_to_a_request_that_is_left_out() -> None:
    recorder = Recorder(ratio=0)
    theirs = Chosen(ALWAYS_ON)
    assert recorder.tracing.begin("a", None, {}) is None
    assert is_traced() is None
    with left_out():
        assert is_traced() is False
        # A resolver's own tracer begins no trace in it.
        assert not theirs.should_sample(None, 1, "b").decision.is_sampled()
    assert theirs.should_sample(None, 1, "b").decision.is_sampled()


@pytest.mark.parametrize("ratio", [0, 1])
def test_what_an_app_around_has_decided_counts(ratio: int) -> None:
    assert not belongs_to_another()
    theirs = begun(Recorder()) if ratio else INVALID_SPAN

    def look() -> tuple[bool, bool | None]:
        attach(set_span_in_context(theirs))
        return belongs_to_another(), is_traced()

    assert Context().run(look) == ((True, True) if ratio else (False, None))


def test_a_request_that_was_left_out_before_is_none_of_an_app_around() -> None:
    def look() -> bool:
        leave_out()
        return belongs_to_another()

    assert not Context().run(look)


def test_an_error_is_noted_by_its_type_and_never_by_its_message() -> None:
    recorder = Recorder()
    with pytest.raises(ValueError, match="a secret"), ended(begun(recorder)):
        raise ValueError("a secret")
    span = recorder.one("a")
    assert attributes(span) == {"error.type": "ValueError"}
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert span.events == ()


async def test_a_task_that_outlives_its_request_forgets_it() -> None:
    recorder = Recorder()

    async def outlive() -> bool:
        assert is_traced()
        forget_current()
        return get_current_span().get_span_context().is_valid

    with current(begun(recorder)):
        assert not await asyncio.create_task(outlive())
        assert is_traced()


async def test_closing_exports_what_has_ended() -> None:
    flushed: list[bool] = []

    async def flush() -> None:
        flushed.append(True)

    recorder = Recorder(flush=flush)
    await recorder.tracing.close()
    await Recorder().tracing.close()
    assert flushed == [True]
