"""Server-sent events on a real socket: the framing of graphql-sse, leases, and slow clients."""

from __future__ import annotations

import asyncio
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
            assert response.headers["cache-control"] == "private, no-store, no-transform"
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
async def test_a_client_that_disconnects_leaves_nothing_behind(
    query: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        async with streaming(server, json={"query": query}):
            await server.followed(1)
        await server.followed(0)


async def test_a_pipelined_request_is_answered_after_the_whole_stream(
    clock: MovedClock,
) -> None:
    body = b'{"query": "subscription { made { id } }"}'
    head = (
        b"POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    async with toy_server(clock) as server, asyncio.timeout(20):
        port = int(server.url.rsplit(":", 1)[1].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + body + b"GET /graphql?query={hello} HTTP/1.1\r\nhost: x\r\n\r\n")
        await server.followed(1)
        await server.publish("bear")
        await reader.readuntil(b"\r\n\r\n")
        text = b""
        while b"bear" not in text:
            size = int(await reader.readuntil(b"\r\n"), 16)
            text += await reader.readexactly(size)
            assert await reader.readexactly(2) == b"\r\n"
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_asks_for_its_position_gets_an_id_before_the_first_event(
    clock: MovedClock,
) -> None:
    body = {"query": "subscription { since }", "extensions": {"position": True}}
    async with toy_server(clock) as server:
        async with streaming(server, json=body) as response:
            lines = response.aiter_lines()
            said = [line async for line in until_id(lines)]
        assert not [line for line in said if line.startswith("data")]
        await server.publish("missed")
        headers = {"accept": "text/event-stream", "last-event-id": said[-1].removeprefix("id: ")}
        async with (
            httpx2.AsyncClient(timeout=30) as client,
            client.stream("POST", server.url, json=body, headers=headers) as response,
        ):
            name, data = await anext(events(response))
    assert (name, "made missed" in data) == ("next", True)


async def until_id(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the lines of a stream up to the first id."""
    async for line in lines:
        yield line
        if line.startswith("id: "):
            return
