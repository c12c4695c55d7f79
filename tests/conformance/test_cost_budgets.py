"""What an operation costs is charged to its caller before it runs, over every transport, and each event too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from tests.conformance.live import every_transport as every_stream
from tests.conformance.live import live
from tests.conformance.test_operations import every_transport, first
from tests.support import toy_schema
from tests.support.clients import TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.shop import schema, world
from tests.support.toy_server import toy_server, until
from watchword.auth.revocation.identity_events import session_revoked
from watchword.throttling.budgets import WINDOW

# What the operations below cost at most, and what a caller has for a minute.
BUDGET = 20
LIMITS = {"max_cost": BUDGET, "budget_per_principal": BUDGET, "budget_per_address": BUDGET}
TEN = "{ toys(first: 10) { id } }"
SIZED = "query ($first: Int!) { toys(first: $first) { id } }"
# Ten objects for each event.
EVENT = "subscription { made { " + "inner { " * 9 + "id" + " }" * 9 + " } }"


def to_the_next_minute(clock: MovedClock) -> float:
    return WINDOW - clock.now() % WINDOW


def is_over_budget(answer: dict[str, Any], cost: int) -> bool:
    [error] = answer["errors"]
    told = error["extensions"]
    assert 0 < told.pop("retryAfter") <= WINDOW
    return bool(told == {"code": "RATE_LIMITED", "cost": cost, "budget": BUDGET})


@every_transport
@pytest.mark.parametrize("token", [None, "alice"])
async def test_an_operation_that_costs_more_than_is_left_is_refused_until_the_next_minute(
    transport: str, token: str | None, clock: MovedClock
) -> None:
    async with toy_server(clock, **LIMITS) as server:
        for _ in range(2):
            assert "errors" not in await first(transport, server.url, TEN, token)
        assert is_over_budget(await first(transport, server.url, TEN, token), 10)
        assert is_over_budget(await first(transport, server.url, "{ hello }", token), 1)
        # Others have budgets of their own.
        assert "errors" not in await first(transport, server.url, TEN, "bob")
        clock.move(to_the_next_minute(clock))
        assert "errors" not in await first(transport, server.url, TEN, token)


async def test_all_transports_spend_one_budget(clock: MovedClock) -> None:
    async with toy_server(clock, **LIMITS) as server:
        fifth = "{ toys(first: 4) { id } }"
        for transport in TRANSPORTS:
            assert "errors" not in await first(transport, server.url, fifth, "alice")
        assert "errors" not in await first("http", server.url, fifth, "alice")
        for transport in TRANSPORTS:
            assert is_over_budget(await first(transport, server.url, fifth, "alice"), 4)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        ("application/graphql-response+json", "application/graphql-response+json"),
        ("text/event-stream", "application/json"),
        ("multipart/mixed", "application/json"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_over_http_the_status_is_429_and_the_header_says_when_to_come_back(
    method: str, accept: str, media_type: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, **LIMITS) as server,
        httpx2.AsyncClient(headers={"accept": accept}) as client,
    ):
        sent: dict[str, Any] = {"json" if method == "POST" else "params": {"query": TEN}}
        for _ in range(2):
            assert (await client.request(method, server.url, **sent)).status_code == 200
        refused = await client.request(method, server.url, **sent)
    assert refused.status_code == 429
    assert refused.headers["content-type"].partition(";")[0] == media_type
    [error] = refused.json()["errors"]
    assert refused.headers["retry-after"] == str(error["extensions"]["retryAfter"])


@every_transport
async def test_a_cost_that_variables_decide_is_charged_as_they_decide(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock, **LIMITS) as server:
        for size in (12, 7):
            answer = await first(transport, server.url, SIZED, variables={"first": size})
            assert len(answer["data"]["toys"]) == size
        assert is_over_budget(await first(transport, server.url, SIZED, variables={"first": 7}), 7)
        answer = await first(transport, server.url, SIZED, variables={"first": 1})
        assert len(answer["data"]["toys"]) == 1


@every_transport
async def test_a_document_that_cannot_be_run_costs_what_the_cheapest_operation_does(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock, **LIMITS) as server:
        for number in range(BUDGET):
            answer = await first(transport, server.url, f"{{ nothing{number} }}")
            assert answer["errors"][0]["extensions"]["code"] != "RATE_LIMITED"
        made = server.pipeline.engine.planner.made
        assert is_over_budget(await first(transport, server.url, "{ nothing }"), 1)
        # It is refused before it is read.
        assert server.pipeline.engine.planner.made == made


@every_transport
async def test_a_shared_answer_costs_what_it_would_cost_by_itself(
    transport: str, clock: MovedClock
) -> None:
    world.__init__()  # type: ignore[misc]
    async with toy_server(clock, schema, max_cost=10, budget_per_address=10) as server:
        await server.pipeline.services.hub.look()
        for _ in range(10):
            assert "errors" not in await first(transport, server.url, "{ item { price } }")
        assert server.pipeline.shared.counts["kept"] == 8
        [error] = (await first(transport, server.url, "{ item { price } }"))["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"


@every_stream
@pytest.mark.parametrize("token", [None, "alice"])
async def test_each_event_is_charged_and_one_that_cannot_be_paid_comes_in_the_next_minute(
    transport: str, token: str | None, clock: MovedClock
) -> None:
    clock.move(to_the_next_minute(clock))
    async with (
        toy_server(clock, **LIMITS) as server,
        live(transport, server, EVENT, token) as mine,
    ):
        await server.followed(1)
        await server.publish("a", "b")
        # The subscription itself has cost 1, and the first event 10.
        await mine.until(2)
        assert is_over_budget(mine.answers[1], 10)
        assert mine.answers[1]["data"] is None
        assert "errors" not in mine.answers[0]
        clock.move(to_the_next_minute(clock))
        await mine.until(3)
        await server.publish("c")
        await mine.until(4)
        assert all(each["data"]["made"] for each in mine.answers[2:])


@every_stream
async def test_the_members_of_a_group_pay_for_each_event_together(
    transport: str, clock: MovedClock
) -> None:
    clock.move(to_the_next_minute(clock))
    async with toy_server(clock, **LIMITS) as server, AsyncExitStack() as stack:
        members = [
            await stack.enter_async_context(live(transport, server, EVENT, name))
            for name in ("alice", "bob")
        ]
        await until(lambda: server.pipeline.groups.sizes == [2])
        # Each has paid 1 for the subscription, and pays 5 for each event: 3 are possible.
        for number, key in enumerate("abc", start=1):
            await server.publish(key)
            await asyncio.gather(*(each.until(number) for each in members))
        assert not any("errors" in each for member in members for each in member.answers)
        assert server.pipeline.groups.sizes == [2]
        await server.publish("d")
        await asyncio.gather(*(each.until(4) for each in members))
        assert all(is_over_budget(each.answers[3], 10) for each in members)
        clock.move(to_the_next_minute(clock))
        await asyncio.gather(*(each.until(5) for each in members))
        # Nobody has lost an event, or was sent one twice.
        for each in members:
            ends = [str(answer["data"]["made"])[-30:] for answer in each.answers if answer["data"]]
            assert [end[end.index("'id': '") + 7] for end in ends] == [*"abcd"]


@every_stream
async def test_a_subscriber_that_waits_for_its_budget_ends_with_its_token(
    transport: str, clock: MovedClock
) -> None:
    clock.move(to_the_next_minute(clock))
    async with (
        toy_server(clock, **LIMITS) as server,
        live(transport, server, EVENT, "alice") as mine,
    ):
        await server.followed(1)
        await server.publish("a", "b")
        await mine.until(2)
        await server.happen(session_revoked("alice", "alice"))
        assert await mine.ended() == "TOKEN_REVOKED"
        assert len(mine.answers) == 2


class Stored(SchemaExtension):
    """Finds the document by what else the request says."""

    def on_operation(self) -> Iterator[None]:
        if self.execution_context.query is None:
            self.execution_context.query = TEN
        yield


STORED = strawberry.Schema(
    toy_schema.Query, toy_schema.Mutation, toy_schema.Subscription, extensions=[Stored]
)


async def test_a_document_that_an_extension_finds_is_charged_when_it_is_found(
    clock: MovedClock,
) -> None:
    async with (
        toy_server(clock, STORED, max_cost=30, budget_per_address=30) as server,
        httpx2.AsyncClient() as client,
    ):
        sent = {"extensions": {"document": "ten"}}
        for _ in range(2):
            assert (await client.post(server.url, json=sent)).json()["data"]["toys"]
        refused = await client.post(server.url, json=sent)
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["cost"] == 10
