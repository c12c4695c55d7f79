"""The headers of W3C Trace Context: what is read, what is ignored, what is written."""

from __future__ import annotations

import pytest
from opentelemetry.trace import SpanContext, TraceFlags

from tests.support.spans import SAMPLED, SPAN, TRACE, UNSAMPLED
from watchword.telemetry.traces.traceparent import LONGEST_STATE, read, write

ZEROS = f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01"
MALFORMED = [
    *(None, 7, b"", "", "00", SAMPLED.upper(), SAMPLED[:-1], SAMPLED + "0", SAMPLED + "-later"),
    *(f"ff-{TRACE}-{SPAN}-01", f"0-{TRACE}-{SPAN}-01", f"00-{TRACE}{SPAN}-01", *ZEROS),
    *(SAMPLED.replace("a", "g"), SAMPLED.replace("-", "_"), f"{SAMPLED}, {SAMPLED}"),
    *(f"01-{TRACE}-{SPAN}-01-{'x' * 300}", f"01-{TRACE}-{SPAN}-01later", SAMPLED.encode()),
    *(f"00-{TRACE}-{SPAN}-０１", f"{SAMPLED}\n"),
]


@pytest.mark.parametrize("given", MALFORMED)
def test_a_malformed_traceparent_is_ignored(given: object) -> None:
    assert read(given) is None


@pytest.mark.parametrize(("given", "sampled"), [(SAMPLED, True), (UNSAMPLED, False)])
def test_a_traceparent_names_a_span_and_says_whether_it_is_sampled(
    given: str, sampled: bool
) -> None:
    named = read(given)
    assert named is not None
    assert (f"{named.trace_id:032x}", f"{named.span_id:016x}") == (TRACE, SPAN)
    assert (named.trace_flags.sampled, named.is_remote) == (sampled, True)
    assert write(named) == given


@pytest.mark.parametrize("given", [f"01-{TRACE}-{SPAN}-01-later", f"cc-{TRACE}-{SPAN}-ff"])
def test_of_a_later_version_the_part_that_is_known_is_read(given: str) -> None:
    named = read(given)
    assert named is not None
    assert write(named) == SAMPLED


def test_white_space_around_a_header_is_no_fault() -> None:
    assert read(f" {SAMPLED}\t") == read(SAMPLED)


def test_the_state_is_kept_and_a_malformed_or_long_one_is_ignored_by_itself() -> None:
    states = ["a=1,b=2", "=", "", 7, None, "a=" + "x" * LONGEST_STATE]
    kept = [read(SAMPLED, state) for state in states]
    assert [each and dict(each.trace_state) for each in kept] == [{"a": "1", "b": "2"}, *[{}] * 5]


def test_what_is_written_is_read() -> None:
    span = SpanContext(1, 2, False, TraceFlags(1))
    named = read(write(span))
    assert named is not None
    assert (named.trace_id, named.span_id) == (1, 2)
