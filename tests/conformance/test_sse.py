"""Server-sent events on a real socket: graphql-sse's framing, the lease, and the slow reader."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.support.clients import events
from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, ToyServer, toy_server

MADE = "subscription { made { id } }"


@asynccontextmanager
async def streaming(
    server: ToyServer, method: str = "POST", token: str = "alice", **rest: Any
) -> AsyncIterator[httpx2.Response]:
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(timeout=30) as client,
        client.stream(method, server.url, headers=headers, **rest) as response,
    ):
        yield response


async def test_the_stream_is_framed_as_next_and_complete(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        body = {"query": "subscription { numbers(to: 2) }"}
        async with streaming(server, json=body) as response:
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert response.headers["cache-control"] == "no-store"
            seen = [event async for event in events(response)]
    assert seen == [
        ("next", '{"data":{"numbers":0}}'),
        ("next", '{"data":{"numbers":1}}'),
        ("complete", ""),
    ]


async def test_get_streams_a_subscription_for_event_source(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        params = {"query": "subscription { numbers(to: 1) }"}
        async with streaming(server, "GET", params=params) as response:
            assert [event async for event, _ in events(response)] == ["next", "complete"]


async def test_a_document_that_cannot_run_is_400(clock: MovedClock) -> None:
    async with (
        toy_server(clock) as server,
        streaming(server, json={"query": "{ nothing }"}) as response,
    ):
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_bad_token_is_401(clock: MovedClock) -> None:
    async with (
        toy_server(clock) as server,
        streaming(server, token="bad", json={"query": MADE}) as response,
    ):
        assert response.status_code == 401


async def test_the_stream_ends_at_the_moment_its_token_expires_and_says_why(
    clock: MovedClock,
) -> None:
    async with toy_server(clock) as server, streaming(server, json={"query": MADE}) as response:
        await server.followed(1)
        clock.move(LIFE)
        await server.publish("too late")
        seen = [event async for event in events(response)]
        await server.followed(0)
    assert [event for event, _ in seen] == ["next", "complete"]
    assert "TOKEN_EXPIRED" in seen[0][1]


async def test_a_quiet_stream_is_kept_alive_with_comments(clock: MovedClock) -> None:
    async with toy_server(clock) as server, streaming(server, json={"query": MADE}) as response:
        await server.followed(1)
        lines = response.aiter_lines()
        assert await anext(lines) == ":"
        assert await anext(lines) == ""
        clock.move(15)
        assert await anext(lines) == ":"


@pytest.mark.parametrize("query", [MADE])
async def test_a_client_that_goes_away_leaves_nothing_behind(query: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        async with streaming(server, json={"query": query}):
            await server.followed(1)
        await server.followed(0)
