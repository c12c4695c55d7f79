"""An app behind our HTTP protocol, on a real socket, and what sends bytes to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from tests.support.vault import ENCRYPTION_KEY
from watchword.asgi.types import Message, Receive, Send
from watchword.asgi.wire import allow_body
from watchword.cli.serve import config
from watchword.config.settings import Settings

LIMIT = 8_192
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Echo:
    """An app that records the headers of requests, and answers with the number of bytes in the body."""

    port: int = 0
    seen: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    sockets: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    # Seconds that the bodies of the next requests may take.
    allowed: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            self.sockets += 1
            await send({"type": "websocket.close", "code": 1008})
            return
        if self.allowed:
            allow_body(scope, self.allowed.pop(0))
        self.asked.set()
        size, more = 0, True
        while more:
            if (message := await receive())["type"] == "http.disconnect":
                return
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        self.seen.append(list(scope["headers"]))
        await self.may_answer.wait()
        body = b"%d" % size
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def let_the_time_of_a_body_pass(self) -> None:
        """Wait until the server drops a request that begins now and never arrives."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(POST)
        async with asyncio.timeout(5):
            assert status(await reader.read()) == b"408"
        writer.close()

    async def say(self, *parts: bytes) -> bytes:
        """Send the parts. Return everything that the server sends until it closes, or is quiet."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        heard = b""
        try:
            with suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
            with suppress(TimeoutError, ConnectionError):
                # The first bytes may take a busy machine long.
                async with asyncio.timeout(20):
                    heard = await reader.read(65_536)
                async with asyncio.timeout(0.5):
                    while data := await reader.read(65_536):
                        heard += data
        finally:
            writer.close()
        return heard


@asynccontextmanager
async def echo(**settings: Any) -> AsyncIterator[Echo]:
    app = Echo()
    given = {"encryption_keys": (ENCRYPTION_KEY,), "max_header_bytes": LIMIT} | settings
    made = Settings(_env_file=None, **given)
    server = uvicorn.Server(config(app, made))
    server.config.lifespan = "off"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app.port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield app
        finally:
            server.should_exit = True
            await serving


def status(answer: bytes) -> bytes:
    return answer[9:12]


async def dripped(begin: bytes, drop: bytes) -> bytes:
    """Return the answer to a beginning that is followed by the same bytes again and again."""
    async with echo() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(begin)

        async def drip() -> None:
            with suppress(ConnectionError):
                while True:
                    writer.write(drop)
                    await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(5):
            answer = await reader.read()
        dripping.cancel()
        writer.close()
    return answer
