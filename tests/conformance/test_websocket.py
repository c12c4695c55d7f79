"""graphql-transport-ws on a real socket: each rule of the protocol, and malformed messages."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, toy_server, until
from watchword.transports.websocket.protocol import LONGEST_REASON

NUMBERS = "subscription { numbers(to: 2) }"
MADE = "subscription { made { id } }"
DEEP = "[" * 100_000


async def test_the_id_of_an_open_operation_closes_with_4409(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        await client.subscribe("🚒", MADE)
        await client.subscribe("🚒", NUMBERS)
        assert await client.closed() == (4409, "Subscriber for 🚒 already exists")
        await server.followed(0)


async def test_an_id_may_be_used_again_after_complete(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        for _ in range(3):
            await client.subscribe("1", MADE)
            await server.followed(1)
            await client.send({"type": "complete", "id": "1"})
        await client.subscribe("1", "{ hello }")
        assert (await client.receive())["payload"] == {"data": {"hello": "hello world"}}
        assert await client.receive() == {"id": "1", "type": "complete"}
        await server.followed(0)


async def test_nothing_arrives_after_the_client_completed(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        await client.subscribe("1", MADE)
        await server.followed(1)
        await client.send({"type": "complete", "id": "1"})
        await server.followed(0)
        await server.publish("bear")
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}


async def test_operations_on_one_socket_do_not_disturb_each_other(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init("alice")
        await client.subscribe("live", MADE)
        await server.followed(1)
        await client.subscribe("wrong", "{ nothing }")
        assert (await client.receive())["type"] == "error"
        await client.subscribe("new", 'mutation { make(name: "bear") { id } }')
        seen = [await client.receive() for _ in range(3)]
    answers = {
        message["id"]: message["payload"]["data"] for message in seen if "payload" in message
    }
    assert answers == {"live": {"made": {"id": "bear"}}, "new": {"make": {"id": "bear"}}}


@pytest.mark.parametrize("message", [{"type": "complete", "id": "unknown"}, {"type": "pong"}])
async def test_messages_that_may_be_ignored_are_ignored(message: Any, clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        await client.send(message)
        await client.send({"type": "ping", "payload": {"any": "thing"}})
        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "null",
        "[]",
        "7",
        '"connection_init"',
        "{}",
        '{"type": null}',
        '{"type": ["ping"]}',
        '{"type": {}}',
        '{"type": "start", "id": "1"}',
        '{"type": "connection_ack"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "ping", "payload": 7}',
        '{"type": "ping", "payload": []}',
        '{"type": "connection_init", "payload": "x"}',
        '{"type": "complete"}',
        '{"type": "complete", "id": 7}',
        '{"type": "ping"',
        '{"type": "ping"} trailing',
        '{"type": "ping", "payload": {"n": NaN}}',
        '{"a": ' * 5000 + "1" + "}" * 5000,
        DEEP,
        '"' + "x" * 200_000 + '"',
        "\x00",
        '{"type": "ping", "payload": {"x": "\\ud800"}}',
    ],
    ids=lambda message: message[:30],
)
@pytest.mark.parametrize("acknowledged", [False, True])
async def test_an_invalid_message_closes_with_4400(
    message: str, acknowledged: bool, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        if acknowledged:
            await client.init("alice")
            if '"connection_init", "payload"' in message:
                return
        await client.send(message)
        code, reason = await client.closed()
    assert code == 4400
    assert str(reason).startswith("Invalid message")
    assert len(str(reason).encode()) <= LONGEST_REASON


@pytest.mark.parametrize(
    "members",
    [
        {"id": ""},
        {"id": None},
        {"id": 7},
        {"payload": None},
        {"payload": "{ hello }"},
        {"payload": []},
        {"payload": {}},
        {"payload": {"query": None}},
        {"payload": {"query": 7}},
        {"payload": {"query": "{ hello }", "variables": []}},
        {"payload": {"query": "{ hello }", "operationName": 7}},
        {"payload": {"query": "{ hello }", "extensions": "x"}},
    ],
)
async def test_a_malformed_subscribe_closes_with_4400(
    members: dict[str, Any], clock: MovedClock
) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        message = {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }"}}
        await client.send(message | members)
        code, reason = await client.closed()
    assert code == 4400
    assert str(reason).startswith("Invalid message")


async def test_null_is_allowed_where_the_protocol_allows_it(clock: MovedClock) -> None:
    payload = {"query": "{ hello }", "variables": None, "operationName": None, "extensions": None}
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.send({"type": "connection_init", "payload": None})
        assert await client.receive() == {"type": "connection_ack"}
        await client.send({"type": "ping", "payload": None})
        assert await client.receive() == {"type": "pong"}
        await client.send({"type": "subscribe", "id": "1", "payload": payload})
        assert (await client.receive())["payload"] == {"data": {"hello": "hello world"}}


async def test_a_binary_message_closes_with_4400(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.socket.send(json.dumps({"type": "connection_init"}).encode())
        assert (await client.closed())[0] == 4400


async def test_a_message_over_the_limit_closes_with_1009(clock: MovedClock) -> None:
    async with toy_server(clock, max_message_bytes=2048) as server:
        async with WebSocketClient.open(server.url) as client:
            await client.send({"type": "ping", "payload": {"x": "y" * 4096}})
            assert (await client.closed())[0] == 1009
        async with WebSocketClient.open(server.url) as client:
            assert await client.init() == {"type": "connection_ack"}


async def test_the_socket_is_closed_at_the_moment_its_token_expires(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init("alice")
        await client.subscribe("1", MADE)
        await server.followed(1)
        clock.move(LIFE - 0.001)
        await server.publish("last")
        assert (await client.receive())["type"] == "ping"
        assert (await client.receive())["payload"]["data"] == {"made": {"id": "last"}}
        clock.move(0.001)
        await server.publish("too late")
        # No `error` or `complete` ends the operation, so the graphql-ws client reconnects and resumes it.
        assert await client.closed() == (4403, "token expired")
        await server.followed(0)


async def test_an_anonymous_socket_does_not_expire(clock: MovedClock) -> None:
    async with toy_server(clock) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        clock.move(10 * LIFE)
        await client.subscribe("1", "{ hello }")
        assert (await client.receive())["type"] == "next"


async def test_a_client_that_sends_messages_too_fast_is_closed(clock: MovedClock) -> None:
    async with (
        toy_server(clock, max_messages_per_second=3) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        for _ in range(3):
            await client.send({"type": "ping"})
        assert await client.closed() == (1008, "too many messages")


async def test_the_same_number_of_messages_is_allowed_in_the_next_second(clock: MovedClock) -> None:
    async with (
        toy_server(clock, max_messages_per_second=2) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        for _ in range(3):
            clock.move(1)
            for _ in range(2):
                await client.send({"type": "ping"})
                assert (await client.receive())["type"] == "pong"


async def test_the_number_of_websockets_of_an_address_is_limited(clock: MovedClock) -> None:
    async with (
        toy_server(clock, max_connections_per_address=1) as server,
        WebSocketClient.open(server.url) as first,
    ):
        await first.init()
        async with WebSocketClient.open(server.url) as second:
            assert await second.closed() == (
                4429,
                "Too many connections are open from this address. End some, or come back later.",
            )
        await first.socket.close()
        await until(lambda: not len(server.pipeline.connections))
        async with WebSocketClient.open(server.url) as third:
            assert (await third.init())["type"] == "connection_ack"


async def test_the_number_of_websockets_of_a_principal_is_limited(clock: MovedClock) -> None:
    async with (
        toy_server(clock, max_connections_per_principal=1) as server,
        WebSocketClient.open(server.url) as first,
        WebSocketClient.open(server.url) as second,
        WebSocketClient.open(server.url) as third,
    ):
        assert (await first.init("alice"))["type"] == "connection_ack"
        await second.send({"type": "connection_init", "payload": {"authorization": "Bearer alice"}})
        assert await second.closed() == (
            4429,
            "Too many connections are open for this principal. End some, or come back later.",
        )
        assert (await third.init("bob"))["type"] == "connection_ack"


async def test_operations_beyond_the_limit_are_refused_alone(clock: MovedClock) -> None:
    async with (
        toy_server(clock, max_operations=2) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        for id in "123":
            await client.subscribe(id, MADE)
        message = await client.receive()
        assert (message["id"], message["type"]) == ("3", "error")
        assert message["payload"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 1}
        await server.followed(2)


async def test_a_websocket_that_loses_its_connection_leaves_nothing_behind(
    clock: MovedClock,
) -> None:
    async with toy_server(clock) as server:
        async with WebSocketClient.open(server.url) as client:
            await client.init("alice")
            await client.subscribe("1", MADE)
            await client.subscribe("2", MADE)
            await server.followed(2)
            client.socket.transport.abort()
        await server.followed(0)


async def test_many_sockets_at_once_are_served(clock: MovedClock) -> None:
    async with toy_server(clock) as server:

        async def one(number: int) -> str:
            async with WebSocketClient.open(server.url) as client:
                await client.init(f"user{number}")
                await client.subscribe("1", "{ me }")
                return str((await client.receive())["payload"]["data"]["me"])

        assert await asyncio.gather(*map(one, range(50))) == [f"user{n}" for n in range(50)]
