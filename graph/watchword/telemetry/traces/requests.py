"""The span of each HTTP request, in front of everything that answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from opentelemetry.trace import Span, SpanContext, get_current_span
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watchword.asgi.types import (
    HAS_TRACEPARENT,
    PLANNED,
    TRACEPARENT,
    WRITE_WHOLE,
    Fixed,
    of_server,
    route_path,
)
from watchword.execution.plan import Plan
from watchword.libraries.opentelemetry_parts import current_context
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.operations import named
from watchword.telemetry.traces.tracing import (
    Attributes,
    Tracing,
    belongs_to_another,
    current,
    fail,
    leave_out,
)
from watchword.transports.front import GRAPHQL

# RFC 9110 and RFC 5789. Any other method could be a secret that was sent in its place.
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
S = TypeVar("S")
Begin = Callable[[str, SpanContext | None, Attributes], S]
STREAMS = (b"text/event-stream", b"multipart/mixed")


class TracedRequests:
    """ASGI middleware: gives each HTTP request a span, unless an app around this one has given it one."""

    def __init__(self, app: ASGIApp, tracing: Tracing, stack: Sequence[object] = ()) -> None:
        """`stack` is the middleware of others that each request passes behind this one."""
        self._app = app
        self._stack = stack
        self._tracing = tracing
        self._random, self._ratio = tracing.sampling.random, tracing.sampling.ratio

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Not a coroutine: each costs a frame, which a live connection keeps, and as much time as all of this. Of a
        # request that is left out, nothing is asked by a function of ours. An attribute that is called where it stands
        # takes CPython 3.11 longer: it looks for a method first.
        app, random = self._app, self._random
        # Our own server has looked at the headers; it says so of HTTP requests only.
        if scope.get(HAS_TRACEPARENT, True):
            if scope["type"] != "http":
                return app(scope, receive, send)
            if any(name == TRACEPARENT for name, _ in scope["headers"]):
                return self._follow(scope, receive, send)
        if current_context() and belongs_to_another():
            return self._name(get_current_span(), scope, receive, send)
        if random() < self._ratio:
            span = self._begin(scope, None, self._tracing.begin_chosen)
            return self._trace(span, scope, receive, send)
        if scope["path"] != GRAPHQL or self._stack:
            leave_out()
        # At /graphql the engine leaves out what it executes. To note that takes longer than to decide it, and an answer
        # from memory calls no code of others, which might begin a trace.
        return app(scope, receive, send)

    def _follow(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request that names its caller's span."""
        if current_context() and belongs_to_another():
            return self._name(get_current_span(), scope, receive, send)
        span = self._begin(scope, _caller(scope["headers"]), self._tracing.begin)
        if span is None:
            leave_out()
            return self._app(scope, receive, send)
        return self._trace(span, scope, receive, send)

    async def _name(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that has a span of an app around this one, and note on that which operation it runs."""
        scope[PLANNED] = partial(_name_operation, span)
        try:
            await self._app(scope, receive, send)
        finally:
            scope.pop(PLANNED, None)

    def _begin(self, scope: Scope, caller: SpanContext | None, begin: Begin[S]) -> S:
        method = _method(scope)
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        return begin(method.replace("_OTHER", "HTTP"), caller, attributes)

    async def _trace(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        with current(span):
            if not span.is_recording():
                await self._app(scope, receive, send)
                return
            request = _Recorded(span, scope, send)
            scope[PLANNED] = request.note_plan
            try:
                await self._app(scope, receive, request.send)
            except BaseException as error:
                request.fail(type(error).__name__)
                raise
            finally:
                # The scope would hold itself, until the next collection of garbage.
                scope.pop(PLANNED, None)
                request.end()


class _Recorded:
    """The span of one request that is recorded."""

    def __init__(self, span: Span, scope: Scope, send: Send) -> None:
        self._span = span
        self._scope = scope
        self._root = scope.get("root_path", "")
        self._send = send
        self._is_over = False
        self._noted: dict[str, Any] = {}

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self._note_head(message["status"], is_stream=_is_stream(message))
        return self._send(message)

    def write_whole(self, status: int, headers: Fixed, body: bytes) -> bool:
        """Let our own server write a response at once, as without traces. Returns False if it must be sent."""
        write = of_server(self._send, WRITE_WHOLE)
        if write is None or not write(status, headers, body):
            return False
        self._note_head(status, is_stream=False)
        return True

    def note_plan(self, plan: Plan) -> None:
        """Note which operation the request runs: an answer that is shared has no span of its own."""
        self._noted |= named(plan)

    def fail(self, kind: str) -> None:
        if not self._is_over:
            fail(self._span, kind)

    def end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._span.end()

    def _note_head(self, status: int, *, is_stream: bool) -> None:
        span, noted = self._span, self._noted
        noted["http.response.status_code"] = status
        if route := self._route():
            noted["http.route"] = route
            span.update_name(f"{_method(self._scope)} {route}")
        # At once: the SDK takes a lock for each call, and looks at each attribute.
        span.set_attributes(noted)
        if status >= 500:
            fail(span, str(status))
        if is_stream:
            # Otherwise the span of a subscription would be sent when it ends, after hours.
            self.end()

    def _route(self) -> str | None:
        if route_path(self._scope) == GRAPHQL:
            return f"{self._root}{GRAPHQL}"
        path: str | None = getattr(self._scope.get("route"), "path", None)
        return path and f"{self._root}{path}"


def _is_stream(head: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(STREAMS) for name, value in head["headers"]
    )


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in METHODS else "_OTHER"


def _caller(headers: Iterable[tuple[bytes, bytes]]) -> SpanContext | None:
    """Return the span that the headers name; None if it is malformed, or if they name several."""
    given = [value for name, value in headers if name == TRACEPARENT]
    if len(given) != 1:
        return None
    state = [value for name, value in headers if name == b"tracestate"]
    return traceparent.read(given[0].decode("latin-1"), b",".join(state).decode("latin-1"))


def _name_operation(span: Span, plan: Plan) -> None:
    """Note on the span of an app around this one which operation its request runs."""
    span.set_attributes(named(plan))
