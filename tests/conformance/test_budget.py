"""Each operation takes one place, over every transport, and gives it back at its end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest

from tests.conformance.live import every_transport, live
from tests.support import shop
from tests.support.bound_server import ACCEPT
from tests.support.clients import STREAMING, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.config.limits import fixed

MADE = "subscription { made { id } }"


async def refusal(server: ToyServer, transport: str, token: str | None) -> tuple[str, str]:
    """Return the code and the message with which one more subscription is refused."""
    [answer] = [each async for each in STREAMING[transport](server.url, MADE, token)]
    [error] = answer["errors"]
    assert error["extensions"]["retryAfter"] == 30
    return error["extensions"]["code"], error["message"]


@every_transport
@pytest.mark.parametrize(
    ("bound", "token", "words"),
    [
        ("max_operations_per_address", None, "from this address"),
        ("max_operations_per_principal", "alice", "for this principal"),
        ("max_operations_per_process", None, "on this server"),
    ],
)
async def test_there_are_so_many_over_all_transports_and_no_more(
    transport: str, bound: str, token: str | None, words: str, clock: MovedClock
) -> None:
    settings: dict[str, Any] = {bound: 3}
    async with toy_server(clock, **settings) as server:
        async with AsyncExitStack() as stack:
            for each in STREAMING:
                await stack.enter_async_context(live(each, server, MADE, token))
            await server.followed(3)
            code, message = await refusal(server, transport, token)
            assert (code, words in message) == ("RATE_LIMITED", True)
            if bound == "max_operations_per_principal":
                async with live(transport, server, MADE, "bob"):
                    await server.followed(4)
        # A subscription that ended has given its place back.
        await until(lambda: not len(server.pipeline.operations))
        async with live(transport, server, MADE, token):
            await server.followed(1)


@pytest.mark.parametrize("transport", ["sse", "multipart"])
async def test_a_stream_too_many_is_429_and_says_when_to_come_back(
    transport: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, max_operations_per_process=1) as server,
        live(transport, server, MADE),
        httpx2.AsyncClient() as client,
    ):
        await server.followed(1)
        headers = {"accept": ACCEPT[transport]}
        answer = await client.post(server.url, json={"query": MADE}, headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")


@pytest.mark.parametrize(
    "query",
    [
        "{ hello }",
        "{ broken }",
        "{ nothing }",
        "subscription { numbers(to: 2) }",
        "subscription { failing }",
        "subscription { guarded { id } }",
        "query($n: Int!) { toys(first: $n) { id } }",
    ],
)
@every_transport
async def test_what_has_ended_counts_no_more(transport: str, query: str, clock: MovedClock) -> None:
    async with toy_server(clock, max_operations_per_process=1) as server:
        for _ in range(3):
            answers = [each async for each in STREAMING[transport](server.url, query, "alice")]
            assert "RATE_LIMITED" not in str(answers)
        await until(lambda: not len(server.pipeline.operations))
        assert server.pipeline.operations.is_empty


async def test_an_operation_that_the_client_ends_gives_its_place_back(clock: MovedClock) -> None:
    async with (
        toy_server(clock, max_operations_per_process=2) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        for _ in range(5):
            await client.subscribe("1", MADE)
            await client.subscribe("2", "{ slow(seconds: 100) }")
            await server.followed(1)
            assert len(server.pipeline.operations) == 2
            for id in "121":
                await client.send({"type": "complete", "id": id})
            await server.followed(0)
            await until(lambda: not len(server.pipeline.operations))


async def test_a_websocket_that_is_refused_an_operation_stays_open(clock: MovedClock) -> None:
    async with (
        toy_server(clock, max_operations_per_address=1) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        await client.subscribe("1", MADE)
        await client.subscribe("2", MADE)
        message = await client.receive()
        assert (message["id"], message["type"]) == ("2", "error")
        await client.send({"type": "complete", "id": "1"})
        await client.subscribe("2", "{ hello }")
        assert (await client.receive())["payload"] == {"data": {"hello": "hello world"}}
        client.socket.transport.abort()
        await until(lambda: not len(server.pipeline.operations))


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "bound",
    ["max_operations_per_address", "max_operations_per_principal", "max_operations_per_process"],
)
async def test_a_query_that_is_answered_whole_has_a_place_while_it_runs(
    bound: str, method: str, clock: MovedClock
) -> None:
    settings: dict[str, Any] = {bound: 1}
    headers = {"authorization": "Bearer alice"}
    async with (
        toy_server(clock, **settings) as server,
        httpx2.AsyncClient(headers=headers) as client,
    ):
        operations = server.pipeline.operations

        async def ask(query: str) -> httpx2.Response:
            how = {"json": {"query": query}} if method == "POST" else {"params": {"query": query}}
            return await client.request(method, server.url, **how)

        running = asyncio.create_task(ask("{ slow(seconds: 5) }"))
        await until(lambda: len(operations) == 1)
        refused = await ask("{ hello }")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        clock.move(5)
        assert (await running).status_code == 200
        assert (await ask("{ hello }")).json() == {"data": {"hello": "hello world"}}
        assert operations.is_empty


@every_transport
async def test_a_shared_execution_has_a_place_while_it_runs(
    transport: str, clock: MovedClock
) -> None:
    shop.world.__init__()  # type: ignore[misc]
    waiting = "query($of: Int) { item(of: $of, waits: true) { price } }"
    async with toy_server(clock, shop.schema, max_operations_per_process=2) as server:
        await server.pipeline.services.hub.look()

        async def ask(of: int) -> list[Any]:
            return [
                each
                async for each in STREAMING[transport](server.url, waiting, variables={"of": of})
            ]

        running = [asyncio.create_task(ask(of)) for of in (1, 2)]
        await until(lambda: shop.world.asked == 2)
        assert len(server.pipeline.operations) == 2
        assert "RATE_LIMITED" in str(await ask(3))
        shop.world.gate.set()
        found = [answer for task in running for answer in await task]
        assert [answer["data"]["item"]["price"] for answer in found] == [2, 3]
        assert shop.world.asked == 2
        await until(lambda: server.pipeline.operations.is_empty)


async def test_over_http_a_shared_execution_has_a_place_while_it_runs(clock: MovedClock) -> None:
    shop.world.__init__()  # type: ignore[misc]
    async with (
        toy_server(clock, shop.schema, max_operations_per_address=2) as server,
        httpx2.AsyncClient() as client,
    ):
        await server.pipeline.services.hub.look()

        async def ask(of: int) -> httpx2.Response:
            query = f"{{ item(of: {of}, waits: true) {{ price }} }}"
            return await client.post(server.url, json={"query": query})

        running = [asyncio.create_task(ask(of)) for of in (1, 2)]
        await until(lambda: shop.world.asked == 2)
        refused = await ask(3)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        shop.world.gate.set()
        assert [(await each).status_code for each in running] == [200] * 2
        assert shop.world.asked == 2
        assert server.pipeline.operations.is_empty


async def test_a_shared_execution_keeps_the_place_of_an_operation_that_its_client_ended(
    clock: MovedClock,
) -> None:
    shop.world.__init__()  # type: ignore[misc]
    async with (
        toy_server(clock, shop.schema, max_operations_per_address=2) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await server.pipeline.services.hub.look()
        await client.init()
        for of in (1, 2):
            await client.subscribe("1", f"{{ item(of: {of}, waits: true) {{ price }} }}")
            await until(lambda of=of: shop.world.asked == of)
            await client.send({"type": "complete", "id": "1"})
        await client.subscribe("1", "{ item(of: 3, waits: true) { price } }")
        message = await client.receive()
        assert (message["id"], message["type"]) == ("1", "error")
        shop.world.gate.set()
        await until(lambda: server.pipeline.operations.is_empty)


@every_transport
async def test_undeclared_variables_do_not_prevent_a_group(
    transport: str, clock: MovedClock
) -> None:
    # Otherwise they would be kept for the subscription's life, and each would need an execution of its own.
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        for number in range(3):
            other = {"other": [number] * 1_000}
            await stack.enter_async_context(live(transport, server, MADE, variables=other))
        await until(lambda: server.pipeline.groups.sizes == [3])


@every_transport
async def test_what_a_subscription_keeps_is_bounded(transport: str, clock: MovedClock) -> None:
    query = "subscription($only: String) { since(only: $only) }"
    size = fixed("kept_bytes")
    async with toy_server(clock) as server:
        for more in (
            {"variables": {"only": "x" * size}},
            {"extensions": {"region": ["x"] * (size // 4)}},
            {"variables": {"only": "x" * (size // 2)}, "extensions": {"region": "x" * (size // 2)}},
        ):
            [answer] = [each async for each in STREAMING[transport](server.url, query, **more)]
            [error] = answer["errors"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
            assert str(size) in error["message"]
        await until(lambda: server.pipeline.operations.is_empty)
        # What it does not keep is not counted.
        other = {"only": "x" * (size - 100), "undeclared": "x" * size}
        async with live(transport, server, query, variables=other):
            await server.followed(1)


async def test_the_payload_of_a_socket_is_bounded(clock: MovedClock) -> None:
    size = fixed("kept_bytes")
    async with toy_server(clock) as server:
        async with WebSocketClient.open(server.url) as client:
            await client.send({"type": "connection_init", "payload": {"app": ["x"] * (size // 4)}})
            code, reason = await client.closed()
            assert (code, str(size) in str(reason)) == (4400, True)
        async with WebSocketClient.open(server.url) as client:
            await client.send({"type": "connection_init", "payload": {"app": "x" * (size - 100)}})
            assert (await client.receive())["type"] == "connection_ack"
