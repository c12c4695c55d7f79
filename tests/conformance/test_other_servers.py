"""The transports on an ASGI server without our extensions: the same answers, and no leaks."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.live import every_transport, live
from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, toy_server, until
from watchword.asgi import wire

MADE = "subscription { made { id } }"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_operation_is_answered(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock, stock=True) as server:
        answers = [each async for each in TRANSPORTS[transport](server.url, "{ me }", "alice")]
        assert answers == [{"data": {"me": "alice"}}]
        await until(lambda: not len(server.pipeline.connections))


@every_transport
async def test_events_arrive_until_the_token_expires(transport: str, clock: MovedClock) -> None:
    async with (
        toy_server(clock, stock=True) as server,
        live(transport, server, MADE, "alice") as client,
    ):
        await server.followed(1)
        await server.publish("a", "b")
        await client.until(2)
        for _ in range(int(LIFE)):
            clock.move(1)
            # Everything that is written must be read within this time.
            await asyncio.sleep(0)
        assert await client.ended() == "TOKEN_EXPIRED"
        await until(lambda: not len(server.pipeline.connections))
    assert client.values("made") == [{"id": "a"}, {"id": "b"}]


@every_transport
async def test_a_client_that_disconnects_leaves_nothing_behind(
    transport: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with toy_server(clock, stock=True) as server:
        async with live(transport, server, MADE, "alice"):
            await server.followed(1)
        await server.followed(0)
        await until(
            lambda: not len(server.pipeline.connections) and not len(server.pipeline.operations)
        )


async def test_a_websocket_that_is_never_read_is_closed_in_the_end(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CLOSING_SECONDS", 0.05)
    async with (
        toy_server(clock, stock=True) as server,
        WebSocketClient.open(server.url, max_queue=1) as client,
    ):
        await client.init("alice")
        await client.subscribe("1", MADE)
        await server.followed(1)
        client.socket.transport.pause_reading()
        while server.following:
            await server.publish("x" * 100_000)
            clock.move(1)
        await until(lambda: not len(server.pipeline.connections))
        client.socket.transport.abort()


@pytest.mark.parametrize("subprotocol", ["graphql-ws", "something"])
async def test_another_subprotocol_is_refused(subprotocol: str, clock: MovedClock) -> None:
    async with (
        toy_server(clock, stock=True) as server,
        WebSocketClient.open(server.url, subprotocols=[subprotocol]) as client,
    ):
        assert await client.closed() == (4406, "Subprotocol not acceptable")
