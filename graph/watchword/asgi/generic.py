"""Wires for any ASGI server that offers only `receive` and `send` (see `asgi/wire.py`).

`send` waits while the client does not read. So a task of the wire sends the written messages one after
the other, and the messages in its queue count as unsent. Clients that do not read are therefore dropped
by the same rule as under `watchword serve`. `asgi/shutdown.py` tells the wires when such a server stops.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from watchword.asgi import wire
from watchword.asgi.direct import is_direct
from watchword.asgi.shutdown import Shutdown
from watchword.asgi.types import Message, Receive, Send
from watchword.asgi.wire import EXTENSION, SocketWire, StreamWire


def socket(scope: Message, receive: Receive, send: Send, shutdown: Shutdown) -> SocketWire:
    """Return the wire of an accepted WebSocket: the server's own, or one over `receive` and `send` if there is
    none, or if a middleware has put functions of its own before the server's: it may change each message."""
    own = _own(scope)
    return own if own and is_direct(receive, send, own) else GenericSocket(receive, send, shutdown)


def stream(scope: Message, receive: Receive, send: Send, shutdown: Shutdown) -> StreamWire:
    """Return the wire of a streamed response whose head was not sent yet. Ask `body` again when it was."""
    return _own(scope) or GenericStream(receive, send, shutdown)


def body(wire: StreamWire, receive: Receive, send: Send, shutdown: Shutdown) -> StreamWire:
    """Return the wire for the body of a response whose head was sent: the same, or one over `receive` and `send`.

    A middleware such as Starlette's `GZipMiddleware` or `BaseHTTPMiddleware` holds the head back, and sends it later.
    What the server's own wire writes would arrive before the head, so then the body goes through the middleware too. It
    does if a middleware has put any `send` of its own before the server's: it may change the body.
    """
    if wire.has_begun(receive, send):
        return wire
    return GenericStream(receive, send, shutdown)


def _own(scope: Message) -> Any:
    return scope.get("extensions", {}).get(EXTENSION)


class _GenericWire:
    """The base of both wires: a queue of messages, and the task that sends them."""

    def __init__(self, receive: Receive, send: Send, shutdown: Shutdown) -> None:
        self.on_write: Callable[[int, int], object] | None = None
        self.on_shutdown: Callable[[], object] | None = None
        self.on_lost: Callable[[], object] | None = None
        self.sent = 0
        self._shutdown = shutdown
        self._receive = receive
        self._send = send
        self._queue: deque[tuple[Message, int]] = deque()
        self._size = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._closing = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._cut: asyncio.TimerHandle | None = None
        shutdown.add(self)

    @property
    def is_shutting_down(self) -> bool:
        return self._shutdown.is_stopping

    def server_stops(self) -> None:
        if self.on_shutdown is not None:
            self.on_shutdown()

    def end_now(self) -> None:
        # The first call lets the connection drain, if nothing has done so yet; the next one ends it.
        self.server_stops()
        self.server_stops()

    async def say_why(self) -> None:
        """End the connection with its reason, and wait until the client has it."""
        self.end_now()
        if self._closing.is_set():
            await self.drained()

    @property
    def unsent(self) -> tuple[int, int]:
        return len(self._queue), self._size

    async def drained(self) -> None:
        await self._empty.wait()

    def release(self) -> None:
        """Drop everything that was not sent: the connection is over."""
        self._shutdown.discard(self)
        if self._cut is not None:
            self._cut.cancel()
        self._drop()

    def _put(self, message: Message, size: int) -> None:
        self._queue.append((message, size))
        self._size += size
        self._empty.clear()
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_queue())
        if self.on_write is not None:
            self.on_write(*self.unsent)

    def _close_soon(self) -> None:
        self._closing.set()
        if self._cut is None:
            loop = asyncio.get_running_loop()
            self._cut = loop.call_later(wire.CLOSING_SECONDS, self._drop)

    async def _send_queue(self) -> None:
        try:
            while self._queue:
                message, size = self._queue[0]
                await self._send(message)
                self._queue.popleft()
                self._size -= size
                self.sent += size
        except Exception:
            # Each server raises its own exception when the client is gone. `receive` reports that too.
            self._clear()
        self._sending = None
        self._empty.set()

    def _drop(self) -> None:
        self._clear()
        if self._sending is not None:
            self._sending.cancel()
        self._empty.set()

    def _clear(self) -> None:
        self._closing.set()
        self._queue.clear()
        self._size = 0


def pack(messages: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the messages themselves: an ASGI server takes one at a time."""
    return tuple(messages)


class GenericSocket(_GenericWire):
    """A WebSocket."""

    def send_text(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
        if not self._closing.is_set():
            text = b"".join((head, body, tail))
            self._put({"type": "websocket.send", "text": text.decode()}, len(text))

    packing = staticmethod(pack)

    def send_packed(self, packed: tuple[bytes, ...]) -> None:
        for text in packed:
            self.send_text(text)

    def send_close(self, code: int, reason: str) -> None:
        if not self._closing.is_set():
            self._put({"type": "websocket.close", "code": code, "reason": reason}, 0)
            self._close_soon()

    async def receive(self) -> Message:
        receiving = asyncio.ensure_future(self._receive())
        closing = asyncio.ensure_future(self._closed())
        try:
            await asyncio.wait({receiving, closing}, return_when=asyncio.FIRST_COMPLETED)
            message = closing.result() if closing.done() else receiving.result()
            if message["type"] == "websocket.disconnect" and self.is_shutting_down:
                # granian reports a disconnection while the client can still be told why.
                await self.say_why()
            return message
        except asyncio.CancelledError:
            # hypercorn cancels the tasks of its connections when it stops.
            await self.say_why()
            raise
        finally:
            receiving.cancel()
            closing.cancel()

    async def _closed(self) -> Message:
        await self._closing.wait()
        await self.drained()
        return {"type": "websocket.disconnect", "code": 1006}


class GenericStream(_GenericWire):
    """A response that is written chunk by chunk, once its head is sent."""

    def __init__(self, receive: Receive, send: Send, shutdown: Shutdown) -> None:
        super().__init__(receive, send, shutdown)
        self._is_ended = False
        self._listening = asyncio.create_task(self._listen())

    def has_begun(self, _receive: Receive, _send: Send) -> bool:
        # It writes by `send`, as the head is.
        return True

    def send_chunk(self, data: bytes) -> None:
        if not self._closing.is_set() and not self._is_ended:
            self._put({"type": "http.response.body", "body": data, "more_body": True}, len(data))

    def send_last(self, data: bytes) -> None:
        self.send_chunk(data)
        self._end()
        self._close_soon()

    async def interrupted(self) -> None:
        # hypercorn cancels the tasks of its connections when it stops; its worker processes get no signal before.
        await self.say_why()

    async def end(self) -> None:
        """End the response when the client has read everything, or was dropped."""
        self._end()
        await self.drained()

    def release(self) -> None:
        super().release()
        self._listening.cancel()

    def _end(self) -> None:
        if not self._is_ended:
            self._is_ended = True
            self._put({"type": "http.response.body", "body": b"", "more_body": False}, 0)

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self.on_lost is not None:
            self.on_lost()
