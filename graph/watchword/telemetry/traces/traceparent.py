"""Reads and writes `traceparent` and `tracestate` (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""

from __future__ import annotations

import re

from opentelemetry.trace import SpanContext, TraceFlags, TraceState

# Section 3.2.2. A later version may say more after the flags.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
# No longer header is read. Section 3.3.1.5: at least 512 characters of tracestate should be passed on.
LONGEST, LONGEST_STATE = 256, 512
LENGTH = 55
"""The length of a traceparent of version 00, the one that is written here."""


def read(given: object, state: object = None) -> SpanContext | None:
    """Return the span that a caller names by `traceparent` and `tracestate`; None if the first is malformed.

    A malformed `tracestate` is ignored by itself (section 4.3).
    """
    if not isinstance(given, str) or len(given) > LONGEST:
        return None
    found = _TRACEPARENT.fullmatch(given.strip(" \t"))
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    # Of the flags of a later version only `sampled` is known to mean the same.
    known = TraceFlags(int(flags, 16) & TraceFlags.SAMPLED)
    named = SpanContext(int(trace, 16), int(span, 16), True, known, _state(state))
    # Ids that are all zero are not valid (sections 3.2.2.3 and 3.2.2.4).
    return named if named.is_valid else None


def write(span: SpanContext) -> str:
    """Return the traceparent that names a span."""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def _state(given: object) -> TraceState | None:
    if not isinstance(given, str) or not given or len(given) > LONGEST_STATE:
        return None
    return TraceState.from_header([given])
