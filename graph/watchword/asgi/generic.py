"""Connections of any ASGI server, which gives no more than `receive` and `send`.

`send` waits where the client does not read. So a task sends what is written, one message after the
other, and what waits for it counts as not read: the rule for clients that do not read holds as it does
with `watchword serve`. Such a server does not tell the doors that it stops; its connections end with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from watchword.asgi.types import Message, Receive, Send
from watchword.asgi.uvicorn import frames as uvicorn_frames
from watchword.asgi.uvicorn.frames import FramesProtocol, PipeProtocol


class _Plain:
    """What both kinds of connection share: a queue, and the task that sends it."""

    is_stopping = False

    def __init__(self, receive: Receive, send: Send) -> None:
        self.written: Callable[[int, int], object] | None = None
        self.stopping: Callable[[], object] | None = None
        self.lost: Callable[[], object] | None = None
        self.taken = 0
        self._receive = receive
        self._send = send
        self._queue: deque[tuple[Message, int]] = deque()
        self._size = 0
        self._sent = asyncio.Event()
        self._sent.set()
        self._closing = asyncio.Event()
        self._pumping: asyncio.Task[None] | None = None
        self._giving_up: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> tuple[int, int]:
        return len(self._queue), self._size

    async def drained(self) -> None:
        await self._sent.wait()

    def release(self) -> None:
        """Drop what was not sent: the connection is over."""
        if self._giving_up is not None:
            self._giving_up.cancel()
        self._drop()

    def _put(self, message: Message, size: int) -> None:
        self._queue.append((message, size))
        self._size += size
        self._sent.clear()
        if self._pumping is None:
            self._pumping = asyncio.create_task(self._pump())
        if self.written is not None:
            self.written(*self.waiting)

    def _close_soon(self) -> None:
        self._closing.set()
        if self._giving_up is None:
            loop = asyncio.get_running_loop()
            self._giving_up = loop.call_later(uvicorn_frames.CLOSING_SECONDS, self._drop)

    async def _pump(self) -> None:
        try:
            while self._queue:
                message, size = self._queue[0]
                await self._send(message)
                self._queue.popleft()
                self._size -= size
                self.taken += size
        except Exception:
            # Each server has its own exception for a client that has gone; `receive` reports it, too.
            self._forget()
        self._pumping = None
        self._sent.set()

    def _drop(self) -> None:
        self._forget()
        if self._pumping is not None:
            self._pumping.cancel()
        self._sent.set()

    def _forget(self) -> None:
        self._closing.set()
        self._queue.clear()
        self._size = 0


class PlainSocket(_Plain):
    """A WebSocket."""

    def send_text(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
        """Send a text message of these parts. Never waits."""
        if not self._closing.is_set():
            text = b"".join((head, body, tail))
            self._put({"type": "websocket.send", "text": text.decode()}, len(text))

    def send_close(self, code: int, reason: str) -> None:
        """Close as soon as the client has read what was written before, and in a while in any case."""
        if not self._closing.is_set():
            self._put({"type": "websocket.close", "code": code, "reason": reason}, 0)
            self._close_soon()

    async def receive(self) -> Message:
        """Return the next message of the client, or the end of the connection."""
        hearing = asyncio.ensure_future(self._receive())
        closing = asyncio.ensure_future(self._closed())
        try:
            await asyncio.wait({hearing, closing}, return_when=asyncio.FIRST_COMPLETED)
            return closing.result() if closing.done() else hearing.result()
        finally:
            hearing.cancel()
            closing.cancel()

    async def _closed(self) -> Message:
        await self._closing.wait()
        await self.drained()
        return {"type": "websocket.disconnect", "code": 1006}


class PlainStream(_Plain):
    """A response that is written part by part, once its head is sent."""

    def __init__(self, receive: Receive, send: Send) -> None:
        super().__init__(receive, send)
        self._is_ended = False
        self._listening = asyncio.create_task(self._listen())

    def send_chunk(self, data: bytes) -> None:
        """Send a part of the body. Never waits."""
        if not self._closing.is_set() and not self._is_ended:
            self._put({"type": "http.response.body", "body": data, "more_body": True}, len(data))

    def send_last(self, data: bytes) -> None:
        """Send the last part, and end in a while even if the client does not read it."""
        self.send_chunk(data)
        self._end()
        self._close_soon()

    async def end(self) -> None:
        """End the response when everything is read, or when it was given up."""
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
        if self.lost is not None:
            self.lost()


def socket(scope: Message, receive: Receive, send: Send) -> FramesProtocol | PlainSocket:
    """Return the connection of a WebSocket that was accepted."""
    return _own(scope) or PlainSocket(receive, send)


def stream(scope: Message, receive: Receive, send: Send) -> PipeProtocol | PlainStream:
    """Return the connection of a response that is to be written part by part."""
    return _own(scope) or PlainStream(receive, send)


def _own(scope: Message) -> Any:
    return scope.get("extensions", {}).get(uvicorn_frames.EXTENSION)
