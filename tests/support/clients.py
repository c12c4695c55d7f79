"""A small client for each transport, all with one interface: run an operation, and yield its answers."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Answer = dict[str, Any]


class WebSocketClient:
    """A graphql-transport-ws client that can send any message and shows every message it receives."""

    name = "websocket"

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, **options: Any) -> AsyncIterator[WebSocketClient]:
        options.setdefault("subprotocols", ["graphql-transport-ws"])
        async with connect(url.replace("http", "ws", 1), proxy=None, **options) as socket:
            yield cls(socket)

    async def send(self, message: object) -> None:
        await self.socket.send(message if isinstance(message, str) else json.dumps(message))

    async def receive(self) -> Answer:
        answer: Answer = json.loads(await self.socket.recv())
        return answer

    async def init(self, token: str | None = None) -> Answer:
        payload = {} if token is None else {"payload": {"authorization": f"Bearer {token}"}}
        await self.send({"type": "connection_init", **payload})
        return await self.receive()

    async def renew(self, token: str) -> Answer:
        """Renew the connection by a ping with a new token, and return the answer."""
        await self.send({"type": "ping", "payload": {"authorization": f"Bearer {token}"}})
        return await self.receive()

    async def subscribe(self, id: str, query: str, **rest: Any) -> None:
        await self.send({"type": "subscribe", "id": id, "payload": {"query": query, **rest}})

    async def closed(self) -> tuple[int | None, str | None]:
        """Read until the server closes the socket; return the close code and the reason."""
        with suppress(ConnectionClosed):
            while True:
                await self.socket.recv()
        return self.socket.close_code, self.socket.close_reason


async def over_websocket(
    url: str,
    query: str,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    **rest: Any,
) -> AsyncIterator[Answer]:
    """Yield the answers of one operation over a WebSocket of its own."""
    async with WebSocketClient.open(url, additional_headers=headers) as client:
        await client.init(token)
        await client.subscribe("1", query, **rest)
        while True:
            try:
                message = await client.receive()
            except ConnectionClosed as closed:
                end = closed.rcvd
                yield {"closed": end and end.code, "reason": end and end.reason}
                return
            if message["type"] == "next":
                yield message["payload"]
            elif message["type"] == "error":
                yield {"errors": message["payload"]}
                return
            elif message["type"] == "complete":
                return


async def over_sse(
    url: str,
    query: str,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    **rest: Any,
) -> AsyncIterator[Answer]:
    """Yield the answers of one operation as server-sent events."""
    sent = {"accept": "text/event-stream", **(headers or {})} | _authorization(token)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx2.AsyncClient(timeout=30))
        body = {"query": query, **rest}
        response = await stack.enter_async_context(
            client.stream("POST", url, json=body, headers=sent)
        )
        if response.status_code != 200:
            yield json.loads(await response.aread())
            return
        async for event, data in events(response):
            if event == "complete":
                return
            yield json.loads(data)


async def over_multipart(
    url: str,
    query: str,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    **rest: Any,
) -> AsyncIterator[Answer]:
    """Yield the answers of one operation from a multipart response, as Apollo Client requests it."""
    accept = 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0, application/json'
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx2.AsyncClient(timeout=30))
        response = await stack.enter_async_context(
            client.stream(
                "POST",
                url,
                json={"query": query, **rest},
                headers={"accept": accept, **(headers or {})} | _authorization(token),
            )
        )
        if not response.headers["content-type"].startswith("multipart/mixed"):
            yield json.loads(await response.aread())
            return
        async for part in parts(response):
            if part == {}:
                continue
            if part["payload"] is None:
                yield {"errors": part["errors"]}
            else:
                yield part["payload"]


async def parts(response: httpx2.Response) -> AsyncIterator[Any]:
    """Yield the JSON of each part as soon as it is complete. A refusal has no parts."""
    kind = response.headers["content-type"]
    if not kind.startswith("multipart/"):
        return
    named = re.search(r'boundary="?([^";]+)', kind)
    assert named is not None, "an answer in parts says what is between them"
    text, boundary = "", f"\r\n--{named[1]}"
    async for chunk in response.aiter_text():
        text += chunk
        while (end := text.find(boundary, 1)) >= 0:
            part, text = text[:end], text[end:]
            _, _, body = part.partition("\r\n\r\n")
            if body:
                yield json.loads(body)
            text = text.removeprefix(boundary)
            if text.startswith("--"):
                return


async def over_http(
    url: str,
    query: str,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    **rest: Any,
) -> AsyncIterator[Answer]:
    """Yield the single answer of an operation over a plain POST."""
    async with httpx2.AsyncClient(timeout=30) as client:
        sent = {**(headers or {})} | _authorization(token)
        response = await client.post(url, json={"query": query, **rest}, headers=sent)
        yield response.json()


async def events(response: httpx2.Response) -> AsyncIterator[tuple[str, str]]:
    """Yield (event, data) for each event of an event stream."""
    event, data = "message", ""
    async for line in response.aiter_lines():
        if not line:
            if data or event != "message":
                yield event, data
            event, data = "message", ""
        elif line.startswith("event:"):
            event = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data += line.removeprefix("data:").strip()


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


STREAMING = {"websocket": over_websocket, "sse": over_sse, "multipart": over_multipart}
TRANSPORTS = {**STREAMING, "http": over_http}
