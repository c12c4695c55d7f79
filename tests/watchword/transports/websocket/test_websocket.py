"""The shell around the protocol: what it accepts, and what it sends. All of it on real sockets: tests/conformance."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, toy_pipeline
from watchword.asgi.types import Message
from watchword.transports.pipeline import Pipeline
from watchword.transports.websocket.protocol import SUBPROTOCOL
from watchword.transports.websocket.websocket import WebSocketTransport


class Client:
    """A WebSocket client, on ASGI's messages."""

    def __init__(self) -> None:
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self._to_client: asyncio.Queue[Message] = asyncio.Queue()
        self._to_server.put_nowait({"type": "websocket.connect"})
        self.receive, self.send = self._to_server.get, self._to_client.put

    def say(self, **message: Any) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def leave(self) -> None:
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def next(self) -> Message:
        async with asyncio.timeout(20):
            return await self._to_client.get()

    async def hear(self) -> Any:
        message = await self.next()
        return json.loads(message["text"]) if "text" in message else message


@pytest.fixture
async def pipeline(clock: MovedClock) -> AsyncIterator[Pipeline]:
    async with toy_pipeline(clock) as (made, _):
        yield made


@asynccontextmanager
async def connected(pipeline: Pipeline, **changes: Any) -> AsyncIterator[Client]:
    scope = {
        "type": "websocket",
        "path": "/graphql",
        "query_string": b"",
        "headers": [],
        "subprotocols": [SUBPROTOCOL],
        "client": ("192.0.2.1", 1),
        **changes,
    }
    client = Client()
    serving = WebSocketTransport(pipeline)(scope, client.receive, client.send)
    task = asyncio.create_task(serving)
    yield client
    client.leave()
    await task


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": [(b"origin", b"https://evil.example"), (b"host", b"toys.example")]},
        {"query_string": b"access_token=x"},
    ],
)
async def test_a_handshake_of_another_site_or_with_a_token_in_the_url_is_refused(
    changes: Any, pipeline: Pipeline
) -> None:
    async with connected(pipeline, **changes) as client:
        assert await client.next() == {"type": "websocket.close", "code": 1008}


async def test_another_subprotocol_is_accepted_and_closed(pipeline: Pipeline) -> None:
    async with connected(pipeline, subprotocols=["graphql-ws"]) as client:
        assert (await client.next())["type"] == "websocket.accept"
        assert (await client.next())["code"] == 4406


async def test_an_operation_runs_and_everything_is_released(pipeline: Pipeline) -> None:
    async with connected(pipeline) as client:
        assert (await client.next())["subprotocol"] == SUBPROTOCOL
        client.say(type="connection_init", payload={"authorization": "Bearer alice"})
        assert {"expiresAt", "renewBefore"} == {*(await client.hear())["payload"]}
        assert pipeline.leases.count("alice") == 1
        client.say(type="subscribe", id="1", payload={"query": "{ me }"})
        assert (await client.hear())["payload"] == {"data": {"me": "alice"}}
        assert (await client.hear()) == {"type": "complete", "id": "1"}
    counts = len(pipeline.connections), len(pipeline.operations), pipeline.leases.count("alice")
    assert counts == (0, 0, 0)


async def test_the_end_of_the_lease_closes_with_4403(pipeline: Pipeline, clock: MovedClock) -> None:
    async with connected(pipeline) as client:
        await client.next()
        client.say(type="connection_init", payload={"authorization": "Bearer alice"})
        await client.hear()
        clock.move(LIFE - pipeline.settings.renew_before_seconds)
        assert (await client.hear())["type"] == "ping"
        clock.move(pipeline.settings.renew_before_seconds)
        assert (await client.hear())["code"] == 4403


async def test_a_renewal_as_somebody_else_closes(pipeline: Pipeline) -> None:
    async with connected(pipeline) as client:
        await client.next()
        client.say(type="connection_init", payload={"authorization": "Bearer alice"})
        await client.hear()
        client.say(type="ping", payload={"authorization": "Bearer bob"})
        assert (await client.hear())["code"] == 4401
