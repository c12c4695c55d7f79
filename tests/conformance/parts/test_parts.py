"""Answers in parts, over every transport that has them: what arrives when, and who may see it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support import parts_schema
from tests.support.clock import MovedClock
from tests.support.other_servers import SERVERS
from tests.support.parts_schema import DEFERRED, Gates, asked, is_released, merged
from tests.support.toy_server import ToyServer, toy_server

every_transport = pytest.mark.parametrize("transport", ["multipart", "sse", "websocket"])
PRICED = "{ item { name ... @defer { price } ... @defer { exactPrice } } }"
STREAMED = "{ items @stream(initialCount: 1) { name } }"
# What is pending after the first part of `DEFERRED`.
PENDING = [{"id": "0", "path": ["item"], "label": "later"}]


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


async def test_a_subscription_is_answered_whole(server: ToyServer, gates: Gates) -> None:
    gates.open["event"].set()
    query = "subscription { item { name ... @defer(if: false) { late } } }"
    async with asked("websocket", server.url, query) as parts:
        answers: list[Any] = [part["data"] async for part in parts]
    assert answers == [{"item": {"name": "event", "late": "late event"}}]


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
