"""uvicorn's HTTP connection, with a short way for a request that comes in one packet, as most do.

A client that keeps its connection mostly sends the same head again, and a proxy the same but for the token
(`read_head.py`). The parser would read it as it did before, so it is not asked.

uvicorn starts a task for each request when its head is read, before it sees the body. Here the app begins when the
whole request is read, and at once, if it can begin without a task: an answer for which the app waits for nothing
then costs no task and no turn of the event loop. If the app waits, a task continues it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextvars import Context, copy_context
from functools import lru_cache
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

import httptools
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from watchword.asgi.types import BEGINS_WITHOUT_TASK, HAS_TRACEPARENT, TRACEPARENT, Message
from watchword.asgi.uvicorn.exchange import Exchange
from watchword.asgi.uvicorn.head import HeadProtocol
from watchword.asgi.uvicorn.read_head import ReadHead, read_head
from watchword.process.eager import Eager

# The cache of parsed URLs holds this many, and none with more bytes.
MOST_URLS, LONGEST_URL = 256, 4_096


class RequestProtocol(HeadProtocol):
    """An HTTP connection that lets the app begin when a whole request is read."""

    # The body of the request that is being read, while it is not known whether all of it is in this packet.
    _body: bytes | None = None
    # Whether the app may begin without a task; and whether it did for a request of this packet. The others of the
    # packet wait for their turn, so that one client cannot hold the event loop with all that it sends.
    _begins_at_once: bool | None = None
    _has_begun = False
    # The packet that is being read, and the head of the last request, if that came whole in one packet.
    _packet = b""
    _last: ReadHead | None = None

    def data_received(self, data: bytes) -> None:
        self._has_begun = False
        if (head := self._last) is not None and self._is_between_requests():
            size = head.size_in(data)
            if 0 < size <= self._limit:
                self._begin_again(head, data, size)
                return
        self._packet = data
        super().data_received(data)
        self._packet = b""

    def packet_is_read(self) -> None:
        self._begin_without_end()

    def send_400_response(self, msg: str) -> None:
        self._begin_without_end()
        super().send_400_response(msg)

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        # Not uvicorn's own: it makes the scope of each request twice as slowly.
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._in_head = True
        self.scope = self.make_scope()  # type: ignore[assignment]

    def make_scope(self) -> Message:
        """Return the scope of a request, before its head is read."""
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }

    def head_is_read(self) -> None:
        is_next = self.cycle is None or self.cycle.response_complete
        is_usual = not self.expect_100_continue and not self.parser.should_upgrade()
        if is_next and is_usual and self.limit_concurrency is None:
            self._body = b""
        else:
            super().head_is_read()

    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
        else:
            self._received = 0
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        body, self._body = self._body, None
        if body is None:
            super().on_message_complete()
        else:
            self._received = 0
            self._begin_whole(body)

    # The three ways in which a request begins.

    def _begin_without_end(self) -> None:
        """Begin a request, if its head is read and not all of its body: more comes with other packets."""
        body, self._body = self._body, None
        if body is not None:
            super().head_is_read()
            if body:
                super().on_body(body)

    def _begin_whole(self, body: bytes) -> None:
        self._complete_scope()
        is_persistent = self.scope["http_version"] != "1.0" and self.parser.should_keep_alive()
        self._last = read_head(
            self._packet, len(body), self.headers, cast(Message, self.scope), is_persistent
        )
        self._begin(body, is_persistent)

    def _begin_again(self, head: ReadHead, packet: bytes, size: int) -> None:
        """Begin a request with the head of the last one, which has `size` bytes of this packet."""
        self._unset_keepalive_if_required()
        self._stop_waiting()
        self.headers = head.headers_of(packet)
        self.scope = {**self.make_scope(), **head.target}  # type: ignore[typeddict-item]
        self._begin(packet[size:], head.is_persistent)

    def _begin(self, body: bytes, is_persistent: bool) -> None:
        exchange = Exchange(self, self.scope, is_persistent, body)
        self.cycle = exchange
        if self._has_begun or not self._may_begin_at_once():
            self._start_asgi_task(exchange, self.app)
            return
        self._has_begun = True
        self.begins(exchange)
        context = Context() if self.config.reset_contextvars else copy_context()
        running: Eager[None] = context.run(Eager, exchange.run_asgi(self.app))
        if not running.is_done:
            task = self.loop.create_task(_finish(running), context=context)
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.begins(cycle)
        super()._start_asgi_task(cycle, app)

    def begins(self, exchange: RequestResponseCycle) -> None:
        """Called when the app begins to answer a request."""

    def _complete_scope(self) -> None:
        scope: Message = cast(Message, self.scope)
        scope["method"] = self.parser.get_method().decode("ascii")
        version = self.parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
        parts = (_parts if len(self.url) <= LONGEST_URL else _parse)(self.url)
        scope["path"] = self.root_path + parts.path
        scope["raw_path"] = self.root_path.encode("ascii") + parts.raw_path
        scope["query_string"] = parts.query
        scope[HAS_TRACEPARENT] = any(name == TRACEPARENT for name, _ in self.headers)

    def _is_between_requests(self) -> bool:
        cycle = self.cycle
        # A response may be complete before its request is: the packet could then be the rest of that body.
        is_answered = cycle is not None and cycle.response_complete and not cycle.more_body
        return is_answered and not (self._in_head or self._received or self._is_refused)

    def _may_begin_at_once(self) -> bool:
        if self._begins_at_once is None:
            app: Any = self.app
            while isinstance(app, ProxyHeadersMiddleware):
                app = app.app
            self._begins_at_once = getattr(app, BEGINS_WITHOUT_TASK, False)
        return self._begins_at_once


class _Parts(NamedTuple):
    path: str
    raw_path: bytes
    query: bytes


def _parse(url: bytes) -> _Parts:
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return _Parts(unquote(path) if "%" in path else path, parsed.path, parsed.query or b"")


# Clients ask for few different URLs, and parsing one costs as much as the rest of a head.
_parts = lru_cache(MOST_URLS)(_parse)


async def _finish(running: Awaitable[None]) -> None:
    await running
