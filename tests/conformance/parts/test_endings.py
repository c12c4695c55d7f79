"""How answers in parts end early, and what they count: tokens, roles, time, clients that leave, servers that stop."""

from __future__ import annotations

import pytest

from tests.support import parts_schema
from tests.support.clients import over_http
from tests.support.clock import MovedClock
from tests.support.parts_schema import DEFERRED, Gates, asked, begun, is_released, merged
from tests.support.toy_server import LIFE, ToyServer, toy_server, until
from watchword.auth.revocation.identity_events import roles_changed, session_revoked
from watchword.execution.cost.sizes import PLAIN_LIST

every_transport = pytest.mark.parametrize("transport", ["multipart", "sse", "websocket"])
KEEPER = "alice+keeper/toys.price_s1~1"
STREAMED = "{ items @stream(initialCount: 1) { name } }"


@every_transport
@pytest.mark.parametrize(
    ("how", "code", "close_code"),
    [("expires", "TOKEN_EXPIRED", 4403), ("is revoked", "TOKEN_REVOKED", 4401)],
)
async def test_nothing_more_leaves_when_the_token_ends(
    how: str, code: str, close_code: int, transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with toy_server(clock, parts_schema.schema, operation_seconds=2 * LIFE) as server:
        async with begun(transport, server, gates, KEEPER) as (_, parts):
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
    async with begun(transport, server, gates):
        pass
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
        begun(transport, server, gates) as (first, parts),
    ):
        server.stop()
        await until(lambda: clock.waiting > 1)
        clock.move(2.9)
        gates.open["a"].set()
        found = [first, await anext(parts)]
    assert merged(found) == {"data": {"item": {"name": "a", "late": "late a"}}}


@every_transport
async def test_a_server_that_stops_ends_an_answer_that_takes_too_long(
    transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with (
        toy_server(clock, parts_schema.schema, drain_seconds=3) as server,
        begun(transport, server, gates) as (_, parts),
    ):
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


@every_transport
async def test_operations_in_parts_are_counted(
    transport: str, clock: MovedClock, gates: Gates
) -> None:
    async with (
        toy_server(clock, parts_schema.schema, max_operations_per_address=1) as server,
        begun(transport, server, gates),
    ):
        async with asked(transport, server.url, DEFERRED) as others:
            refused = await anext(others)
        assert refused["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_each_place_that_is_announced_counts(clock: MovedClock) -> None:
    lists = "{ item { others { others { %s } } } }"
    costs = {}
    async with toy_server(clock, parts_schema.schema, max_cost=1) as server:
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
