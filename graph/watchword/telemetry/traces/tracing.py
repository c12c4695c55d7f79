"""The spans of one app: `Tracing` begins them, and `is_traced` says whether a piece of work belongs to any.

Only a request, an operation on a socket and the delivery of an event begin a trace. Everything else belongs to the
span that is current, and is recorded if that one is. So a request that was not sampled pays for one decision, and each
part of it for reading one context variable.

No span gets an exception's message, a variable, a parameter, a token or an address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from random import getrandbits
from typing import Any, NamedTuple, TypeVar

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TracerProvider,
    get_current_span,
    set_span_in_context,
)

from watchword.telemetry.traces.late import LateSpan, LateSpans
from watchword.telemetry.traces.sampling import Sampling

Attributes = Mapping[str, Any]
T = TypeVar("T")

CHOSEN = contexts.create_key("watchword-chosen")
"""The key in the context of a span that is to be sampled whatever the provider's sampler says."""
_SCHEMA = "https://opentelemetry.io/schemas/1.37.0"
_NOTHING = Context()
_CHOSEN = contexts.set_value(CHOSEN, True, _NOTHING)


# Whether the present work is traced. None outside of any request, where nothing has been decided.
_traced: ContextVar[bool | None] = ContextVar("watchword_traced", default=None)
is_traced = _traced.get
"""Tells whether the current span is sampled, and what belongs to it is to be recorded. It may have ended. False, and
not None, says that the present work was left out: the tracers of resolvers begin no traces in it either."""
leave_out = partial(_traced.set, False)
"""Notes in the present context that its request or operation is not recorded."""


class Unsampled(NonRecordingSpan):
    """The span of a request from a caller that is not sampled: it passes the caller's trace on, and records nothing."""

    def __init__(self, caller: SpanContext) -> None:
        super().__init__(SpanContext(caller.trace_id, getrandbits(64) or 1, False, TraceFlags(0)))


class Details(NamedTuple):
    """Whether resolvers get spans, and whether the spans of operations get the documents."""

    fields: bool = False
    documents: bool = False


_FEW = Details()


class Tracing:
    """Begins the spans of one app."""

    def __init__(
        self,
        provider: TracerProvider,
        sampling: Sampling,
        details: Details = _FEW,
        flush: Callable[[], Awaitable[None]] | None = None,
        *,
        is_own: bool = False,
    ) -> None:
        """`flush` waits until all spans that have ended are exported, or for a time. If the provider `is_own`, and no other
        code waits for spans, those of requests are made late."""
        self._tracer = provider.get_tracer("watchword", schema_url=_SCHEMA)
        self._flush = flush
        self._late = LateSpans() if is_own else None
        self.sampling = sampling
        self.details = details

    def begin(self, name: str, caller: SpanContext | None, attributes: Attributes) -> Span | None:
        """Begin the trace of a request, or continue its caller's. Return None if the request is left out.

        The span records only if the request is sampled.
        """
        sampling = self.sampling
        if caller is not None and sampling.follows_callers:
            if not caller.trace_flags.sampled:
                return Unsampled(caller)
            if sampling.follows():
                parent = set_span_in_context(NonRecordingSpan(caller), _CHOSEN)
                return self._start(name, SpanKind.SERVER, parent, attributes)
        return self.begin_chosen(name, caller, attributes) if sampling.chooses() else None

    def begin_chosen(self, name: str, caller: SpanContext | None, attributes: Attributes) -> Span:
        """Begin the trace of a request that was chosen at random; its caller's trace is linked."""
        if caller is not None:
            return self._start(name, SpanKind.SERVER, _CHOSEN, attributes, [Link(caller)])
        if self._late is not None:
            return LateSpan(self._late, self._start_chosen, name, attributes)
        return self._start_chosen(name, attributes)

    def begin_linked(self, name: str, linked: SpanContext, attributes: Attributes) -> Span:
        """Begin the trace of work that something in another trace has caused."""
        return self._start(name, SpanKind.CONSUMER, _CHOSEN, attributes, [Link(linked)])

    @contextmanager
    def child(
        self, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
    ) -> Iterator[Span]:
        """Make a span below the current one the current one for a block. Call it only if `is_traced()`."""
        span = self._start(name, kind, None, attributes or {})
        with ended(span), current(span):
            yield span

    def start(self, name: str, kind: SpanKind, attributes: Attributes) -> Span:
        """Begin a span below the current one. Call it only if `is_traced()`."""
        return self._start(name, kind, None, attributes)

    def make_late(self) -> None:
        """Make the spans that have ended and were not made yet."""
        if self._late is not None:
            self._late.make()

    async def close(self) -> None:
        """Export what has ended. The app may be started again afterwards."""
        self.make_late()
        if self._flush is not None:
            await self._flush()

    def _start_chosen(self, name: str, attributes: Attributes, began: int | None = None) -> Span:
        return self._tracer.start_span(name, _CHOSEN, SpanKind.SERVER, attributes, start_time=began)

    def _start(
        self,
        name: str,
        kind: SpanKind,
        context: Context | None,
        attributes: Attributes,
        links: list[Link] | None = None,
    ) -> Span:
        return self._tracer.start_span(name, context, kind, attributes, links or [])


class current:
    """Makes a span the current one for a block. It is not ended."""

    # Not a generator: one request in a hundred is traced, and all code that only it runs comes from memory each time.
    __slots__ = ("_attached", "_span", "_traced")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> None:
        self._attached = contexts.attach(set_span_in_context(self._span))
        self._traced = _traced.set(is_sampled(self._span))

    def __exit__(self, *_: object) -> None:
        _traced.reset(self._traced)
        contexts.detach(self._attached)


@contextmanager
def left_out() -> Iterator[None]:
    """Leave out what is done in a block."""
    traced = _traced.set(False)
    try:
        yield
    finally:
        _traced.reset(traced)


async def leaving_out(work: Awaitable[T]) -> T:
    """Await work that is left out."""
    with left_out():
        return await work


def is_sampled(span: Span) -> bool:
    """Tell whether what belongs to a span is to be recorded."""
    return type(span) is LateSpan or span.get_span_context().trace_flags.sampled


def belongs_to_another() -> bool:
    """Tell whether an app around this one has given the present request a span. Its decision counts then."""
    around = get_current_span().get_span_context()
    if not around.is_valid:
        return False
    _traced.set(around.trace_flags.sampled)
    return True


@contextmanager
def ended(span: Span) -> Iterator[None]:
    """End a span after a block. An error that leaves the block is noted by its type only."""
    try:
        yield
    except BaseException as error:
        fail(span, type(error).__name__)
        raise
    finally:
        span.end()


def fail(span: Span, kind: str) -> None:
    """Note that the work of a span failed, and by which kind of error."""
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def forget_current() -> None:
    """Make no span the current one in this task from now on: the task outlives the request that began it."""
    contexts.attach(set_span_in_context(INVALID_SPAN))
    _traced.set(None)
