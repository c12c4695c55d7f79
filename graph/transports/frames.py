"""uvicorn's protocols, with what a live connection needs and ASGI's `send` does not give.

ASGI waits where a slow client would have to be given up, and makes a task of what is one write. So the
doors get the connection itself, as an extension of the scope: to write bytes that are ready, to know
how much waits for the client, and to hear that the server stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

from graph.asgi import Message
from graph.transports.head import HeadProtocol

EXTENSION = "watchword.wire"
# Seconds that a closed connection may take to say so itself, before it is cut.
CLOSING_SECONDS = 5.0


class Wire(Protocol):
    """A connection as the doors see it."""

    stopping: Callable[[], object] | None
    """Called when the server is asked to stop; whoever sets it sees to the connection's end."""
    lost: Callable[[], object] | None
    """Called when the connection is gone."""

    @property
    def waiting(self) -> tuple[int, int]:
        """How many writes, and bytes, wait for the client to read."""

    @property
    def is_full(self) -> bool:
        """Tell whether more waits than should."""

    async def drained(self) -> None:
        """Wait while it is full."""

    def cut(self) -> None:
        """End the connection without another word."""


class Unserved(RuntimeError):
    """The app is not served by `watchword serve`."""


def wire(scope: Message) -> Any:
    """Return the connection of a scope. Raises `Unserved` under another server."""
    found = scope.get("extensions", {}).get(EXTENSION)
    if found is None:
        raise Unserved(
            "Serve the app by `watchword serve`, or give uvicorn"
            " ws=graph.transports.frames:FramesProtocol and http=graph.transports.frames:PipeProtocol."
        )
    return found


class _Wired(asyncio.Protocol):
    """What both kinds of connection share: counted writes, and who hears of the end."""

    transport: asyncio.Transport
    stopping: Callable[[], object] | None = None
    lost: Callable[[], object] | None = None
    # Writes since the client had read everything.
    _writes = 0

    def write(self, data: bytes) -> bool:
        self.transport.write(data)
        if self.transport.get_write_buffer_size():
            self._writes += 1
            return True
        self._writes = 0
        return False

    @property
    def waiting(self) -> tuple[int, int]:
        return self._writes, self.transport.get_write_buffer_size()

    def cut(self) -> None:
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.lost is not None:
            self.lost()
        # What is called back holds the connection, and the connection them.
        self.stopping = self.lost = None


class FramesProtocol(_Wired, WebSocketsSansIOProtocol):
    """A WebSocket that takes frames as bytes, and closes at once whether or not its client reads."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(Message, self.scope)["extensions"][EXTENSION] = self

    def send_text(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> bool:
        """Write a text message of these parts (RFC 6455, section 5.2). Never waits.

        Returns whether anything waits for the client to read.
        """
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return False
        size = len(head) + len(body) + len(tail)
        return self.write(b"".join((frame_header(size), head, body, tail)))

    def send_close(self, code: int, reason: str) -> None:
        """Write the close frame, and see to it that the connection ends soon."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSING_SECONDS, self.cut)

    @property
    def is_full(self) -> bool:
        return not self.writable.is_set()

    async def drained(self) -> None:
        await self.writable.wait()

    def shutdown(self) -> None:
        if self.stopping is not None and not self.close_sent and not self.disconnected:
            self.stopping()
        else:
            super().shutdown()


class PipeProtocol(_Wired, HeadProtocol):
    """An HTTP connection whose response can be written chunk by chunk."""

    _running: RequestResponseCycle

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(Message, self.scope)["extensions"] = {EXTENSION: self}

    def send_chunk(self, data: bytes) -> bool:
        """Write a part of the response's body (RFC 9112, section 7.1). Never waits.

        Returns whether anything waits for the client to read.
        """
        cycle = self._running
        if cycle.disconnected or cycle.response_complete or self.transport.is_closing():
            return False
        if cycle.chunked_encoding:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        return self.write(data)

    @property
    def is_full(self) -> bool:
        return self.flow.write_paused

    async def drained(self) -> None:
        await self.flow.drain()

    def shutdown(self) -> None:
        if self.stopping is not None:
            self.stopping()
        super().shutdown()

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
