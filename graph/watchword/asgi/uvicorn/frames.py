"""uvicorn's protocols, with what a live connection needs and ASGI's `send` does not give.

ASGI waits where a slow client would have to be given up, and makes a task of what is one write. So the
doors get the connection itself, as an extension of the scope: to write bytes that are ready, to know
how much waits for the client (`Measured` counts each write, also uvicorn's own pings and pongs), and to
hear that the server stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

from watchword.asgi.backlog import Line
from watchword.asgi.types import Message
from watchword.asgi.uvicorn.head import HeadProtocol

EXTENSION = "watchword.wire"
# Seconds that a client may take to read the end of its connection, before the connection is cut.
CLOSING_SECONDS = 5.0


class Wire(Line, Protocol):
    """A connection as the doors see it."""

    written: Callable[[int, int], object] | None
    """Called after each write, also after uvicorn's own, with what `waiting` is then."""
    stopping: Callable[[], object] | None
    """Called when the server is asked to stop. A door that sets it must end the connection itself."""
    is_stopping: bool
    """Whether the server was asked to stop."""
    lost: Callable[[], object] | None
    """Called when the connection is gone."""

    async def drained(self) -> None:
        """Wait while more waits for the client than should."""

    def release(self) -> None:
        """Called when the door is done with the connection."""


class Measured:
    """A transport that counts what is written, and closes in time even if the client does not read.

    asyncio's own `close` waits until everything is read: for ever, when the client does not read.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        # Kept bound: each delivery to each client calls them.
        self._put = transport.write
        self._size = transport.get_write_buffer_size
        self.is_closing = transport.is_closing
        self._total = 0
        # Writes since the client had read everything.
        self._writes = 0
        self._cut: asyncio.TimerHandle | None = None
        self.written: Callable[[int, int], object] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, and count it."""
        self._put(data)
        self._total += len(data)
        size = self._size()
        self._writes = self._writes + 1 if size else 0
        if self.written is not None:
            self.written(self._writes, size)

    def close(self) -> None:
        """Close when the client has read everything, or reads nothing for `CLOSING_SECONDS`."""
        self._transport.close()
        if self._cut is None:
            self._wait(self.taken)

    def lost(self) -> None:
        """Called when the connection is gone: nothing is cut any more."""
        self.written = None
        if self._cut is not None:
            self._cut.cancel()

    @property
    def waiting(self) -> tuple[int, int]:
        """How many writes, and bytes, wait for the client to read."""
        return self._writes, self._size()

    @property
    def taken(self) -> int:
        """How many bytes have left for the client."""
        return self._total - self._size()

    def _wait(self, taken: int) -> None:
        loop = asyncio.get_running_loop()
        self._cut = loop.call_later(CLOSING_SECONDS, self._look, taken)

    def _look(self, before: int) -> None:
        if (taken := self.taken) > before:
            self._wait(taken)
        else:
            self._transport.abort()


class _Wired(asyncio.Protocol):
    """What both kinds of connection share: measured writes, and the callbacks for the end."""

    transport: asyncio.Transport
    stopping: Callable[[], object] | None = None
    is_stopping = False
    lost: Callable[[], object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A socket gets the transport of the request that it began as, which is measured already.
        is_measured = isinstance(transport, Measured)
        super().connection_made(
            transport if is_measured else cast(Any, Measured(cast(Any, transport)))
        )

    @property
    def _line(self) -> Measured:
        return cast(Measured, self.transport)

    @property
    def written(self) -> Callable[[int, int], object] | None:
        return self._line.written

    @written.setter
    def written(self, written: Callable[[int, int], object] | None) -> None:
        self._line.written = written

    @property
    def waiting(self) -> tuple[int, int]:
        return self._line.waiting

    @property
    def taken(self) -> int:
        return self._line.taken

    def release(self) -> None:
        # Break the reference cycle: the callbacks hold the connection.
        self.stopping = self.lost = None

    def shutdown(self) -> None:
        self.is_stopping = True
        if self.stopping is not None:
            self.stopping()

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.lost()
        super().connection_lost(exc)
        if self.lost is not None:
            self.lost()
        self.release()


class FramesProtocol(_Wired, WebSocketsSansIOProtocol):
    """A WebSocket that takes frames as bytes, and closes at once whether or not its client reads."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(Message, self.scope)["extensions"][EXTENSION] = self

    def send_text(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
        """Write a text message of these parts (RFC 6455, section 5.2). Never waits."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        size = len(head) + len(body) + len(tail)
        self.transport.write(b"".join((frame_header(size), head, body, tail)))

    def send_close(self, code: int, reason: str) -> None:
        """Write the close frame, and see to it that the connection ends soon."""
        if self.close_sent or self.disconnected:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.stop_keepalive()
        self.close_timer = self.loop.call_later(CLOSING_SECONDS, self.transport.abort)
        self.close_sent = True
        if self.transport.is_closing():
            return
        with suppress(InvalidState):
            self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def keepalive_timeout(self) -> None:
        self.send_close(1011, "keepalive ping timeout")

    async def drained(self) -> None:
        await self.writable.wait()

    def shutdown(self) -> None:
        has_owner = self.stopping is not None
        _Wired.shutdown(self)
        # A connection that has sent its close frame ends by itself.
        if not has_owner and not self.close_sent:
            WebSocketsSansIOProtocol.shutdown(self)


class PipeProtocol(_Wired, HeadProtocol):
    """An HTTP connection whose response can be written chunk by chunk."""

    _running: RequestResponseCycle

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(Message, self.scope)["extensions"] = {EXTENSION: self}

    def send_chunk(self, data: bytes) -> None:
        """Write a part of the response's body (RFC 9112, section 7.1). Never waits."""
        cycle = self._running
        if cycle.disconnected or cycle.response_complete or self.transport.is_closing():
            return
        if cycle.chunked_encoding:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self.transport.write(data)

    def send_last(self, data: bytes) -> None:
        """Write the last part of the response, and see to it that the connection ends soon."""
        if data:
            self.send_chunk(data)
        cycle = self._running
        if cycle.chunked_encoding and not cycle.disconnected and not self.transport.is_closing():
            self.transport.write(b"0\r\n\r\n")
        # Tell uvicorn that the client is gone: otherwise it would wait until the client reads.
        cycle.disconnected = True
        cycle.message_event.set()
        self.transport.close()
        self.loop.call_later(CLOSING_SECONDS, self.transport.abort)

    async def end(self) -> None:
        """End the response; the connection may be used again."""
        await self._running.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def drained(self) -> None:
        await self.flow.drain()

    def shutdown(self) -> None:
        _Wired.shutdown(self)
        HeadProtocol.shutdown(self)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # A client may have asked for more already: the newest request is not the one that is answered.
        self._running = cycle
        super()._start_asgi_task(cycle, app)


def frame_header(length: int) -> bytes:
    """Return what comes before an unmasked, unfragmented text message of so many bytes."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")
