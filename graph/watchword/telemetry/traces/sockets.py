"""The span of each operation that a client starts on a socket.

A socket may live for days, so it has no span itself. Its client names its own span in the payload of
`connection_init`, for all operations, or in the `extensions` of a `subscribe`, for one: a member `traceparent`, and
`tracestate` beside it, as in the headers of a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanContext, get_current_span

from watchword.execution.plan import Plan
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.operations import named
from watchword.telemetry.traces.tracing import Tracing, current, is_sampled, is_traced, left_out
from watchword.transports.request import GraphQLRequest, Opening
from watchword.transports.websocket.operations import Operations
from watchword.transports.websocket.websocket import SocketConnection

NAME = "graphql-transport-ws subscribe"
ATTRIBUTES = {"network.protocol.name": "websocket"}


class TracedOperations(Operations):
    """The operations of one socket. `caller` is the span that its client named for all of them."""

    __slots__ = ("_tracing", "caller")

    def __init__(self, tracing: Tracing, *parts: Any) -> None:
        """`parts` are those of a socket's operations."""
        super().__init__(*parts)
        self._tracing = tracing
        self.caller: SpanContext | None = None

    def start(self, id: str, request: GraphQLRequest) -> None:
        caller = named_in(request.extensions) or self.caller
        span = self._tracing.begin(NAME, caller, ATTRIBUTES)
        with left_out() if span is None else current(span):
            super().start(id, request)
        if span is None or not is_sampled(span):
            return
        if (task := self._tasks.get(id)) is None:
            # It was refused, or is a subscription: that would be sent when it ends, after hours.
            span.end()
        else:
            task.add_done_callback(lambda _: span.end())

    def _operate(
        self, id: str, plan: Plan, request: GraphQLRequest, opening: Opening | None
    ) -> None:
        if is_traced():
            # On this span too: an answer that is shared has no span of its own.
            get_current_span().set_attributes(named(plan))
        super()._operate(id, plan, request, opening)


class TracedConnection(SocketConnection):
    """A socket that makes spans of its operations."""

    __slots__ = ("_tracing",)
    _operations: TracedOperations

    def __init__(self, tracing: Tracing, *parts: Any) -> None:
        """`parts` are those of a socket."""
        self._tracing = tracing
        super().__init__(*parts)

    def _make_operations(self, *parts: Any) -> Operations:
        return TracedOperations(self._tracing, *parts)

    async def _initialise(self, payload: dict[str, Any] | None) -> None:
        self._operations.caller = named_in(payload)
        await super()._initialise(payload)


def named_in(given: Mapping[str, Any] | None) -> SpanContext | None:
    """Return the span that a client names in a message; None if it names none, or malformed."""
    if not given:
        return None
    return traceparent.read(given.get("traceparent"), given.get("tracestate"))
