"""A live subscription over any transport, with one interface: its answers, and how it ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.clients import WebSocketClient, events, parts
from tests.support.toy_server import ToyServer

# Close codes of a WebSocket, and the error codes of a stream over HTTP that mean the same.
CODES = {1012: "DRAINING", 1013: "TOO_SLOW", 4401: "TOKEN_REVOKED", 4403: "TOKEN_EXPIRED"}
PATIENCE = 10


class Live:
    """One subscription. `ending` is the code with which its connection ended; None while it is open."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.answers: list[dict[str, Any]] = []
        self.ending: str | None = None
        self.pings: list[dict[str, Any]] = []
        self.is_complete = False
        self.client: WebSocketClient | None = None
        self._came = asyncio.Condition()

    @property
    def cursor(self) -> str:
        """The cursor of the last answer that had one."""
        found = [answer["extensions"]["cursor"] for answer in self.answers if answer.get("data")]
        return str(found[-1])

    def values(self, field: str) -> list[Any]:
        """Return the values of a field in all answers, in order."""
        return [answer["data"][field] for answer in self.answers if answer.get("data")]

    @property
    def refusal(self) -> str | None:
        """The code of the error that ended the operation."""
        refused = [answer for answer in self.answers if "data" not in answer]
        return str(refused[-1]["errors"][0]["extensions"]["code"]) if refused else None

    async def until(self, count: int) -> None:
        """Wait until this many answers have arrived in all."""
        await self._wait(lambda: len(self.answers) >= count)

    async def ended(self) -> str | None:
        """Wait for the end, and return its code."""
        await self._wait(lambda: self.is_complete)
        return self.ending

    async def reminded(self, times: int = 1) -> None:
        """Wait for a ping from the server."""
        await self._wait(lambda: len(self.pings) >= times)

    async def _wait(self, what: Any) -> None:
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(what)

    async def add(self, answer: dict[str, Any] | None) -> None:
        async with self._came:
            if answer is not None:
                self.answers.append(answer)
            self._came.notify_all()

    async def finish(self, ending: str | None = None) -> None:
        async with self._came:
            self.ending, self.is_complete = ending, True
            self._came.notify_all()


@asynccontextmanager
async def live(
    transport: str,
    server: ToyServer,
    query: str,
    token: str | None = None,
    resume: str | None = None,
    **rest: Any,
) -> AsyncIterator[Live]:
    """Keep a subscription open for a block."""
    subscription = Live(transport)
    read = {"websocket": _over_websocket, "sse": _over_sse, "multipart": _over_multipart}[transport]
    async with AsyncExitStack() as stack:
        task = asyncio.create_task(read(stack, subscription, server, query, token, resume, rest))
        try:
            yield subscription
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _over_websocket(
    stack: AsyncExitStack,
    subscription: Live,
    server: ToyServer,
    query: str,
    token: str | None,
    resume: str | None,
    rest: dict[str, Any],
) -> None:
    client = await stack.enter_async_context(WebSocketClient.open(server.url))
    await client.init(token)
    subscription.client = client
    extensions = {} if resume is None else {"extensions": {"resume": resume}}
    await client.subscribe("1", query, **rest, **extensions)
    with suppress(ConnectionClosed):
        while True:
            message = await client.receive()
            match message["type"]:
                case "next":
                    await subscription.add(message["payload"])
                case "error":
                    await subscription.add({"errors": message["payload"]})
                    await subscription.finish()
                case "complete":
                    await subscription.finish()
                case "ping":
                    subscription.pings.append(message["payload"])
                    await subscription.add(None)
    await subscription.finish(CODES[client.socket.close_code or 0])


async def _over_sse(
    stack: AsyncExitStack,
    subscription: Live,
    server: ToyServer,
    query: str,
    token: str | None,
    resume: str | None,
    rest: dict[str, Any],
) -> None:
    headers = {"accept": "text/event-stream"} | _authorization(token)
    if resume is not None:
        headers["last-event-id"] = resume
    response = await _post(stack, server, {"query": query, **rest}, headers)
    async for event, data in events(response):
        if event == "complete":
            break
        await _take(subscription, json.loads(data))
    await subscription.finish(subscription.ending)


async def _over_multipart(
    stack: AsyncExitStack,
    subscription: Live,
    server: ToyServer,
    query: str,
    token: str | None,
    resume: str | None,
    rest: dict[str, Any],
) -> None:
    extensions = {} if resume is None else {"extensions": {"resume": resume}}
    headers = {"accept": "multipart/mixed"} | _authorization(token)
    response = await _post(stack, server, {"query": query, **rest, **extensions}, headers)
    # A refused token is answered with one document of JSON.
    is_in_parts = response.headers["content-type"].startswith("multipart/mixed")
    async for part in parts(response) if is_in_parts else _none():
        if part:
            fatal = part["payload"] is None
            await _take(subscription, {"errors": part["errors"]} if fatal else part["payload"])
    await subscription.finish(subscription.ending)


async def _none() -> AsyncIterator[Any]:
    """Yield nothing."""
    for nothing in ():
        yield nothing


async def _take(subscription: Live, answer: dict[str, Any]) -> None:
    code = answer.get("errors", [{}])[0].get("extensions", {}).get("code")
    if "data" not in answer and code in CODES.values():
        subscription.ending = code
    else:
        await subscription.add(answer)


async def _post(
    stack: AsyncExitStack, server: ToyServer, body: dict[str, Any], headers: dict[str, str]
) -> httpx2.Response:
    client = await stack.enter_async_context(httpx2.AsyncClient(timeout=30))
    return await stack.enter_async_context(
        client.stream("POST", server.url, json=body, headers=headers)
    )


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


every_transport = pytest.mark.parametrize("transport", ["websocket", "sse", "multipart"])
