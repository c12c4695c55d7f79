"""Subscriptions with large documents of their own, each of which stays in memory, are bounded over every transport."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from tests.conformance.live import every_transport, live
from tests.support import toy_schema
from tests.support.clients import STREAMING, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, ToyServer, toy_server, until
from watchword.auth.revocation.identity_events import session_revoked
from watchword.config.limits import SUBSCRIBED_BY_ADDRESS
from watchword.execution.plan_memory import LONGEST_REMEMBERED

# So many tokens may a document have; those of an address, as many as fifty such documents.
TOKENS = 50
ROOM = TOKENS * SUBSCRIBED_BY_ADDRESS


def large(number: int) -> str:
    """Return a document of half as many tokens as are allowed, unlike those with other numbers."""
    return f"subscription S{number} {{ made {{ {'id ' * 20} }} }}"


def weight(server: ToyServer) -> int:
    return server.pipeline.services.subscribed.weight


async def fill(client: WebSocketClient) -> int:
    """Subscribe to large documents until one is refused; return how many were not."""
    for number in range(200):
        await client.subscribe(str(number), large(number))
    refused = await client.receive()
    assert refused["type"] == "error"
    [error] = refused["payload"]
    assert error["extensions"] == LATER
    assert "different documents are open from this address" in error["message"]
    return int(refused["id"])


LATER = {"code": "RATE_LIMITED", "retryAfter": 30}
SETTINGS: dict[str, Any] = {
    "max_tokens": TOKENS,
    "max_operations": 500,
    "max_messages_per_second": 10_000,
}


@every_transport
async def test_large_documents_of_an_address_are_refused_beyond_its_room_and_fit_again_later(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock, **SETTINGS) as server:
        async with WebSocketClient.open(server.url) as client:
            await client.init()
            opened = await fill(client)
            assert opened > 50
            assert ROOM - TOKENS < weight(server) <= ROOM
            [refused] = [each async for each in STREAMING[transport](server.url, large(998))]
            [error] = refused["errors"]
            assert error["extensions"] == LATER
            assert "different documents are open from this address" in error["message"]
            # Those who share a document that is open already take no more.
            async with live(transport, server, large(0)):
                await server.followed(opened + 1)
            # One that has ended makes room for one other.
            room = weight(server) - TOKENS // 2
            await client.send({"type": "complete", "id": "0"})
            await until(lambda: weight(server) <= room)
            async with live(transport, server, large(999)):
                await server.followed(opened)
            client.socket.transport.abort()
            await until(lambda: not weight(server))
        async with live(transport, server, large(999)):
            await server.followed(1)
        await until(lambda: not weight(server))
        assert not server.pipeline.services.subscribed._holders


@every_transport
@pytest.mark.parametrize("ending", ["TOKEN_EXPIRED", "TOKEN_REVOKED"])
async def test_the_room_comes_back_when_a_token_ends(
    transport: str, ending: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, **SETTINGS) as server,
        live(transport, server, large(0), "alice") as mine,
    ):
        await server.followed(1)
        assert weight(server) >= TOKENS // 2
        if ending == "TOKEN_EXPIRED":
            clock.move(LIFE)
        else:
            await server.happen(session_revoked("alice", "alice"))
        assert await mine.ended() == ending
        await until(lambda: not weight(server))


async def test_one_that_is_too_long_to_be_kept_is_one_document_for_all_who_follow_it(
    clock: MovedClock,
) -> None:
    settings = {**SETTINGS, "max_tokens": 400, "max_document_characters": 50_000}
    document = large(0) + " #" + "x" * LONGEST_REMEMBERED
    async with (
        toy_server(clock, **settings) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        await client.subscribe("0", document)
        await server.followed(1)
        held = weight(server)
        for number in range(1, 300):
            await client.subscribe(str(number), document)
        await server.followed(300)
        assert weight(server) == held


class Stored(SchemaExtension):
    """Finds a large document by the name of a small one."""

    def on_operation(self) -> Iterator[None]:
        query = self.execution_context.query or ""
        if found := re.match(r"subscription S(\d+) \{ made \{ id \} \}", query):
            self.execution_context.query = large(int(found[1]))
        yield


STORED = strawberry.Schema(
    toy_schema.Query, toy_schema.Mutation, toy_schema.Subscription, extensions=[Stored]
)


async def test_the_documents_that_an_extension_chooses_are_counted_too(clock: MovedClock) -> None:
    async with toy_server(clock, STORED, **SETTINGS) as server:
        async with WebSocketClient.open(server.url) as client:
            await client.init()
            for number in range(20):
                await client.subscribe(str(number), f"subscription S{number} {{ made {{ id }} }}")
            await server.followed(20)
            assert weight(server) > 20 * TOKENS / 2
            for number in range(20, 200):
                await client.subscribe(str(number), f"subscription S{number} {{ made {{ id }} }}")
            refused = await client.receive()
            assert refused["payload"][0]["extensions"] == LATER
            assert weight(server) <= ROOM
            client.socket.transport.abort()
            await until(lambda: not weight(server))
        assert not server.pipeline.services.subscribed._holders


async def test_thousands_with_the_same_documents_take_no_more_than_one_of_each(
    clock: MovedClock,
) -> None:
    settings = {**SETTINGS, "max_operations_per_address": 5_000, "max_operations": 5_000}
    async with (
        toy_server(clock, **settings) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        for number in range(2_000):
            await client.subscribe(str(number), large(number % 10))
        await until(lambda: len(server.pipeline.operations) == 2_000)
        assert weight(server) <= 10 * TOKENS * 1.1
