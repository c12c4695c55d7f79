"""The handshake of a WebSocket and connection_init: subprotocols, tokens, origins, and what closes before the acknowledgement."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import SLOW, toy_server, until

NUMBERS = "subscription { numbers(to: 2) }"


@pytest.mark.parametrize("subprotocols", [[], ["graphql-ws"], ["something"]])
async def test_another_subprotocol_is_closed_with_4406(
    subprotocols: list[str], clock: MovedClock
) -> None:
    offered = subprotocols or None
    async with toy_server(clock) as server:
        async with WebSocketClient.open(server.url, subprotocols=None) as client:
            assert await client.closed() == (4406, "Subprotocol not acceptable")
        if offered:
            async with WebSocketClient.open(server.url, subprotocols=offered) as client:
                assert await client.closed() == (4406, "Subprotocol not acceptable")


async def test_the_ack_says_when_the_connection_ends_and_when_to_renew(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        ack = await client.init("alice")
    assert ack == {
        "type": "connection_ack",
        "payload": {"expiresAt": "2027-01-15T08:10:00Z", "renewBefore": "2027-01-15T08:09:00Z"},
    }


async def test_an_anonymous_connection_is_acknowledged_without_an_end(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        assert await client.init() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "payload",
    [
        {"authorization": "Bearer alice"},
        {"Authorization": "bearer alice"},
        {"AUTHORIZATION": "BEARER   alice"},
        {"headers": {"Authorization": "Bearer alice"}},
        {"authorization": "Bearer alice", "headers": {"authorization": "Bearer alice"}},
        {"authorization": "Bearer alice", "other": [1, {"deep": None}]},
    ],
)
async def test_the_token_is_found_in_the_payload(payload: Any, clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.send({"type": "connection_init", "payload": payload})
        assert (await client.receive())["type"] == "connection_ack"
        await client.subscribe("1", "{ me }")
        assert (await client.receive())["payload"] == {"data": {"me": "alice"}}


@pytest.mark.parametrize("payload", [None, {}, {"authorization": None}, {"authorization": ""}])
async def test_no_token_in_the_payload_is_anonymous(payload: Any, clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.send({"type": "connection_init", "payload": payload})
        assert await client.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("Bearer bad", 4401),
        ("Bearer revoked", 4401),
        ("Bearer expired", 4403),
        ("Bearer early", 1013),
        ("Bearer", 4401),
        ("Bearer a b", 4401),
        ("Basic YWxpY2U6c2VjcmV0", 4401),
        ("alice", 4401),
        (["Bearer alice"], 4401),
        ({"Bearer": "alice"}, 4401),
        (7, 4401),
        (True, 4401),
        ("Bearer \N{SNOWMAN}", 4401),
    ],
)
async def test_a_bad_token_closes_before_the_ack(
    authorization: Any, code: int, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.send({"type": "connection_init", "payload": {"authorization": authorization}})
        closed, reason = await client.closed()
    assert closed == code
    assert reason
    assert reason == "token expired" or code != 4403


@pytest.mark.parametrize("headers", ["Bearer alice", [["authorization", "Bearer alice"]], 7])
async def test_headers_in_the_payload_that_would_be_ignored_close_with_4401(
    headers: Any, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.send({"type": "connection_init", "payload": {"headers": headers}})
        assert (await client.closed())[0] == 4401


TWICE = [
    '{"authorization":"Bearer bad","authorization":"Bearer alice"}',
    '{"authorization":"Bearer alice","authorization":"Bearer alice"}',
    '{"headers":{"authorization":"Bearer bad","\\u0061uthorization":"Bearer alice"}}',
    '{"headers":{"authorization":"Bearer bad"},"headers":{"authorization":"Bearer alice"}}',
    '{"dpop":"a","authorization":"Bearer alice","dpop":"b"}',
    '{},"payload":{"authorization":"Bearer alice"}',
]


@pytest.mark.parametrize("payload", TWICE)
@pytest.mark.parametrize("kind", ["connection_init", "ping"])
async def test_a_member_that_is_there_twice_is_no_credential(
    kind: str, payload: str, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        if kind == "ping":
            await client.init("alice")
        await client.socket.send(f'{{"type":"{kind}","payload":{payload}}}')
        async with asyncio.timeout(10):
            code, reason = await client.closed()
    assert (code, str(reason).partition(":")[0]) == (4400, "Invalid message")
    assert "may hold a credential was refused by the rule: JSON" in caplog.text
    assert "Bearer" not in caplog.text


@pytest.mark.parametrize(
    ("handshake", "payload", "subject"),
    [
        (["Bearer alice"], {}, "alice"),
        (["Bearer alice"], {"authorization": "Bearer alice"}, "alice"),
        (["Bearer alice"], {"authorization": "Bearer bob"}, None),
        (["Bearer bad"], {}, None),
        (["nonsense"], {}, None),
        (["Bearer alice", "Bearer alice"], {}, None),
    ],
)
async def test_a_token_in_the_handshake_counts_like_one_in_the_payload(
    handshake: list[str], payload: dict[str, str], subject: str | None, clock: MovedClock
) -> None:
    headers = [("authorization", value) for value in handshake]
    async with (
        toy_server(clock) as server,
        WebSocketClient.open(server.url, additional_headers=headers) as client,
    ):
        await client.send({"type": "connection_init", "payload": payload})
        if subject is None:
            assert (await client.closed())[0] == 4401
            return
        assert (await client.receive())["type"] == "connection_ack"
        await client.subscribe("1", "{ me }")
        assert (await client.receive())["payload"] == {"data": {"me": subject}}


async def test_a_token_in_the_url_of_the_handshake_is_refused(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        with pytest.raises(InvalidStatus, match="403"):
            async with WebSocketClient.open(server.url + "?access_token=alice"):
                pass


async def test_a_failing_key_store_closes_with_an_internal_error(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.send({"type": "connection_init", "payload": {"authorization": "Bearer crash"}})
        code, reason = await client.closed()
    assert code == 1011
    assert "fire" not in str(reason)


async def test_subscribe_before_the_ack_closes_with_4401(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.subscribe("1", NUMBERS)
        assert await client.closed() == (4401, "Unauthorized")


async def test_a_second_init_closes_with_4429(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init("alice")
        await client.send({"type": "connection_init"})
        assert await client.closed() == (4429, "Too many initialisation requests")


async def test_no_init_in_time_closes_with_4408(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}
        clock.move(4.9)
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}
        clock.move(0.1)
        assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_an_init_that_arrives_in_time_may_be_slow_to_authenticate(
    clock: MovedClock,
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        clock.move(4.9)
        timers = len(clock._timers)
        await client.send({"type": "connection_init", "payload": {"authorization": "Bearer slow"}})
        await until(lambda: len(clock._timers) > timers)
        clock.move(SLOW)
        assert (await client.receive())["type"] == "connection_ack"


# The last is the issuer's own origin: a proxy may send another Host.
@pytest.mark.parametrize(
    "origin", [None, "same", "https://app.example.com", "http://127.0.0.1:8000"]
)
async def test_a_page_of_our_own_or_a_named_origin_may_connect(
    origin: str | None, clock: MovedClock
) -> None:
    async with toy_server(clock, allowed_origins=("https://app.example.com",)) as server:
        own = server.url.removesuffix("/graphql")
        async with WebSocketClient.open(
            server.url, origin=own if origin == "same" else origin
        ) as client:
            assert (await client.init())["type"] == "connection_ack"


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "http://[", "http://[::1", "127.0.0.1"]
)
async def test_a_page_of_another_origin_may_not_connect(origin: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        with pytest.raises(InvalidStatus, match="403"):
            async with WebSocketClient.open(server.url, origin=origin):
                pass
