"""Answers in parts, over every transport that has them: what arrives when, and how they end early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.support import parts_schema
from tests.support.clients import over_http
from tests.support.clock import MovedClock
from tests.support.other_servers import SERVERS
from tests.support.parts_schema import ACCEPT, Gates, asked, closed_gates, merged
from tests.support.toy_server import LIFE, ToyServer, toy_server, until
from watchword.auth.revocation.identity_events import roles_changed, session_revoked
from watchword.execution.pages import PLAIN_LIST

every_transport = pytest.mark.parametrize("transport", ["multipart", "sse", "websocket"])
KEEPER = "alice+keeper/toys.price_s1~1"
DEFERRED = '{ item { name ... @defer(label: "later") { late } } }'
PRICED = "{ item { name ... @defer { price } ... @defer { exactPrice } } }"
STREAMED = "{ items @stream(initialCount: 1) { name } }"
# What is pending after the first part of `DEFERRED`.
PENDING = [{"id": "0", "path": ["item"], "label": "later"}]


@pytest.fixture
def gates() -> Gates:
    return closed_gates()


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, parts_schema.schema) as running:
        yield running


async def is_released(server: ToyServer) -> None:
    pipeline = server.pipeline
    await until(lambda: (len(pipeline.operations), len(pipeline.connections)) == (0, 0))
    await until(lambda: not len(pipeline.leases))


@every_transport
async def test_the_first_part_arrives_before_the_others_are_there(
    transport: str, server: ToyServer, gates: Gates
) -> None:
    async with asked(transport, server.url, DEFERRED) as parts:
        first = await anext(parts)
        assert first == {"data": {"item": {"name": "a"}}, "pending": PENDING, "hasNext": True}
        await gates.reached["a"].wait()
        gates.open["a"].set()
        assert await anext(parts) == {
            "incremental": [{"id": "0", "data": {"late": "late a"}}],
            "completed": [{"id": "0"}],
            "hasNext": False,
        }
        assert [part async for part in parts] == []
    await is_released(server)
    assert server.pipeline.engine.fallbacks == {"@defer or @stream": 1}
    assert not server.pipeline.shared.counts


@every_transport
async def test_items_of_a_list_arrive_one_after_the_other(
    transport: str, server: ToyServer, gates: Gates
) -> None:
    gates.open["item 0"].set()
    async with asked(transport, server.url, STREAMED) as parts:
        found = [await anext(parts)]
        assert found[0]["data"] == {"items": [{"name": "0"}]}
        for number in (1, 2):
            await gates.reached[f"item {number}"].wait()
            gates.open[f"item {number}"].set()
            found.append(await anext(parts))
            assert found[-1]["incremental"] == [{"id": "0", "items": [{"name": str(number)}]}]
        found += [part async for part in parts]
    assert merged(found) == {"data": {"items": [{"name": name} for name in "012"]}}


@every_transport
async def test_a_mutation_may_defer(transport: str, server: ToyServer, gates: Gates) -> None:
    gates.open["changed"].set()
    query = "mutation { change { name ... @defer { late } } }"
    async with asked(transport, server.url, query) as parts:
        found = [part async for part in parts]
    assert len(found) == 2
    assert merged(found) == {"data": {"change": {"name": "changed", "late": "late changed"}}}


@every_transport
async def test_an_operation_that_defers_nothing_this_time_is_one_answer(
    transport: str, server: ToyServer, gates: Gates
) -> None:
    gates.open["a"].set()
    query = "query($is: Boolean!) { item { name ... @defer(if: $is) { late } } }"
    for is_deferred, count in ((False, 1), (True, 2)):
        async with asked(transport, server.url, query, **{"is": is_deferred}) as parts:
            found = [part async for part in parts]
        assert len(found) == count
        assert merged(found) == {"data": {"item": {"name": "a", "late": "late a"}}}


@every_transport
@pytest.mark.parametrize(
    ("token", "codes"),
    [("alice/toys.price", []), ("alice", ["FORBIDDEN"] * 2), (None, ["UNAUTHENTICATED"] * 2)],
)
async def test_permissions_hold_for_each_part(
    transport: str, token: str | None, codes: list[str], server: ToyServer, gates: Gates
) -> None:
    async with asked(transport, server.url, PRICED, token) as parts:
        first, *later = [part async for part in parts]
    assert first["data"] == {"item": {"name": "a"}}
    entries = [
        each for part in later for each in (*part.get("incremental", []), *part["completed"])
    ]
    errors = [error for each in entries for error in each.get("errors", [])]
    assert [error["extensions"]["code"] for error in errors] == codes
    assert ("exactPrice" in str([each.get("data") for each in entries])) is (not codes)


@every_transport
async def test_errors_of_a_part_are_masked(
    transport: str, server: ToyServer, gates: Gates, caplog: pytest.LogCaptureFixture
) -> None:
    query = "{ item { name ... @defer { broken } ... @defer { missing } } }"
    async with asked(transport, server.url, query) as parts:
        found = [part async for part in parts]
    errors = {error["path"][-1]: error for error in merged(found)["errors"]}
    assert errors["broken"]["extensions"]["code"] == "INTERNAL"
    assert errors["missing"]["extensions"]["code"] == "NOT_FOUND"
    assert "a secret" not in str(found)
    assert "a secret" in caplog.text


@every_transport
@pytest.mark.parametrize(
    ("how", "code", "close_code"),
    [("expires", "TOKEN_EXPIRED", 4403), ("is revoked", "TOKEN_REVOKED", 4401)],
)
async def test_nothing_more_leaves_when_the_token_ends(
    how: str, code: str, close_code: int, transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with toy_server(clock, parts_schema.schema, operation_seconds=2 * LIFE) as server:
        async with asked(transport, server.url, DEFERRED, KEEPER) as parts:
            await anext(parts)
            await gates.reached["a"].wait()
            if how == "expires":
                clock.move(LIFE)
            else:
                await server.happen(session_revoked("alice", "s1"))
            found = [part async for part in parts]
        await until(lambda: gates.cancelled == ["a"])
        await is_released(server)
    if transport == "websocket":
        assert found == [{"closed": close_code}]
    else:
        [last] = found
        [ended] = last.pop("completed")
        assert last == {"hasNext": False}
        assert (ended["id"], ended["errors"][0]["extensions"]["code"]) == ("0", code)


@every_transport
async def test_roles_that_are_revoked_between_two_parts_do_not_count_for_the_second(
    transport: str, clock: MovedClock, gates: Gates
) -> None:
    query = "{ item { name ... @defer { late other { price } } } }"
    gates.open["item 0"].set()
    query = "{ items(count: 2) @stream(initialCount: 1) { name price } }"
    async with (
        toy_server(clock, parts_schema.schema, on_role_change="downgrade") as server,
        asked(transport, server.url, query, KEEPER) as parts,
    ):
        assert (await anext(parts))["data"] == {"items": [{"name": "0", "price": 7}]}
        await server.happen(roles_changed("alice", 2, ["child"]))
        await until(lambda: len(server.follower._revocations) == 1)
        gates.open["item 1"].set()
        found = [part async for part in parts]
    [entry] = [each for part in found for each in part.get("incremental", [])]
    assert entry["items"] == [{"name": "1", "price": None}]
    assert [error["extensions"]["code"] for error in entry["errors"]] == ["FORBIDDEN"]


@every_transport
async def test_all_parts_have_the_time_of_one_operation(
    transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with toy_server(clock, parts_schema.schema, operation_seconds=5) as server:
        async with asked(transport, server.url, STREAMED) as parts:
            await gates.reached["item 0"].wait()
            clock.move(3)
            gates.open["item 0"].set()
            found = [await anext(parts)]
            await gates.reached["item 1"].wait()
            clock.move(2)
            found += [part async for part in parts]
            await gates.reached["the end of items"].wait()
        await is_released(server)
    [error] = merged(found)["errors"]
    assert error["extensions"]["code"] == "TIMEOUT"
    assert found[-1]["hasNext"] is False
    assert gates.cancelled == ["item 1"]


@every_transport
async def test_a_client_that_leaves_cancels_the_rest(
    transport: str, server: ToyServer, gates: Gates
) -> None:
    async with asked(transport, server.url, DEFERRED) as parts:
        await anext(parts)
        await gates.reached["a"].wait()
    await until(lambda: gates.cancelled == ["a"])
    await is_released(server)


async def test_a_client_may_end_one_operation_of_its_socket(
    server: ToyServer, gates: Gates
) -> None:
    async with parts_schema.WebSocketClient.open(server.url) as client:
        await client.init()
        await client.subscribe("1", DEFERRED)
        assert (await client.receive())["payload"]["hasNext"]
        await gates.reached["a"].wait()
        await client.send({"type": "complete", "id": "1"})
        await until(lambda: gates.cancelled == ["a"])
        await client.subscribe("1", "{ item { name } }")
        assert (await client.receive())["payload"] == {"data": {"item": {"name": "a"}}}


@every_transport
async def test_a_server_that_stops_lets_the_answer_finish(
    transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with (
        toy_server(clock, parts_schema.schema, drain_seconds=3) as server,
        asked(transport, server.url, DEFERRED) as parts,
    ):
        found = [await anext(parts)]
        await gates.reached["a"].wait()
        server.stop()
        await until(lambda: clock.waiting > 1)
        clock.move(2.9)
        gates.open["a"].set()
        found.append(await anext(parts))
    assert merged(found) == {"data": {"item": {"name": "a", "late": "late a"}}}


@every_transport
async def test_a_server_that_stops_ends_an_answer_that_takes_too_long(
    transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with (
        toy_server(clock, parts_schema.schema, drain_seconds=3) as server,
        asked(transport, server.url, DEFERRED) as parts,
    ):
        await anext(parts)
        await gates.reached["a"].wait()
        waiting = clock.waiting
        server.stop()
        await until(lambda: clock.waiting > waiting)
        clock.move(3)
        found = [part async for part in parts]
    if transport == "websocket":
        assert found == [{"closed": 1012}]
    else:
        assert [each["errors"][0]["extensions"]["code"] for each in found[0]["completed"]] == [
            "DRAINING"
        ]


WHOLE = [
    "application/json",
    "*/*",
    "application/graphql-response+json",
    "multipart/mixed;deferSpec=20220824,application/json",
    "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json",
    "multipart/mixed;incrementalSpec=v0.1,application/json",
    "multipart/mixed;q=0,application/json",
]
IN_PARTS = [
    "multipart/mixed",
    "multipart/mixed;incrementalSpec=v0.2,application/graphql-response+json,application/json",
    'multipart/mixed; incrementalSpec="v0.2"',
    "multipart/mixed;deferSpec=20220824,multipart/mixed;incrementalSpec=v0.2",
    # urql's
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream,"
    " multipart/mixed",
]


@pytest.mark.parametrize("accept", WHOLE)
async def test_a_client_that_takes_no_parts_gets_the_whole_answer(
    accept: str, server: ToyServer, gates: Gates
) -> None:
    gates.open["a"].set()
    async with httpx2.AsyncClient() as client:
        for _ in range(3):
            response = await client.post(
                server.url, json={"query": DEFERRED}, headers={"accept": accept}
            )
            assert response.json() == {"data": {"item": {"name": "a", "late": "late a"}}}
            assert "json" in response.headers["content-type"]
    # It is compiled, like any other.
    assert not server.pipeline.engine.fallbacks


@pytest.mark.parametrize("accept", IN_PARTS)
async def test_a_client_that_takes_parts_gets_them(
    accept: str, server: ToyServer, gates: Gates
) -> None:
    gates.open["a"].set()
    async with httpx2.AsyncClient() as client:
        response = await client.post(
            server.url, json={"query": DEFERRED}, headers={"accept": accept}
        )
    assert (
        response.headers["content-type"]
        == 'multipart/mixed; boundary="graphql"; incrementalSpec=v0.2'
    )
    assert response.headers["cache-control"] == "no-store, no-transform"
    assert response.text.endswith("\r\n--graphql--\r\n")


async def test_a_subscription_is_answered_whole(server: ToyServer, gates: Gates) -> None:
    gates.open["event"].set()
    query = "subscription { item { name ... @defer(if: false) { late } } }"
    async with asked("websocket", server.url, query) as parts:
        answers: list[Any] = [part["data"] async for part in parts]
    assert answers == [{"item": {"name": "event", "late": "late event"}}]


async def test_a_get_request_may_ask_for_parts(server: ToyServer, gates: Gates) -> None:
    gates.open["a"].set()
    async with httpx2.AsyncClient() as client:
        response = await client.get(
            server.url, params={"query": DEFERRED}, headers={"accept": ACCEPT}
        )
        head = await client.head(server.url, params={"query": DEFERRED}, headers={"accept": ACCEPT})
    assert "multipart/mixed" in response.headers["content-type"]
    assert (head.status_code, head.text) == (200, "")
    assert "multipart/mixed" in head.headers["content-type"]


@every_transport
async def test_operations_in_parts_are_counted(
    transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with (
        toy_server(clock, parts_schema.schema, max_operations_per_address=1) as server,
        asked(transport, server.url, DEFERRED) as parts,
    ):
        await anext(parts)
        async with asked(transport, server.url, DEFERRED) as others:
            refused = await anext(others)
        assert refused["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_each_place_that_is_announced_counts(clock: MovedClock) -> None:
    lists = "{ item { others { others { %s } } } }"
    costs = {}
    async with toy_server(clock, parts_schema.schema, max_objects=1) as server:
        for inner in (
            "name",
            "... @defer { name }",
            "name ... @defer { name } ... @defer { late }",
        ):
            answer = await anext(over_http(server.url, lists % inner))  # type: ignore[type-var]
            costs[inner] = answer["errors"][0]["extensions"]["cost"]
    plain, once, twice = costs.values()
    places = PLAIN_LIST * PLAIN_LIST
    assert (once - plain, twice - plain) == (places, 2 * places)


@every_transport
async def test_variables_that_do_not_fit_are_refused(
    transport: str, server: ToyServer, gates: Gates
) -> None:
    query = "query($name: String!) { item(name: $name) { ... @defer { late } } }"
    async with asked(transport, server.url, query, name=1) as parts:
        [refused] = [part async for part in parts]
    assert "data" not in refused
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("by", SERVERS)
@pytest.mark.parametrize("transport", ["multipart", "sse", "websocket"])
async def test_other_servers_deliver_parts_as_they_come(
    by: str, transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with (
        toy_server(clock, parts_schema.schema, by=by) as server,
        asked(transport, server.url, DEFERRED) as parts,
    ):
        found = [await anext(parts)]
        await asyncio.wait_for(gates.reached["a"].wait(), 10)
        gates.open["a"].set()
        found += [part async for part in parts]
    assert merged(found) == {"data": {"item": {"name": "a", "late": "late a"}}}
