"""A live connection stays open as long as its lease: expiry, revocation, other roles, renewal, shutdown."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from tests.conformance.live import Live, every_transport, live
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_schema import STREAM
from tests.support.toy_server import LIFE, SLOW, ToyServer, toy_server, until
from watchword.auth.revocation.identity_events import (
    account_revoked,
    roles_changed,
    session_revoked,
)
from watchword.events.event import Event
from watchword.events.log.tables import events

MADE = "subscription { made { id price } }"
GUARDED = "subscription { guarded { id } }"
KEEPER = "alice+keeper/toys.price_s1~1"
# The default of WATCHWORD_OUTDATED_GRACE_SECONDS.
GRACE = 10


def ids(client: Live, field: str = "made") -> list[str]:
    return [toy["id"] for toy in client.values(field)]


@every_transport
async def test_it_ends_at_the_moment_its_token_expires_and_not_before(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, live(transport, server, MADE, KEEPER) as client:
        await server.followed(1)
        clock.move(LIFE - 0.001)
        await server.publish("before")
        await client.until(1)
        clock.move(0.001)
        await server.publish("after")
        assert await client.ended() == "TOKEN_EXPIRED"
    assert ids(client) == ["before"]


@every_transport
@pytest.mark.parametrize(
    "event",
    [session_revoked("alice", "s1"), account_revoked("alice", 2)],
    ids=["its session", "its account"],
)
async def test_it_ends_when_it_is_revoked(transport: str, event: Event, clock: MovedClock) -> None:
    async with (
        toy_server(clock) as server,
        live(transport, server, MADE, KEEPER) as client,
        live(transport, server, MADE, "alice+keeper_s2~2") as newer,
        live(transport, server, MADE, "bob") as other,
    ):
        await server.followed(3)
        await server.publish("before")
        await client.until(1)
        await server.happen(event, Event(STREAM, "after", "made"))
        assert await client.ended() == "TOKEN_REVOKED"
        await newer.until(2)
        await other.until(2)
    assert ids(client) == ["before"]


@every_transport
async def test_after_a_change_of_the_password_the_session_that_is_kept_comes_back(
    transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock) as server,
        live(transport, server, MADE, KEEPER) as kept,
        live(transport, server, MADE, "alice+keeper_s2") as other,
    ):
        await server.followed(2)
        await server.happen(account_revoked("alice", 2, "s1"))
        assert await other.ended() == "TOKEN_REVOKED"
        # Not at once: this may be the connection that waits for the answer to the change.
        await server.publish("after")
        await kept.until(1)
        clock.move(GRACE)
        assert await kept.ended() == "TOKEN_EXPIRED"
    assert ids(kept) == ["after"]


@every_transport
async def test_a_revoked_token_is_refused_from_then_on(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        await server.happen(session_revoked("alice", "s1"))
        await until(lambda: len(server.follower._revocations) == 1)
        if transport == "websocket":
            async with WebSocketClient.open(server.url) as client:
                await client.send(
                    {"type": "connection_init", "payload": {"authorization": f"Bearer {KEEPER}"}}
                )
                code, reason = await client.closed()
            assert (code, "revoked" in str(reason)) == (4401, True)
        else:
            async with live(transport, server, MADE, KEEPER) as client:
                await until(lambda: client.is_complete or bool(client.answers))
                assert not client.answers


@every_transport
async def test_revoked_roles_do_not_count_at_once_and_the_connection_ends_after_its_grace(
    transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, outdated_grace_seconds=10) as server,
        live(transport, server, MADE, KEEPER) as client,
    ):
        await server.followed(1)
        await server.publish("a")
        await client.until(1)
        await server.happen(roles_changed("alice", 2, ["child"]), Event(STREAM, "b", "made"))
        await client.until(2)
        if transport == "websocket":
            await client.reminded()
            assert client.pings[0]["expiresAt"] == "2027-01-15T08:00:10Z"
        clock.move(9.999)
        await server.publish("c")
        await client.until(3)
        clock.move(0.001)
        assert await client.ended() == "TOKEN_EXPIRED"
    assert [toy["price"] for toy in client.values("made")] == [1, None, None]


@every_transport
async def test_a_downgraded_connection_continues_with_the_remaining_grants(
    transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, on_role_change="downgrade") as server,
        live(transport, server, MADE, KEEPER) as client,
        live(transport, server, MADE, KEEPER) as second,
    ):
        await server.followed(2)
        await server.happen(roles_changed("alice", 2, ["child"]))
        clock.move(100)
        await server.publish("a")
        await client.until(1)
        await second.until(1)
        # A token from before the change is refused on a new connection too.
        async with live(transport, server, MADE, KEEPER) as late:
            await server.followed(3)
            await server.publish("b")
            await late.until(1)
    assert client.ending is None
    seen = [client.values("made")[0], second.values("made")[0]]
    assert seen == [{"id": "a", "price": None}] * 2
    assert late.values("made") == [{"id": "b", "price": None}]


@every_transport
async def test_a_subscription_whose_role_is_gone_ends_with_forbidden(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, live(transport, server, GUARDED, KEEPER) as client:
        await server.followed(1)
        await server.publish("a")
        await client.until(1)
        await server.happen(roles_changed("alice", 2, ["child"]), Event(STREAM, "b", "made"))
        await client.ended()
    assert ids(client, "guarded") == ["a"]
    assert client.refusal == "FORBIDDEN"


@every_transport
async def test_a_server_that_stops_tells_its_clients_to_reconnect(
    transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, drain_seconds=3) as server,
        live(transport, server, MADE, KEEPER) as client,
    ):
        await server.followed(1)
        await server.publish("a")
        await client.until(1)
        await stopping(server)
        clock.move(3)
        assert await client.ended() == "DRAINING"
    assert ids(client) == ["a"]


def listens(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) == 0


async def stopping(server: ToyServer) -> None:
    """Ask the server to stop, and wait until it listens no more: by then it has told its connections."""
    server.stop()
    await until(lambda: not listens(server.url))


MAKE = 'mutation { make(name: "late") { id } }'


async def test_a_server_that_stops_starts_no_operation_and_sends_its_client_elsewhere(
    clock: MovedClock,
) -> None:
    async with (
        toy_server(clock, drain_seconds=60) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init(KEEPER)
        await client.subscribe("1", MADE)
        await server.followed(1)
        await stopping(server)
        # The connection stays open until it asks for more.
        assert (await renewing(client, KEEPER))["type"] == "pong"
        await client.subscribe("2", MAKE)
        assert await client.closed() == (1012, "server is restarting")
        async with server.pipeline.services.database.read() as db:
            assert not (await db.execute(select(events))).all()


@pytest.mark.parametrize("seconds", [2, 100])
@pytest.mark.parametrize("asks", [False, True], ids=["waits", "asks for more"])
async def test_operations_from_before_the_server_stops_are_answered_within_the_time_limit(
    seconds: float, asks: bool, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, drain_seconds=3) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init(KEEPER)
        await client.subscribe("1", f"{{ slow(seconds: {seconds}) }}")
        await until(lambda: clock.is_waiting_for(seconds))
        await stopping(server)
        if asks:
            await client.subscribe("2", MAKE)
            await client.send({"type": "ping"})
            assert (await client.receive())["type"] == "pong"
        clock.move(2.5)
        if seconds < 3:
            message = await client.receive()
            assert message["payload"] == {"data": {"slow": "at last"}}
            assert (await client.receive())["type"] == "complete"
        clock.move(0.5)
        assert await client.closed() == (1012, "server is restarting")


@pytest.mark.parametrize("transport", ["sse", "multipart"])
async def test_a_stream_that_begins_while_the_server_stops_ends_in_time_too(
    transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, drain_seconds=3) as server,
        live(transport, server, MADE, "slow") as client,
    ):
        await until(lambda: clock.is_waiting_for(SLOW))
        await stopping(server)
        clock.move(SLOW)
        await server.followed(1)
        clock.move(3)
        assert await client.ended() == "DRAINING"


# Only a WebSocket can be renewed: the client of a stream over HTTP can send nothing.


async def renewing(client: WebSocketClient, token: str) -> dict[str, Any]:
    await client.send({"type": "ping", "payload": {"authorization": f"Bearer {token}"}})
    return await client.receive()


async def test_a_ping_with_a_new_token_renews_without_a_gap(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init(KEEPER)
        await client.subscribe("1", MADE)
        await server.followed(1)
        clock.move(LIFE - 30)
        assert (await client.receive())["type"] == "ping"
        pong = await renewing(client, KEEPER)
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
        assert (await renewing(client, "alice+child_s1"))["type"] == "pong"
        message = await client.receive()
        assert (message["id"], message["type"]) == ("guarded", "error")
        assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"
        await server.publish("a")
        message = await client.receive()
        assert message["payload"]["data"] == {"made": {"id": "a", "price": None}}
        await renewing(client, KEEPER)
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
        assert (await renewing(one, "alice_s1"))["type"] == "pong"
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
