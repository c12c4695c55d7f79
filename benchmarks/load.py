"""Generates load: requests over keep-alive connections, and subscribers on WebSockets. Only counts answers.

Written on plain asyncio protocols, so that the generator itself is not the bottleneck.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import time
from urllib.parse import urlsplit


class Asking(asyncio.Protocol):
    """One connection that repeats the same request as soon as it is answered."""

    def __init__(self, request: bytes, until: float) -> None:
        self.answered = 0
        self.last = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._until = until
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._buffer) < end + 4 + length:
            return
        self.answered += 1
        self.last = bytes(self._buffer)
        self._buffer.clear()
        if time.monotonic() < self._until:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self.done.set_result(None)


def post(origin: str, body: dict[str, object], token: str) -> bytes:
    """Return the bytes of a GraphQL request."""
    content = json.dumps(body).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {urlsplit(origin).netloc}\r\n"
        f"Authorization: Bearer {token}\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def ask(origin: str, body: dict[str, object], tokens: list[str], seconds: float) -> int:
    """Send requests over one connection for each token, and return the number of answers.

    Raises `RuntimeError` if the last answer of a connection has errors.
    """
    address, loop = urlsplit(origin), asyncio.get_running_loop()
    until = time.monotonic() + seconds
    asking = []
    for token in tokens:
        request = post(origin, body, token)
        _, protocol = await loop.create_connection(
            lambda request=request: Asking(request, until),  # type: ignore[misc]
            address.hostname,
            address.port,
        )
        asking.append(protocol)
    await asyncio.gather(*(each.done for each in asking))
    for each in asking:
        status, _, answer = each.last.partition(b"\r\n\r\n")
        if b" 200 " not in status or "errors" in json.loads(answer):
            raise RuntimeError(f"the server answered {each.last[:500]!r}")
    return sum(each.answered for each in asking)


class Listening(asyncio.Protocol):
    """A subscriber that counts the frames it gets after its subscription began."""

    def __init__(self, crowd: Crowd, token: str, query: str) -> None:
        self._crowd = crowd
        self._token = token
        self._query = query
        self._buffer = bytearray()
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            "GET /graphql HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self._is_open = True
            payload = {"authorization": f"Bearer {self._token}"}
            self._send({"type": "connection_init", "payload": payload})
        while (frame := self._frame()) is not None:
            self._take(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 2:
            return None
        opcode, length, start = self._buffer[0] & 15, self._buffer[1] & 127, 2
        if length == 126:
            length, start = int.from_bytes(self._buffer[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(self._buffer[2:10], "big"), 10
        if len(self._buffer) < start + length:
            return None
        payload = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return opcode, payload

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._write(10, payload)
        elif opcode == 8:
            code, reason = struct.unpack("!H", payload[:2])[0], payload[2:]
            self._crowd.fail(f"a socket was closed with {code} {reason!r}")
        elif payload.startswith(b'{"type":"connection_ack"') or b'"connection_ack"' in payload[:64]:
            self._send({"type": "subscribe", "id": "1", "payload": {"query": self._query}})
            # The pong comes after the server has begun the subscription.
            self._send({"type": "ping"})
        elif b'"pong"' in payload[:64]:
            self._crowd.ready()
        elif b'"next"' in payload:
            self._crowd.deliver()
        else:
            self._crowd.fail(f"a subscriber heard {payload[:200]!r}")

    def _send(self, message: object) -> None:
        self._write(1, json.dumps(message).encode())

    def _write(self, opcode: int, payload: bytes) -> None:
        # A mask of zeros is valid (RFC 6455, section 5.3), and masking with it changes nothing.
        size = len(payload)
        length = bytes([128 | size]) if size < 126 else bytes([254]) + size.to_bytes(2, "big")
        self._transport.write(bytes([128 | opcode]) + length + bytes(4) + payload)


class Crowd:
    """Many subscribers: waits until all have subscribed, and until all have received a number of events."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.delivered = 0
        self._ready = 0
        self._waiting: asyncio.Future[None] | None = None
        self._goal = 0
        self._transports: list[asyncio.Transport] = []

    @classmethod
    async def gather(cls, origin: str, tokens: list[str], queries: list[str]) -> Crowd:
        """Connect a subscriber for each query; return when all have subscribed."""
        crowd, address, loop = cls(len(queries)), urlsplit(origin), asyncio.get_running_loop()
        crowd._waiting = loop.create_future()
        for number, query in enumerate(queries):
            token = tokens[number % len(tokens)]
            transport, _ = await loop.create_connection(
                lambda token=token, query=query: Listening(crowd, token, query),  # type: ignore[misc]
                address.hostname,
                address.port,
            )
            crowd._transports.append(transport)
        await asyncio.wait_for(crowd._waiting, 120)
        return crowd

    def close(self) -> None:
        """Abort all connections."""
        for transport in self._transports:
            transport.abort()

    def pause(self) -> None:
        """Stop reading from all connections."""
        for transport in self._transports:
            transport.pause_reading()

    async def hears(self, times: int) -> None:
        """Wait until the subscribers together have received `times` more events each."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._goal += times * self.size
        self._check()
        await asyncio.wait_for(self._waiting, 120)

    def ready(self) -> None:
        self._ready += 1
        if self._ready == self.size and self._waiting is not None:
            self._waiting.set_result(None)

    def deliver(self) -> None:
        self.delivered += 1
        self._check()

    def fail(self, reason: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(RuntimeError(reason))

    def _check(self) -> None:
        waiting = self._waiting
        if self._goal and self.delivered >= self._goal and waiting and not waiting.done():
            waiting.set_result(None)
