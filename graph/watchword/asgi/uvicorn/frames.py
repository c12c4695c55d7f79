"""Makes uvicorn's connections usable as wires (`asgi/wire.py`), which transports find in the scope, under `EXTENSION`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request
from websockets.protocol import State

from watchword.asgi import wire
from watchword.asgi.direct import is_direct
from watchword.asgi.types import Message
from watchword.asgi.uvicorn.handshake import Upgrade, plain_upgrade, response_head
from watchword.asgi.uvicorn.head import HeadProtocol
from watchword.asgi.uvicorn.measured import MeasuredTransport
from watchword.asgi.uvicorn.requests import RequestProtocol
from watchword.asgi.wire import EXTENSION


class _WireProtocol(asyncio.Protocol):
    """The base of both wires: the measured transport, and the callbacks."""

    transport: asyncio.Transport
    on_shutdown: Callable[[], object] | None = None
    is_shutting_down = False
    on_lost: Callable[[], object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A WebSocket takes over the transport of its HTTP request, which is measured already.
        is_measured = isinstance(transport, MeasuredTransport)
        super().connection_made(
            transport if is_measured else cast(Any, MeasuredTransport(cast(Any, transport)))
        )

    @property
    def _measured(self) -> MeasuredTransport:
        return cast(MeasuredTransport, self.transport)

    @property
    def on_write(self) -> Callable[[int, int], object] | None:
        return self._measured.on_write

    @on_write.setter
    def on_write(self, callback: Callable[[int, int], object] | None) -> None:
        self._measured.on_write = callback

    @property
    def unsent(self) -> tuple[int, int]:
        return self._measured.unsent

    @property
    def sent(self) -> int:
        return self._measured.sent

    def release(self) -> None:
        # Break the reference cycle: the callbacks hold the connection.
        self.on_shutdown = self.on_lost = None

    def shutdown(self) -> None:
        self.is_shutting_down = True
        if self.on_shutdown is not None:
            self.on_shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self._measured.connection_lost()
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()
        self.release()


Packed = tuple[bytes, int]
"""Frames, and how many they are."""


def pack(messages: Sequence[bytes]) -> Packed:
    """Return the frames of text messages, to be written together."""
    parts = [part for text in messages for part in (frame_header(len(text)), text)]
    return b"".join(parts), len(messages)


class FramesProtocol(_WireProtocol, WebSocketsSansIOProtocol):
    """A WebSocket (`SocketWire`)."""

    # The handshake, if it was plain and is not answered yet; and what the client has sent before the answer.
    _upgrade: Upgrade | None = None
    _early = b""

    def begin(self, connection: HeadProtocol, upgrade: Upgrade) -> None:
        """Take over a connection, after its request was parsed and checked, and serve it."""
        self._upgrade = upgrade
        self.transport = connection.transport
        self.connections.add(self)
        self.server, self.client = connection.server, connection.client
        self.scheme = "wss" if connection.scheme == "https" else "ws"
        self.handshake_initiated = True
        self.scope = cast(Any, self._scope(connection, upgrade))
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    def _scope(self, connection: HeadProtocol, upgrade: Upgrade) -> Message:
        path, _, query = connection.url.partition(b"?")
        return {
            "type": "websocket",
            "asgi": {"version": self.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "root_path": self.root_path,
            "path": self.root_path + unquote(path.decode("ascii")),
            "raw_path": self.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": connection.headers,
            "subprotocols": [*upgrade.subprotocols],
            "state": self.app_state.copy(),
            "extensions": {"websocket.http.response": {}, EXTENSION: self},
        }

    def data_received(self, data: bytes) -> None:
        if self._upgrade is None:
            super().data_received(data)
        else:
            self._early += data
            self.transport.pause_reading()

    async def send(self, message: Any) -> None:
        upgrade = self._upgrade
        if upgrade is None or self.disconnected:
            await super().send(message)
        elif message["type"] == "websocket.accept":
            self._upgrade = None
            self._accept(upgrade, message)
        else:
            # websockets writes the refusal.
            self._upgrade = None
            await super().send(message)

    def _accept(self, upgrade: Upgrade, message: Any) -> None:
        if self.transport.is_closing():
            return
        more = ((name.lower(), value) for name, value in message.get("headers", ()))
        headers = [*self.default_headers, *more]
        self.handshake_complete = True
        # The library's parser begins with the frames: the request was read already.
        self.conn.state = State.OPEN
        self.conn.parser = self.conn.parse()
        next(self.conn.parser)
        self.transport.write(response_head(upgrade, message.get("subprotocol"), headers))
        self.start_keepalive()
        if self._early:
            early, self._early = self._early, b""
            self.transport.resume_reading()
            super().data_received(early)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(Message, self.scope)["extensions"][EXTENSION] = self

    def send_text(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        size = len(head) + len(body) + len(tail)
        self.transport.write(b"".join((frame_header(size), head, body, tail)))

    packing = staticmethod(pack)

    def send_packed(self, packed: Packed) -> None:
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self._measured.write(*packed)

    def send_close(self, code: int, reason: str) -> None:
        if self.close_sent or self.disconnected:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.stop_keepalive()
        self.close_timer = self.loop.call_later(wire.CLOSING_SECONDS, self.transport.abort)
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
        has_owner = self.on_shutdown is not None
        _WireProtocol.shutdown(self)
        # A connection that has sent its close frame ends by itself.
        if not has_owner and not self.close_sent:
            WebSocketsSansIOProtocol.shutdown(self)


class PipeProtocol(_WireProtocol, RequestProtocol):
    """An HTTP connection that a response is written to chunk by chunk (`StreamWire`)."""

    # The request that is being answered.
    _running: RequestResponseCycle

    def _switch_to_websocket(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        upgrade = plain_upgrade(method, version, self.url, self.headers)
        if upgrade is None or self.ws_protocol_class is not FramesProtocol:
            super()._switch_to_websocket()
            return
        self.connections.discard(self)
        socket = FramesProtocol(self.config, self.server_state, self.app_state, self.loop)
        socket.begin(self, upgrade)
        self.transport.set_protocol(socket)

    def make_scope(self) -> Message:
        scope = super().make_scope()
        scope["extensions"] = {EXTENSION: self}
        return scope

    def has_begun(self, receive: Any, send: Any) -> bool:
        return self._running.response_started and is_direct(receive, send, self._running)

    def pause_writing(self) -> None:
        super().pause_writing()
        # The next of pipelined responses waits in `send` until the client reads: for ever, if it does not. What is
        # written to a stream has a limit of its own (`Backlog`).
        if self.on_write is None:
            self._measured.watch_reading()

    def send_chunk(self, data: bytes) -> None:
        cycle = self._running
        if cycle.disconnected or cycle.response_complete or self.transport.is_closing():
            return
        if cycle.chunked_encoding:
            # RFC 9112, section 7.1.
            data = b"%x\r\n%b\r\n" % (len(data), data)
        # A stream may live long, and no request of its client comes soon: keep no memory for that.
        self._last = None
        self.transport.write(data)

    def send_last(self, data: bytes) -> None:
        if data:
            self.send_chunk(data)
        cycle = self._running
        if cycle.chunked_encoding and not cycle.disconnected and not self.transport.is_closing():
            self.transport.write(b"0\r\n\r\n")
        # Tell uvicorn that the client is gone: otherwise it would wait until the client reads.
        cycle.disconnected = True
        cycle.message_event.set()
        self.transport.close()
        self.loop.call_later(wire.CLOSING_SECONDS, self.transport.abort)

    async def interrupted(self) -> None:
        """Do nothing: this server tells its connections before it cancels their tasks."""

    async def end(self) -> None:
        await self._running.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def drained(self) -> None:
        await self.flow.drain()

    def shutdown(self) -> None:
        _WireProtocol.shutdown(self)
        RequestProtocol.shutdown(self)

    def begins(self, exchange: RequestResponseCycle) -> None:
        # With pipelining, `self.cycle` is the newest request, and not the one that is being answered.
        self._running = exchange


def frame_header(length: int) -> bytes:
    """Return the header of an unmasked, unfragmented text message of `length` bytes (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")
