"""A live connection stays open as long as its lease: expiry, revocation, other roles, renewal, shutdown."""

from __future__ import annotations

import socket
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
        assert (await client.renew(KEEPER))["type"] == "pong"
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
