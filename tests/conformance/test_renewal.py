"""A connection is renewed with a new token, by a ping or a mutation, and keeps what the new token permits."""

from __future__ import annotations

import pytest

from tests.conformance.live import live
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, toy_server, until

MADE = "subscription { made { id price } }"


GUARDED = "subscription { guarded { id } }"


KEEPER = "alice+keeper/toys.price_s1~1"


async def test_a_ping_with_a_new_token_renews_without_a_gap(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init(KEEPER)
        await client.subscribe("1", MADE)
        await server.followed(1)
        clock.move(LIFE - 30)
        assert (await client.receive())["type"] == "ping"
        pong = await client.renew(KEEPER)
        assert pong == {
            "type": "pong",
            "payload": {"expiresAt": "2027-01-15T08:19:30Z", "renewBefore": "2027-01-15T08:18:30Z"},
        }
        clock.move(LIFE - 61)
        await server.publish("a")
        message = await client.receive()
        assert message["payload"]["data"] == {"made": {"id": "a", "price": 1}}
        clock.move(61)
        assert (await client.receive())["type"] == "ping"
        assert await client.closed() == (4403, "token expired")


async def test_the_server_says_in_time_when_to_renew(clock: MovedClock) -> None:
    async with (
        toy_server(clock, renew_before_seconds=100) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init("alice")
        clock.move(LIFE - 100)
        assert await client.receive() == {
            "type": "ping",
            "payload": {"expiresAt": "2027-01-15T08:10:00Z", "renewBefore": "2027-01-15T08:08:20Z"},
        }


async def test_a_mutation_renews_for_clients_that_cannot_ping(clock: MovedClock) -> None:
    mutation = f'mutation {{ renewConnection(token: "{KEEPER}") {{ expiresAt }} }}'
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init(KEEPER)
        clock.move(100)
        await client.subscribe("1", mutation)
        message = await client.receive()
        assert message["payload"]["data"]["renewConnection"] == {
            "expiresAt": "2027-01-15T08:11:40+00:00"
        }
        assert (await client.receive())["type"] == "complete"
        clock.move(LIFE - 61)
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize("way", ["ping", "mutation"])
@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("bob+keeper_s1", 4401),
        ("alice+keeper_s2", 4401),
        ("bad", 4401),
        ("revoked", 4401),
        ("expired", 4403),
        ("crash", 1011),
    ],
)
async def test_a_renewal_with_another_or_a_bad_token_closes(
    way: str, token: str, code: int, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init(KEEPER)
        if way == "ping":
            await client.send({"type": "ping", "payload": {"authorization": f"Bearer {token}"}})
        else:
            if code == 1011:
                return  # A mutation fails with INTERNAL, and the WebSocket stays open.
            await client.subscribe(
                "1", f'mutation {{ renewConnection(token: "{token}") {{ expiresAt }} }}'
            )
        closed, _ = await client.closed()
        assert closed == code


async def test_an_anonymous_connection_cannot_be_renewed_with_a_token(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        await client.send({"type": "ping", "payload": {"authorization": "Bearer alice"}})
        code, _ = await client.closed()
        assert code == 4401


async def test_a_ping_without_a_token_renews_nothing(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.send({"type": "ping", "payload": {"authorization": "Bearer bad"}})
        assert await client.receive() == {"type": "pong"}
        await client.init("alice")
        for payload in ({}, None, {"authorization": ""}, {"other": 1}, {"headers": {}}):
            await client.send({"type": "ping", "payload": payload})
            assert (await client.receive())["type"] == "pong"


async def test_a_renewal_with_other_grants_ends_only_the_operations_that_it_does_not_permit(
    clock: MovedClock,
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init(KEEPER)
        await client.subscribe("guarded", GUARDED)
        await client.subscribe("made", MADE)
        await server.followed(2)
        assert (await client.renew("alice+child_s1"))["type"] == "pong"
        message = await client.receive()
        assert (message["id"], message["type"]) == ("guarded", "error")
        assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        await server.publish("a")
        message = await client.receive()
        assert message["payload"]["data"] == {"made": {"id": "a", "price": None}}
        await client.renew(KEEPER)
        await server.publish("b")
        message = await client.receive()
        assert message["payload"]["data"] == {"made": {"id": "b", "price": 1}}


async def test_members_of_a_group_move_to_another_with_their_grants(clock: MovedClock) -> None:
    async with (
        toy_server(clock) as server,
        WebSocketClient.open(server.url) as one,
        WebSocketClient.open(server.url) as two,
        live("websocket", server, MADE, "bob") as bob,
    ):
        for client in (one, two):
            await client.init(KEEPER)
            await client.subscribe("1", MADE)
        await until(lambda: server.pipeline.groups.sizes == [2])
        assert (await one.renew("alice_s1"))["type"] == "pong"
        await until(lambda: sorted(server.pipeline.groups.sizes) == [1, 2])
        await server.publish("a")
        prices = [(await c.receive())["payload"]["data"]["made"]["price"] for c in (one, two)]
        await bob.until(1)
    assert prices == [None, 1]


async def test_operations_right_after_a_renewal_use_the_new_token(
    clock: MovedClock,
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init("alice_s1")
        await client.send(
            {"type": "ping", "payload": {"authorization": "Bearer alice+keeper/toys.count_s1"}}
        )
        await client.subscribe("1", "{ count }")
        assert (await client.receive())["type"] == "pong"
        assert (await client.receive())["payload"] == {"data": {"count": 3}}
