"""One request and its response over HTTP, without the parts of uvicorn's own that a short one does not need.

uvicorn writes the head and the body of a response separately, checks each header with two regular expressions, and
makes an event for each request, which the app waits for only if the body is not there yet.
"""

from __future__ import annotations

import asyncio
from functools import cached_property, lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from watchword.asgi.types import Fixed, Header, Headers, Message

# The written lines of these headers are cached: many responses have the same, and none is a secret. The cache holds
# MOST_LINES of them, and no value of more than LONGEST_VALUE bytes.
REPEATED = frozenset(
    (b"content-type", b"content-length", b"cache-control", b"vary", b"date")
    + (b"strict-transport-security",)
)
MOST_LINES, LONGEST_VALUE = 1_024, 256
# The written lines of so many heads are cached; the server's own head has another date each second.
MOST_HEADS = 64
# A body of more bytes is written behind its head, without being copied.
LONGEST_COPIED = 65_536
# Headers that change how the body is sent; uvicorn writes a head that has one of the last two.
_LENGTH, _OTHER_FRAMING = b"content-length", frozenset((b"transfer-encoding", b"connection"))


class Exchange(RequestResponseCycle):
    """A request and its response; a response with a length that comes in one piece is one write."""

    # The head of the response, until its body comes.
    _held: bytes | None = None
    # The body of a request that has come as a whole, until the app takes it.
    _whole: bytes | None = None

    def __init__(
        self, protocol: HttpToolsProtocol, scope: Any, is_persistent: bool, body: bytes | None
    ) -> None:
        """`body` is the request's, if all of it is there. `is_persistent` keeps the connection for another request."""
        # Not uvicorn's own initializer, which takes twice as long: a test compares the attributes.
        self.scope = scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.logger = protocol.logger
        self.access_logger = protocol.access_logger
        self.access_log = protocol.access_log
        self.default_headers = protocol.server_state.default_headers
        self.on_response = protocol.on_response_complete
        self.disconnected = False
        self.keep_alive = is_persistent
        self.waiting_for_100_continue = False
        self.body = bytearray()
        self.more_body = body is None
        self.response_started = False
        self.response_complete = False
        self.chunked_encoding = None
        self.expected_content_length = 0
        self._whole = body

    @cached_property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]
        """Set when more of the request has come, or when the exchange is over."""
        return asyncio.Event()

    async def receive(self) -> Any:
        body = self.take_whole()
        if body is None:
            return await super().receive()
        return {"type": "http.request", "body": body, "more_body": False}

    def take_whole(self) -> bytes | None:
        """Return the body, once, if all of it has come; None if the app must receive messages."""
        body, self._whole = self._whole, None
        if body is None or self.disconnected:
            return None
        self.flow.resume_reading()
        return body

    async def send(self, message: Any) -> None:
        if self._held is not None:
            if self._complete(message):
                return
            held, self._held = self._held, None
            self.transport.write(held)
        elif not self.response_started and self._hold(message):
            return
        await super().send(message)

    def _hold(self, message: Message) -> bool:
        """Keep the head of a response back until its body comes. Returns False if uvicorn must write it."""
        if message["type"] != "http.response.start" or not self._is_plain():
            return False
        length, lines = None, [STATUS_LINE[message["status"]]]
        for headers in (self.default_headers, message.get("headers", ())):
            for name, value in headers:
                known = line(name, value)
                if known is None or (known[1] is not None and length is not None):
                    return False
                lines.append(known[0])
                length = length if known[1] is None else known[1]
        if length is None:
            return False
        lines.append(b"\r\n")
        self._held = b"".join(lines)
        self.response_started, self.chunked_encoding = True, False
        self.expected_content_length = length
        return True

    def write_whole(self, status: int, headers: Fixed, body: bytes) -> bool:
        """Write a response at once, as two messages to `send` would. Returns False if they must be sent."""
        if self.response_started or not self._is_plain():
            return False
        defaults, own = _defaults.lines_of(self.default_headers), _head(headers)
        if defaults is None or own is None:
            return False
        self.response_started, self.chunked_encoding = True, False
        head = b"%b%b%bcontent-length: %d\r\n\r\n" % (STATUS_LINE[status], defaults, own, len(body))
        if len(body) > LONGEST_COPIED:
            self.transport.write(head)
            self._end(body)
        else:
            self._end(head + body)
        return True

    def _complete(self, message: Message) -> bool:
        """Write a whole body together with its head. Returns False if uvicorn must write it."""
        body = message.get("body", b"")
        is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)
        if (
            not is_whole
            or len(body) != self.expected_content_length
            or len(body) > LONGEST_COPIED
            or self.disconnected
            or self.flow.write_paused
        ):
            return False
        assert self._held is not None, "a head was held"
        self._end(self._held + body)
        self._held = None
        return True

    def _end(self, response: bytes) -> None:
        self.transport.write(response)
        self.expected_content_length = 0
        self.response_complete = True
        if "message_event" in self.__dict__:
            self.message_event.set()
        self.on_response()

    def _is_plain(self) -> bool:
        is_open = not self.disconnected and not self.flow.write_paused
        is_usual = self.keep_alive and not self.access_log and not self.waiting_for_100_continue
        return is_open and is_usual and self.scope["method"] != "HEAD"


def line(name: bytes, value: bytes) -> tuple[bytes, int | None] | None:
    """Return a header's line, and the length that it tells; None if uvicorn must look at the header."""
    if name in REPEATED and len(value) <= LONGEST_VALUE:
        return _cached(name, value)
    return _line(name, value)


def _line(name: bytes, value: bytes) -> tuple[bytes, int | None] | None:
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        return None
    name = name.lower()
    if name in _OTHER_FRAMING or (name == _LENGTH and not value.isdigit()):
        return None
    return b"%b: %b\r\n" % (name, value), int(value) if name == _LENGTH else None


_cached = lru_cache(MOST_LINES)(_line)


@lru_cache(MOST_HEADS)
def _head(headers: Headers) -> bytes | None:
    """Return the lines of headers that hold no secret; None if uvicorn must look at them, or one tells a length."""
    lines = [line(name, value) for name, value in headers]
    if any(each is None or each[1] is not None for each in lines):
        return None
    return b"".join(each[0] for each in lines if each is not None)


class _Defaults:
    """The lines of the server's own headers, which uvicorn puts into a new list each second."""

    def __init__(self) -> None:
        self._headers: list[Header] | None = None
        self._lines: bytes | None = None

    def lines_of(self, headers: list[Header]) -> bytes | None:
        if headers is not self._headers:
            self._headers, self._lines = headers, _head(tuple(headers))
        return self._lines


_defaults = _Defaults()
