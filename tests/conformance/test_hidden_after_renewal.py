"""A subscription under WATCHWORD_INTROSPECTION=hidden is told, after its grants have changed, what a new one would be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry

from tests.conformance.live import every_transport, live
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_schema import Query, Toy
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.auth.revocation.identity_events import roles_changed
from watchword.permissions.field import Public

PRICES = "subscription { made { id price } }"
GUARDED = "subscription { guarded { id } }"
PLAIN = "subscription { made { id } }"
KEEPER, CHILD = "alice+keeper/toys.price_s1~1", "alice+child_s1~1"
ABSENT = {
    PRICES: "Cannot query field 'price' on type 'Toy'.",
    GUARDED: "Cannot query field 'guarded' on type 'Subscription'. Did you mean 'made'?",
}


@pytest.fixture
async def hiding(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, introspection="hidden", on_role_change="downgrade") as server:
        yield server


async def message_of(client: WebSocketClient, kind: str) -> dict[str, Any]:
    """Return the next message of a kind."""
    while (message := await client.receive())["type"] != kind:
        pass
    return message


async def renew(client: WebSocketClient, token: str) -> None:
    await client.send({"type": "ping", "payload": {"authorization": f"Bearer {token}"}})


async def subscribed(server: ToyServer, client: WebSocketClient, token: str, query: str) -> None:
    await client.init(token)
    await client.subscribe("1", query)
    await server.followed(1)


@pytest.mark.parametrize("query", [PRICES, GUARDED])
async def test_renewal_without_the_scope_ends_it_in_the_words_for_a_field_that_does_not_exist(
    query: str, hiding: ToyServer
) -> None:
    async with WebSocketClient.open(hiding.url) as client:
        await subscribed(hiding, client, KEEPER, query)
        await renew(client, CHILD)
        ended = await message_of(client, "error")
        await client.subscribe("2", query)
        anew = await message_of(client, "error")
    assert ended["payload"][0]["message"].startswith(ABSENT[query].partition(" Did")[0])
    assert (ended["id"], ended["payload"]) == ("1", anew["payload"])
    assert [each["extensions"] for each in ended["payload"]] == [{"code": "BAD_USER_INPUT"}]


@every_transport
async def test_roles_that_are_taken_away_end_it_in_the_same_words(
    transport: str, hiding: ToyServer
) -> None:
    async with (
        live(transport, hiding, PRICES, KEEPER) as first,
        live(transport, hiding, PRICES, KEEPER) as second,
    ):
        await hiding.followed(2)
        await hiding.happen(roles_changed("alice", 2, ["child"]))
        for each in (first, second):
            await each.ended()
    for each in (first, second):
        assert [answer["errors"][0]["message"] for answer in each.answers] == [ABSENT[PRICES]]


async def test_what_it_still_reaches_goes_on_without_a_gap(hiding: ToyServer) -> None:
    async with WebSocketClient.open(hiding.url) as client:
        await subscribed(hiding, client, KEEPER, PLAIN)
        await hiding.publish("a")
        assert (await message_of(client, "next"))["payload"]["data"] == {"made": {"id": "a"}}
        await renew(client, CHILD)
        await message_of(client, "pong")
        await hiding.publish("b")
        assert (await message_of(client, "next"))["payload"]["data"] == {"made": {"id": "b"}}


async def test_after_a_renewal_it_is_grouped_with_those_that_began_with_the_same_grants(
    hiding: ToyServer,
) -> None:
    async with (
        WebSocketClient.open(hiding.url) as client,
        live("websocket", hiding, PLAIN, "bob+child"),
    ):
        await client.init(KEEPER)
        await client.subscribe("1", PLAIN)
        await hiding.followed(2)
        assert hiding.pipeline.groups.sizes == []
        await renew(client, CHILD)
        await message_of(client, "pong")
        await until(lambda: hiding.pipeline.groups.sizes == [2])


@strawberry.type
class Endless:
    @strawberry.subscription(permission_classes=[Public])
    async def one(self) -> AsyncIterator[Toy]:
        yield Toy(id=strawberry.ID("a"), name="a")
        await asyncio.Event().wait()


async def test_one_that_follows_no_stream_ends_too(clock: MovedClock) -> None:
    schema = strawberry.Schema(Query, subscription=Endless)
    async with (
        toy_server(clock, schema, introspection="hidden") as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init(KEEPER)
        await client.subscribe("1", "subscription { one { price } }")
        assert (await message_of(client, "next"))["payload"]["data"] == {"one": {"price": 1}}
        await renew(client, CHILD)
        [error] = (await message_of(client, "error"))["payload"]
    assert error["message"] == ABSENT[PRICES]
