"""A shared answer serves every transport, and is checked and counted like any other on each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from tests.support.clients import STREAMING, TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.shop import Shop, schema, world
from tests.support.toy_server import ToyServer, toy_server, until

ITEM = "{ item { price } }"
every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    world.__init__()  # type: ignore[misc]
    async with toy_server(clock, schema, max_operations_per_process=1) as running:
        await running.pipeline.services.hub.look()
        yield running


async def ask(
    transport: str, server: ToyServer, query: str = ITEM, token: str | None = None, **rest: Any
) -> Any:
    async for answer in TRANSPORTS[transport](server.url, query, token, **rest):
        return answer
    raise AssertionError("no answer came")


def price(of: int) -> dict[str, Any]:
    return {"data": {"item": {"price": of}}}


async def test_all_transports_get_one_answer_until_something_happens(server: ToyServer) -> None:
    for expected, asked in ((1, 2), (2, 3)):
        for transport in (*TRANSPORTS, *TRANSPORTS):
            assert await ask(transport, server) == price(expected)
        assert world.asked == asked
        await Shop(server.pipeline).happen()


@every_transport
async def test_a_cursor_is_understood(transport: str, server: ToyServer) -> None:
    cursor = await Shop(server.pipeline).happen()
    for after in (cursor, [cursor]):
        answer = await ask(transport, server, extensions={"after": after})
        assert answer == price(2)
    refused = await ask(transport, server, extensions={"after": "no cursor"})
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@every_transport
async def test_what_is_personal_is_answered_for_each_caller(
    transport: str, server: ToyServer
) -> None:
    for name in ("ada", "bob", "ada"):
        answer = await ask(transport, server, "{ secretlyMine mine }", name)
        assert answer == {"data": {"secretlyMine": name, "mine": name}}


@every_transport
async def test_an_expired_token_gets_nothing_that_is_kept(
    transport: str, server: ToyServer
) -> None:
    for _ in range(3):
        await ask(transport, server)
    with pytest.raises(BaseException):  # noqa: B017, PT011  (each client tells a refusal in its own way)
        assert (await ask(transport, server, ITEM, "expired")).get("data") is not None


@every_transport
async def test_a_kept_answer_takes_a_slot_only_where_the_client_has_to_wait(
    transport: str, server: ToyServer
) -> None:
    for _ in range(3):
        await ask(transport, server)
    operations = server.pipeline.operations
    # The client has its answer before the server has ended the stream.
    await until(lambda: not len(operations))
    following = STREAMING["websocket"](server.url, "subscription { prices }", None)
    async with aclosing(following) as stream:
        first = asyncio.ensure_future(anext(stream))
        await until(lambda: len(operations) == 1)
        # An operation of a socket or a stream is open until its client has read the answer. Over plain HTTP, what is
        # kept is answered at once, and only what has to be made is refused.
        answer = await ask(transport, server)
        is_stream = transport in ("websocket", "sse")
        assert ("errors" in answer) == is_stream
        refused = answer if is_stream else await ask(transport, server, "{ item(of: 7) { price } }")
        assert refused["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        first.cancel()
        await asyncio.wait({first})
