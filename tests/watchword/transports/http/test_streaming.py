"""A stream keeps its connection alive, ends with its lease, and releases everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support import parts_schema
from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, principal, toy_pipeline, until
from watchword.asgi.types import Message
from watchword.transports.http.sse import EventStream
from watchword.transports.http.streaming import KEEP_ALIVE_SECONDS, StreamRequest, serve_stream
from watchword.transports.pipeline import Pipeline
from watchword.transports.request import GraphQLRequest, opening_of

SCOPE: Message = {"type": "http", "extensions": {}}


class Client:
    """Reads everything at once, and goes away when it is told to."""

    def __init__(self) -> None:
        self.read = b""
        self.is_started = False
        self.gone = asyncio.Event()
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.is_waiting = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.is_started = True
        if message["type"] == "http.response.body" and not self.may_read.is_set():
            self.is_waiting.set()
            await self.may_read.wait()
        self.read += message.get("body", b"")


@pytest.fixture
async def pipeline(clock: MovedClock) -> AsyncIterator[Pipeline]:
    async with toy_pipeline(clock) as (made, _):
        yield made


def streamed(pipeline: Pipeline, client: Client, query: str) -> asyncio.Task[None]:
    alice = principal("alice", pipeline.services.clock.now())
    plan = pipeline.engine.plan(query, None)
    request = GraphQLRequest(query)
    opening = opening_of(request) if plan.is_subscription else None
    asked: Any = StreamRequest(alice, plan, request, SCOPE, "192.0.2.1", opening)
    served = serve_stream(pipeline, EventStream(), asked, SCOPE, client.receive, client.send)
    return asyncio.create_task(served)


def is_released(pipeline: Pipeline) -> bool:
    counts = len(pipeline.operations), len(pipeline.connections), pipeline.leases.count("alice")
    return counts == (0, 0, 0)


async def test_a_query_is_one_event_and_the_end(pipeline: Pipeline) -> None:
    client = Client()
    await streamed(pipeline, client, "{ hello }")
    assert client.read.startswith(b":\n\nevent: next\ndata: ")
    assert client.read.endswith(b"event: complete\ndata: \n\n")
    assert is_released(pipeline)


async def test_a_quiet_stream_is_kept_alive(pipeline: Pipeline, clock: MovedClock) -> None:
    client = Client()
    task = streamed(pipeline, client, "subscription { made { name } }")
    await until(lambda: client.read == b":\n\n")
    for count in (2, 3):
        clock.move(KEEP_ALIVE_SECONDS)
        await until(lambda count=count: client.read == count * b":\n\n")  # type: ignore[misc]
    client.gone.set()
    await task
    assert is_released(pipeline)


async def test_the_end_of_the_lease_is_the_last_event(
    pipeline: Pipeline, clock: MovedClock
) -> None:
    client = Client()
    task = streamed(pipeline, client, "subscription { made { name } }")
    for count in range(1, int(LIFE / KEEP_ALIVE_SECONDS) + 1):
        await until(lambda count=count: client.read.count(b":\n\n") == count)  # type: ignore[misc]
        clock.move(KEEP_ALIVE_SECONDS)
    await task
    assert b'"code":"TOKEN_EXPIRED"' in client.read
    assert client.read.endswith(b"event: complete\ndata: \n\n")
    assert is_released(pipeline)


async def test_a_stream_is_quiet_when_its_subscription_waits_for_an_event(
    pipeline: Pipeline,
) -> None:
    client = Client()
    task = streamed(pipeline, client, "subscription { made { name } }")
    await until(lambda: client.is_started)
    [connection] = pipeline.live
    assert not connection.is_quiet
    await until(lambda: connection.is_quiet)
    client.gone.set()
    await task
    assert connection.is_quiet


async def test_parts_are_made_no_faster_than_the_client_reads_them(clock: MovedClock) -> None:
    count = 2_000
    gates = parts_schema.closed_gates()
    for number in range(count):
        gates.open[f"item {number}"].set()
    client = Client()
    client.may_read.clear()
    async with toy_pipeline(clock, parts_schema.schema) as (pipeline, _):
        query = f"{{ items(count: {count}) @stream {{ name }} }}"
        task = streamed(pipeline, client, query)
        await client.is_waiting.wait()
        # What is made before the client has read is made within these turns.
        for _ in range(20_000):
            await asyncio.sleep(0)
        assert len(gates.reached) < count / 2
        client.may_read.set()
        await task
    assert len(gates.reached) == count + 1
    assert f'"name":"{count - 1}"'.encode() in client.read


async def test_a_stream_whose_task_is_cancelled_ends_with_a_last_event(pipeline: Pipeline) -> None:
    client = Client()
    task = streamed(pipeline, client, "subscription { made { name } }")
    await until(lambda: client.is_started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert b'"code":"DRAINING"' in client.read
    assert client.read.endswith(b"event: complete\ndata: \n\n")
    assert is_released(pipeline)


async def test_the_sources_of_parts_are_closed_if_the_client_leaves_before_the_first(
    clock: MovedClock,
) -> None:
    gates = parts_schema.closed_gates()
    gates.open["item 0"].set()
    client = Client()
    client.may_read.clear()
    async with toy_pipeline(clock, parts_schema.schema) as (pipeline, _):
        task = streamed(pipeline, client, "{ items @stream(initialCount: 1) { name } }")
        await gates.reached["item 0"].wait()
        client.gone.set()
        await gates.reached["the end of items"].wait()
        client.may_read.set()
        await task
        assert is_released(pipeline)
