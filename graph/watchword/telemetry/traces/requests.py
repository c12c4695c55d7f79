"""The span of each HTTP request, in front of everything that answers it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from opentelemetry import context as contexts
from opentelemetry.trace import Span, SpanContext, get_current_span, set_span_in_context
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watchword.asgi.types import route_path
from watchword.telemetry.traces import traceparent
from watchword.telemetry.traces.tracing import Tracing, fail
from watchword.transports.front import GRAPHQL

# RFC 9110 and RFC 5789. Any other method could be a secret that was sent in its place.
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
STREAMS = (b"text/event-stream", b"multipart/mixed")


class TracedRequests:
    """ASGI middleware: gives each HTTP request a span, unless an app around this one has given it one."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or get_current_span().get_span_context().is_valid:
            # Not a coroutine of its own: each costs a frame, which a live connection keeps.
            return self._app(scope, receive, send)
        return self._trace(scope, receive, send)

    async def _trace(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = self._begin(scope)
        token = contexts.attach(set_span_in_context(span))
        try:
            if span.is_recording():
                await self._record(span, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            contexts.detach(token)

    def _begin(self, scope: Scope) -> Span:
        caller = _caller(scope)
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        return self._tracing.begin("HTTP" if method == "_OTHER" else method, caller, attributes)

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
        span.set_attribute("http.response.status_code", status)
        if route := self._route():
            span.set_attribute("http.route", route)
            span.update_name(f"{self._scope['method']} {route}")
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


def _caller(scope: Any) -> SpanContext | None:
    given = [value for name, value in scope["headers"] if name == b"traceparent"]
    if len(given) != 1:
        return None
    state = [value for name, value in scope["headers"] if name == b"tracestate"]
    return traceparent.read(given[0].decode("latin-1"), b",".join(state).decode("latin-1"))
