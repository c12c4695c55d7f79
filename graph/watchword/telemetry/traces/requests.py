"""The span of each HTTP request, in front of everything that answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from operator import itemgetter

from opentelemetry.context import get_current
from opentelemetry.trace import Span, SpanContext
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watchword.asgi.types import route_path
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.tracing import (
    Tracing,
    belongs_to_another,
    current,
    fail,
    leave_out,
    left_out,
)
from watchword.transports.front import GRAPHQL

# RFC 9110 and RFC 5789. Any other method could be a secret that was sent in its place.
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
TRACEPARENT = b"traceparent"
_name = itemgetter(0)
STREAMS = (b"text/event-stream", b"multipart/mixed")


class TracedRequests:
    """ASGI middleware: gives each HTTP request a span, unless an app around this one has given it one."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing
        self._chooses = tracing.sampling.chooses

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # Not a coroutine: each costs a frame, which a live connection keeps, and as much time as all of this.
        if scope["type"] != "http" or (get_current() and belongs_to_another()):
            return self._app(scope, receive, send)
        caller = _caller(scope["headers"]) if TRACEPARENT in map(_name, scope["headers"]) else None
        if caller is None and not self._chooses():
            leave_out()
            return self._app(scope, receive, send)
        return self._trace(caller, scope, receive, send)

    async def _trace(
        self, caller: SpanContext | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        method = _method(scope)
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        # A request without a caller was chosen before.
        begin = self._tracing.begin_chosen if caller is None else self._tracing.begin
        span = begin(method.replace("_OTHER", "HTTP"), caller, attributes)
        with left_out() if span is None else current(span):
            if span is not None and span.is_recording():
                await self._record(span, scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _record(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        request = _Recorded(span, scope, send)
        try:
            await self._app(scope, receive, request.send)
        except BaseException as error:
            request.fail(type(error).__name__)
            raise
        finally:
            request.end()


class _Recorded:
    """The span of one request that is recorded."""

    def __init__(self, span: Span, scope: Scope, send: Send) -> None:
        self._span = span
        self._scope = scope
        self._root = scope.get("root_path", "")
        self._send = send
        self._is_over = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._note_head(message)
        await self._send(message)

    def fail(self, kind: str) -> None:
        if not self._is_over:
            fail(self._span, kind)

    def end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._span.end()

    def _note_head(self, message: Message) -> None:
        status, span = message["status"], self._span
        noted = {"http.response.status_code": status}
        if route := self._route():
            noted["http.route"] = route
            span.update_name(f"{_method(self._scope)} {route}")
        # At once: the SDK takes a lock for each call.
        span.set_attributes(noted)
        if status >= 500:
            fail(span, str(status))
        if _is_stream(message):
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
