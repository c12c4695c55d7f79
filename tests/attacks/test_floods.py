"""Floods of operations and messages on a socket are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.conformance.test_operations import first
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock) as running:
        assert await first("http", running.url, "{ hello }") == {"data": {"hello": "hello world"}}
        yield running
        assert await first("http", running.url, "{ hello }") == {"data": {"hello": "hello world"}}


async def test_a_flood_of_subscriptions_on_a_socket_is_bounded(clock: MovedClock) -> None:
    async with toy_server(clock, max_operations=20, max_messages_per_second=1_000) as server:
        async with WebSocketClient.open(server.url) as client:
            await client.init("alice")
            for number in range(100):
                await client.subscribe(str(number), "subscription { made { id } }")
            refused = [await client.receive() for _ in range(80)]
            codes = {each["payload"][0]["extensions"]["code"] for each in refused}
            assert ({each["type"] for each in refused}, codes) == ({"error"}, {"RATE_LIMITED"})
            assert server.pipeline.groups.subscriptions <= 20
        assert await first("websocket", server.url, "{ hello }") == {
            "data": {"hello": "hello world"}
        }


async def test_a_flood_of_messages_closes_its_socket_only(clock: MovedClock) -> None:
    async with (
        toy_server(clock, max_messages_per_second=50) as server,
        WebSocketClient.open(server.url) as other,
    ):
        await other.init("bob")
        async with WebSocketClient.open(server.url) as client:
            await client.init("alice")
            await asyncio.gather(
                *(client.subscribe(str(number), "{ hello }") for number in range(60)),
                return_exceptions=True,
            )
            code, reason = await client.closed()
            assert (code, reason) == (1008, "too many messages")
        await other.subscribe("1", "{ hello }")
        assert (await other.receive())["payload"] == {"data": {"hello": "hello world"}}


async def test_a_message_that_is_too_large_closes_its_socket(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init("alice")
        await client.subscribe("1", "{ hello } #" + "x" * 300_000)
        assert (await client.closed())[0] == 1009
        assert await first("http", server.url, "{ hello }") == {"data": {"hello": "hello world"}}
