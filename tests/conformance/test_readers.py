"""Clients that do not read are disconnected by the same rule over every transport, alone or in a group."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.conformance.live import every_transport, live
from tests.support.bound_server import ACCEPT
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, serving, toy_server, until
from watchword.asgi import wire
from watchword.asgi.uvicorn import measured
from watchword.config.settings import Settings
from watchword.transports.websocket.websocket import SocketConnection

MADE = "subscription { made { id } }"
BIG = 100_000
LAST = b"\r\n0\r\n\r\n"
SLOW = {"websocket": "(1013, 'too slow: come back with your cursor')"}


class Deaf:
    """A client that subscribes and then reads nothing until `heard` is called."""

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self._socket: WebSocketClient | None = None
        self._reader: asyncio.StreamReader | None = None

    async def open(self, stack: AsyncExitStack, server: ToyServer) -> Deaf:
        if self.transport == "websocket":
            # Compressed, these texts would never fill the buffers.
            opened = WebSocketClient.open(server.url, max_queue=1, compression=None)
            client = await stack.enter_async_context(opened)
            # Otherwise the client would wait ten seconds for a close frame, behind what it has not read.
            stack.callback(client.socket.transport.abort)
            await client.init("alice")
            await client.subscribe("1", MADE)
            self._socket = client
            return self
        port = urlsplit(server.url).port
        self._reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000)
        stack.callback(writer.close)
        body = json.dumps({"query": MADE})
        writer.write(
            f"POST /graphql HTTP/1.1\r\nhost: x\r\naccept: {ACCEPT[self.transport]}\r\n"
            f"authorization: Bearer alice\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        return self

    async def heard(self) -> str:
        """Read everything, and return the end of it."""
        async with asyncio.timeout(20):
            if self._socket is not None:
                return str(await self._socket.closed())
            assert self._reader is not None
            end = b""
            # A server may keep the connection for another request.
            while not end.endswith(LAST) and (chunk := await self._reader.read(BIG)):
                end = (end + chunk)[-1_000:]
            return end.decode()


async def deaf(
    stack: AsyncExitStack, server: ToyServer, transport: str, count: int, others: int = 0
) -> list[Deaf]:
    clients = [await Deaf(transport).open(stack, server) for _ in range(count)]
    await server.followed(count + others)
    if count > 1:
        await until(lambda: server.pipeline.groups.sizes == [count])
    return clients


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give clients enough time that a busy machine does not disconnect them."""
    monkeypatch.setattr(wire, "CLOSING_SECONDS", 60)


async def is_stuck(server: ToyServer) -> bool:
    """Tell whether something waits to be read by each signed-in client, and keeps waiting."""
    for _ in range(20):
        leases: Any = server.pipeline.leases._of("alice")
        if not all(lease._holder._wire.unsent[1] for lease in leases):
            return False
        await asyncio.to_thread(lambda: None)
    return True


@every_transport
@pytest.mark.parametrize(
    ("count", "why"),
    # A client with a run of its own is sent no more while it does not read, so the limit is never reached.
    [(1, "too long"), (2, "too long"), (2, "too much")],
    ids=["alone", "in a group", "too much"],
)
@pytest.mark.parametrize(
    "by",
    # granian writes in a thread of its own, so when the clock is moved is not when it has written.
    [
        "watchword",
        *(pytest.param(by, marks=pytest.mark.exhaustive) for by in ("uvicorn", "hypercorn")),
    ],
)
async def test_a_client_that_does_not_read_is_disconnected_and_can_read_the_reason(
    transport: str, count: int, why: str, by: str, clock: MovedClock
) -> None:
    limit = 10**9 if why == "too long" else 500_000
    async with (
        asyncio.timeout(60),
        toy_server(clock, by=by, outgoing_limit_bytes=limit, slow_seconds=10) as server,
        AsyncExitStack() as stack,
        live(transport, server, "subscription { made { name } }", "bob") as other,
    ):
        await server.followed(1)
        clients, sent = await deaf(stack, server, transport, count, others=1), 0
        while server.following > 1 and not (why == "too long" and await is_stuck(server)):
            await server.publish(f"{sent:{BIG}}")
            sent += 1
            await other.until(sent)
        if why == "too long":
            assert server.following == count + 1
            clock.move(15)
        await server.followed(1)
        for client in clients:
            end = await client.heard()
            assert SLOW.get(transport, "TOO_SLOW") in end
            # The response is complete: nothing was discarded.
            assert transport == "websocket" or end.endswith(LAST.decode())
    assert other.ending is None


@every_transport
async def test_one_that_never_reads_is_cut_off_in_the_end(
    transport: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CLOSING_SECONDS", 0.05)
    async with (
        asyncio.timeout(60),
        toy_server(clock) as server,
        AsyncExitStack() as stack,
    ):
        [client] = await deaf(stack, server, transport, 1)
        if client._socket is not None:
            client._socket.socket.transport.pause_reading()
        while server.following:
            await server.publish("x" * BIG)
            clock.move(1)
        # It holds no resources any more, and in the end its connection is closed.
        await until(lambda: not len(server.pipeline.connections))


async def test_an_unanswered_keep_alive_releases_everything_at_once(
    clock: MovedClock,
) -> None:
    async with (
        asyncio.timeout(60),
        toy_server(clock, outgoing_limit_bytes=10**9) as server,
        AsyncExitStack() as stack,
    ):
        await deaf(stack, server, "websocket", 2)
        leases = server.pipeline.leases._of("alice")
        while not await is_stuck(server):
            await server.publish("x" * BIG)
        for lease in leases:
            cast(SocketConnection, lease._holder)._wire.keepalive_timeout()
        await server.followed(0)
        await until(lambda: not len(server.pipeline.connections))


async def test_pipelined_answers_that_nobody_reads_end_their_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measured, "UNREAD_SECONDS", 0.05)
    answered = 0

    async def big(_: Request) -> Response:
        nonlocal answered
        answered += 1
        return Response(b"x" * 10_000_000)

    app = Starlette(routes=[Route("/big", big)])
    async with asyncio.timeout(60), serving(app, Settings(_env_file=None)) as (url, _):
        _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port, limit=1_000)
        writer.write(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n" * 3)
        await until(lambda: answered == 2)
        # The client learns of it as soon as it writes: the server keeps nothing for it any more.
        with pytest.raises(ConnectionError):
            while True:
                writer.write(b"\r\n")
                await writer.drain()
                await asyncio.to_thread(lambda: None)
        assert answered == 2
