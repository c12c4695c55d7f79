"""WebSockets to the app under test: in process, by ASGI's messages, and over the network."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from starlette.types import ASGIApp, Message
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from watchword.testing.outcome import Closed

SUBPROTOCOL = "graphql-transport-ws"


class Socket(Protocol):
    """An open WebSocket."""

    async def send(self, text: str) -> None:
        """Send a message. Does nothing once the server has closed the socket."""

    async def receive(self) -> str | Closed:
        """Return the server's next message, or its close."""

    async def close(self) -> None:
        """Close the socket from this side."""


class ProcessSocket:
    """A WebSocket without a network: the app is called with queues of messages."""

    def __init__(self, app: ASGIApp, host: str, path: str) -> None:
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._to_app.put_nowait({"type": "websocket.connect"})
        scope = _scope(host, path)
        self._serving = asyncio.ensure_future(app(scope, self._to_app.get, self._take))
        self._serving.add_done_callback(self._ended)

    async def send(self, text: str) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self) -> str | Closed:
        while True:
            message = await self._from_app.get()
            match message["type"]:
                case "websocket.send":
                    text = message.get("text")
                    return str(text if text is not None else message["bytes"].decode())
                case "websocket.close":
                    return Closed(message.get("code", 1000), message.get("reason") or "")
                case "ended":
                    self._serving.result()
                    return Closed(1006, "the app ended the connection without closing it")

    async def close(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait({self._serving})

    async def _take(self, message: Any) -> None:
        self._from_app.put_nowait(message)

    def _ended(self, _: object) -> None:
        self._from_app.put_nowait({"type": "ended"})


def _scope(host: str, path: str) -> dict[str, Any]:
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", host.encode())],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        "subprotocols": [SUBPROTOCOL],
        "extensions": {},
    }


class NetworkSocket:
    """A WebSocket over the network."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> NetworkSocket:
        """Connect to a URL that begins with http://."""
        at = url.replace("http", "ws", 1)
        return cls(await connect(at, subprotocols=[Subprotocol(SUBPROTOCOL)], proxy=None))

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed:
            # `receive` returns the close.
            return

    async def receive(self) -> str | Closed:
        try:
            return str(await self._connection.recv(decode=True))
        except ConnectionClosed:
            code = self._connection.close_code
            return Closed(1006 if code is None else code, self._connection.close_reason or "")

    async def close(self) -> None:
        await self._connection.close()
