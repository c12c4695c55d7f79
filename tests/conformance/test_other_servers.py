"""The transports on ASGI servers without our extensions: the same answers, the same refusals, and no leaks."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.conformance.live import every_transport, live
from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.other_servers import SERVERS
from tests.support.toy_schema import STREAM
from tests.support.toy_server import LIFE, ToyServer, toy_server, until
from watchword.asgi import wire
from watchword.auth.revocation.identity_events import roles_changed, session_revoked
from watchword.events.event import Event

pytestmark = pytest.mark.parametrize("by", SERVERS)
MUTATION = 'mutation { make(name: "a") { id } }'
MADE = "subscription { made { id } }"
PRICED = "subscription { made { id price } }"
KEEPER = "alice+keeper/toys.price_s1~1"


async def passes(seconds: int, server: ToyServer, clock: MovedClock) -> None:
    """Let time pass, in which all that is written is sent."""
    wires: Any = server.pipeline.shutdown.connections
    for _ in range(seconds):
        clock.move(1)
        await until(lambda: all(wire.unsent[0] == 0 for wire in wires))


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_operation_is_answered(by: str, transport: str, clock: MovedClock) -> None:
    async with toy_server(clock, by=by) as server:
        answers = [each async for each in TRANSPORTS[transport](server.url, "{ me }", "alice")]
        assert answers == [{"data": {"me": "alice"}}]
        await until(lambda: not len(server.pipeline.connections))


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_mutation_is_answered(by: str, transport: str, clock: MovedClock) -> None:
    async with toy_server(clock, by=by) as server:
        answers = TRANSPORTS[transport](server.url, MUTATION, "alice")
        assert [each["data"] async for each in answers] == [{"make": {"id": "a"}}]


async def test_a_refused_token_is_401_with_a_challenge_or_closes_with_4401(
    by: str, clock: MovedClock
) -> None:
    async with toy_server(clock, by=by) as server, httpx2.AsyncClient() as client:
        headers = {"authorization": "Bearer bad"}
        refused = await client.post(server.url, json={"query": "{ me }"}, headers=headers)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
        async with WebSocketClient.open(server.url) as socket:
            payload = {"authorization": "Bearer bad"}
            await socket.send({"type": "connection_init", "payload": payload})
            assert (await socket.closed())[0] == 4401


@every_transport
async def test_a_revocation_ends_the_connection(by: str, transport: str, clock: MovedClock) -> None:
    async with (
        toy_server(clock, by=by) as server,
        live(transport, server, MADE, "alice_s1") as client,
        live(transport, server, MADE, "bob") as other,
    ):
        await server.followed(2)
        await server.happen(session_revoked("alice", "s1"))
        assert await client.ended() == "TOKEN_REVOKED"
        await server.publish("a")
        await other.until(1)
    assert client.answers == []


@every_transport
async def test_a_drain_tells_clients_to_reconnect(
    by: str, transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, by=by) as server,
        live(transport, server, MADE, "alice") as client,
    ):
        await server.followed(1)
        server.pipeline.shutdown.begin()
        clock.move(server.pipeline.settings.drain_seconds)
        assert await client.ended() == "DRAINING"
        await until(lambda: not server.pipeline.shutdown.connections)


@every_transport
async def test_events_arrive_until_the_token_expires(
    by: str, transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, by=by) as server,
        live(transport, server, MADE, "alice") as client,
    ):
        await server.followed(1)
        await server.publish("a", "b")
        await client.until(2)
        await passes(int(LIFE), server, clock)
        assert await client.ended() == "TOKEN_EXPIRED"
        await until(lambda: not len(server.pipeline.connections))
    assert client.values("made") == [{"id": "a"}, {"id": "b"}]


@every_transport
async def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(
    by: str, transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock, by=by) as server:
        async with live(transport, server, MADE, "alice") as client:
            await server.followed(1)
            await server.publish("a")
            await client.until(1)
        await server.publish("b", "c")
        cursor = client.answers[0]["extensions"]["cursor"]
        async with live(transport, server, MADE, "alice", cursor) as again:
            await again.until(2)
            await server.publish("d")
            await again.until(3)
    assert again.values("made") == [{"id": "b"}, {"id": "c"}, {"id": "d"}]


@every_transport
async def test_a_role_that_was_taken_does_not_count_at_once(
    by: str, transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, by=by) as server,
        live(transport, server, PRICED, KEEPER) as client,
    ):
        await server.followed(1)
        await server.publish("a")
        await client.until(1)
        await server.happen(roles_changed("alice", 2, ["child"]), Event(STREAM, "b", "made"))
        await client.until(2)
        clock.move(server.pipeline.settings.outdated_grace_seconds)
        assert await client.ended() == "TOKEN_EXPIRED"
    assert [toy["price"] for toy in client.values("made")] == [1, None]


async def test_a_ping_with_a_new_token_renews_without_a_gap(by: str, clock: MovedClock) -> None:
    async with toy_server(clock, by=by) as server, WebSocketClient.open(server.url) as client:
        await client.init("alice")
        await client.subscribe("1", MADE)
        await server.followed(1)
        await passes(int(LIFE) - 30, server, clock)
        assert (await client.receive())["type"] == "ping"
        await client.send({"type": "ping", "payload": {"authorization": "Bearer alice"}})
        assert (await client.receive())["payload"]["expiresAt"] == "2027-01-15T08:19:30Z"
        await passes(31, server, clock)
        await server.publish("a")
        assert (await client.receive())["payload"]["data"] == {"made": {"id": "a"}}


@every_transport
async def test_a_client_that_disconnects_leaves_nothing_behind(
    by: str, transport: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with toy_server(clock, by=by) as server:
        async with live(transport, server, MADE, "alice"):
            await server.followed(1)
        await server.followed(0)
        await until(
            lambda: not len(server.pipeline.connections) and not len(server.pipeline.operations)
        )


async def test_a_websocket_that_is_never_read_is_closed_in_the_end(
    by: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CLOSING_SECONDS", 0.05)
    async with (
        toy_server(clock, by=by) as server,
        WebSocketClient.open(server.url, max_queue=1, compression=None) as client,
    ):
        await client.init("alice")
        await client.subscribe("1", MADE)
        await server.followed(1)
        client.socket.transport.pause_reading()
        while server.following:
            await server.publish("x" * 100_000)
            clock.move(1)
        await until(lambda: not len(server.pipeline.connections))
        client.socket.transport.abort()


@pytest.mark.parametrize("subprotocol", ["graphql-ws", "something"])
async def test_another_subprotocol_is_refused(by: str, subprotocol: str, clock: MovedClock) -> None:
    async with (
        toy_server(clock, by=by) as server,
        WebSocketClient.open(server.url, subprotocols=[subprotocol]) as client,
    ):
        assert await client.closed() == (4406, "Subprotocol not acceptable")
