"""uvicorn's HTTP connection, with limits on the size and the time of a request's head, and on the time of its body.

uvicorn's own parser buffers a head of any size for any time, and reads the trailers after a body as
further headers, which a proxy in front has not checked.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from websockets.http11 import MAX_LINE_LENGTH

from watchword.asgi.uvicorn.idle import IdleProtocol
from watchword.config.limits import fixed

# RFC 6585, section 5; RFC 9110, sections 15.5.15 and 15.5.9.
HEAD_TOO_LARGE, LINE_TOO_LONG, TOO_SLOW = 431, 414, 408
MOST_HEADERS = fixed("headers")
"""Most headers of a request."""
MOST_BYTES = 32_768
"""Most bytes of a request line and its headers, unless uvicorn's configuration has another limit."""
# Seconds for a whole head, counted from when the server begins to wait for it.
HEAD_SECONDS = float(fixed("head_seconds"))
# Seconds for a whole body, counted from when the server begins to answer its request.
BODY_SECONDS = float(fixed("body_seconds"))
# Seconds between a refusal and the end of the connection: a client that is cut off at once may not see
# the response.
LINGER_SECONDS = 2.0


class HeadTooLarge(Exception):
    """The head exceeds a limit. Raised in a callback of uvicorn's parser, to stop it."""


class HeadProtocol(IdleProtocol):
    """An HTTP connection that limits a request's head to `h11_max_incomplete_event_size` bytes.

    uvicorn itself applies this setting only in its other parser, h11.
    """

    _limit = MOST_BYTES
    # Whether the parser is between the first byte of a request and the end of its headers.
    _in_head = False
    # Whether the connection was refused, or handed to the WebSocket protocol: input is dropped.
    _is_refused = False
    # Bytes received since the parser last completed a head, a piece of a body or a message; and the bytes
    # of the latest packet.
    _received = 0
    _latest = 0
    _deadline: asyncio.TimerHandle | None = None
    # The status of a refusal, in place of uvicorn's 400.
    _refusal = 400

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limit = self.config.h11_max_incomplete_event_size or MOST_BYTES
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._latest = len(data)
        self._received += self._latest
        super().data_received(data)
        self.packet_is_read()
        if self._is_refused or self.transport.is_closing():
            return
        if self._received > self._limit:
            self._refuse(LINE_TOO_LONG if self._in_head and not self.headers else HEAD_TOO_LARGE)
        elif self._in_head or self.cycle is None or self.cycle.response_complete:
            if not self._is_kept_alive:
                self._await_head()
        else:
            self._await_body()

    def handle_websocket_upgrade(self) -> None:
        # Refuse long lines here: the WebSocket protocol, which takes over, closes without a response.
        if any(len(name) + len(value) + 4 > MAX_LINE_LENGTH for name, value in self.headers):
            self._refuse(HEAD_TOO_LARGE)
            return
        if len(self.url) + len("GET  HTTP/1.1\r\n") > MAX_LINE_LENGTH:
            self._refuse(LINE_TOO_LONG)
            return
        self._is_refused = True
        self._switch_to_websocket()
        # They hold this object, which serves nothing any more: only a collection of garbage would find that.
        self.parser = self.scope = cast(Any, None)

    def _switch_to_websocket(self) -> None:
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal)

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        # Drop trailers: they must not be merged into the headers (RFC 9110, section 6.5.1).
        if self._in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if max(self._latest, self._received) > self._limit and self._size() > self._limit:
            self._refusal = LINE_TOO_LONG if len(self.url) > self._limit else HEAD_TOO_LARGE
            raise HeadTooLarge
        if len(self.headers) > MOST_HEADERS:
            self._refusal = HEAD_TOO_LARGE
            raise HeadTooLarge
        self._in_head = False
        self._received = 0
        self._stop_waiting()
        self.head_is_read()

    def head_is_read(self) -> None:
        """Called when the head of a request is read and within the limits."""
        super().on_headers_complete()

    def packet_is_read(self) -> None:
        """Called when the parser has read everything that has come."""

    def on_body(self, body: bytes) -> None:
        self._received = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._received = 0
        self._stop_waiting()
        super().on_message_complete()

    # Callback of the app.

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # A pipelined request begins to be answered only now.
        if self._is_answering():
            self._await_body()

    def allow_body(self, seconds: float) -> None:
        """Let what is left of the body of the request that is being answered take so many seconds from now."""
        cycle: Any = self.cycle
        if cycle.more_body and not self.pipeline:
            self._stop_waiting()
            self._deadline = self.loop.call_later(seconds, self._body_timed_out)

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, TOO_SLOW)

    def _await_body(self) -> None:
        cycle: Any = self.cycle
        if self._deadline is None and cycle.more_body and not self.pipeline:
            self._deadline = self.loop.call_later(BODY_SECONDS, self._body_timed_out)

    def _body_timed_out(self) -> None:
        cycle: Any = self.cycle
        if not cycle.response_started:
            # Tell the app that the client is gone, so that nothing of its answer is sent after the 408.
            cycle.disconnected = True
            cycle.message_event.set()
        self._refuse(TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int) -> None:
        """End the connection, with a response if the client can tell which request it belongs to."""
        self._is_refused = True
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._is_answering() or (status == TOO_SLOW and self._is_idle):
            # The client has sent no request, or is receiving another response: it would misread this one.
            self.transport.close()
            return
        body = STATUS_LINE[status].partition(b" ")[2].strip()
        defaults = b"".join(b"%b: %b\r\n" % each for each in self.server_state.default_headers)
        self.transport.write(
            b"%b%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (STATUS_LINE[status], defaults, len(body), body)
        )
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()

    @property
    def _is_kept_alive(self) -> bool:
        """Whether nothing of another request has come, and the timer between requests limits the time until it comes."""
        return self._awaits_request and not self._received and not self._in_head

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.disconnected

    @property
    def _is_idle(self) -> bool:
        cycle: Any = self.cycle
        return not self._in_head and (cycle is None or cycle.response_complete)
