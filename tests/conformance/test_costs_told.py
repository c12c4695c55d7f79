"""A caller that asks is told what its answer has cost, over every transport, for shared answers and events too."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest

from tests.conformance.live import every_transport as every_stream
from tests.conformance.live import live
from tests.conformance.test_operations import every_transport, first
from tests.support.clock import MovedClock
from tests.support.shop import schema, world
from tests.support.toy_server import toy_server, until
from watchword.throttling.budgets import WINDOW

ASKS: dict[str, Any] = {"extensions": {"cost": True}}
SIZED = "query ($first: Int!) { toys(first: $first) { id } toy(id: \"none\") { id } }"  # fmt: skip
EVENT = "subscription { made { id inner { id } } }"


@every_transport
async def test_the_estimate_and_the_actual_cost_are_told(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        sent: dict[str, Any] = {"variables": {"first": 7}}
        told = await first(transport, server.url, SIZED, **sent, **ASKS)
        plain = await first(transport, server.url, SIZED, **sent)
    # The toy that does not exist was estimated too.
    assert told.pop("extensions") == {"cost": {"estimated": 8, "actual": 7}}
    assert told == plain


@every_transport
async def test_with_a_budget_it_is_told_what_is_left(transport: str, clock: MovedClock) -> None:
    clock.move(WINDOW - clock.now() % WINDOW + 20)
    limits = {"max_cost": 20, "budget_per_principal": 50, "budget_per_address": 20}
    async with toy_server(clock, **limits) as server:
        answer = await first(transport, server.url, "{ toys(first: 7) { id } }", "alice", **ASKS)
    assert answer["extensions"]["cost"] == {
        "estimated": 7,
        "actual": 7,
        "budget": 50,
        "remaining": 43,
        "resetAfter": 40,
    }


@every_transport
async def test_a_shared_answer_tells_it_to_those_that_ask(
    transport: str, clock: MovedClock
) -> None:
    world.__init__()  # type: ignore[misc]
    async with toy_server(clock, schema) as server:
        await server.pipeline.services.hub.look()
        for _ in range(3):
            told = await first(transport, server.url, "{ item { price } }", **ASKS)
            plain = await first(transport, server.url, "{ item { price } }")
            assert told.pop("extensions") == {"cost": {"estimated": 1, "actual": 1}}
            assert told == plain
        assert server.pipeline.shared.counts["kept"] > 0


async def test_over_get_the_answer_that_tells_it_is_not_kept_by_anybody(clock: MovedClock) -> None:
    asked = {"query": "{ hello }", "extensions": '{"cost": true}'}
    async with toy_server(clock) as server, httpx2.AsyncClient() as client:
        told = await client.get(server.url, params=asked)
    assert told.json()["extensions"]["cost"]["estimated"] == 0
    assert "etag" not in told.headers
    assert "no-store" in told.headers["cache-control"]


@every_stream
async def test_each_event_tells_it_alone_and_in_a_group(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        asking = [
            await stack.enter_async_context(live(transport, server, EVENT, name, **ASKS))
            for name in ("alice", "bob")
        ]
        silent = await stack.enter_async_context(live(transport, server, EVENT, "carol"))
        await until(lambda: server.pipeline.groups.sizes == [2])
        await server.publish("a")
        for each in asking:
            await each.until(1)
            assert each.answers[0]["extensions"]["cost"] == {"estimated": 2, "actual": 2}
        await silent.until(1)
        assert "cost" not in silent.answers[0]["extensions"]


@pytest.mark.parametrize("transport", ["http", "sse", "multipart"])
@pytest.mark.parametrize("asked", ["yes", 1, {}])
async def test_anything_but_true_or_false_is_refused(
    transport: str, asked: object, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        answer = await first(transport, server.url, "{ hello }", extensions={"cost": asked})
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "path": ["extensions", "cost"]}
