"""A query with a cursor gets nothing older, over every transport, and each mutation says the cursors of what it wrote."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from tests.conformance.test_operations import every_transport, first
from tests.support import shop
from tests.support.clock import MovedClock
from tests.support.shop import PRICES, STAFF, Shop, world
from tests.support.toy_server import ToyServer, toy_server
from watchword.context import Info
from watchword.events.event import Event
from watchword.permissions.field import Public

ITEM = "{ item { price } }"
BEFORE, AFTER = {"data": {"item": {"price": 1}}}, {"data": {"item": {"price": 7}}}


@strawberry.type
class Mutation(shop.Mutation):
    @strawberry.mutation(permission_classes=[Public])
    async def hire(self, info: Info) -> int | None:
        for streams in ((STAFF, PRICES), (PRICES,), ("unwatched",)):
            async with info.context.write() as unit:
                for stream in streams:
                    unit.publish(Event(stream, "item", "CHANGED"))
        return 1


CONFIG = StrawberryConfig(batching_config={"max_operations": 5})
SCHEMA = strawberry.Schema(shop.Query, Mutation, shop.Subscription, config=CONFIG)


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    """A server that has kept the answer to `ITEM`."""
    world.__init__()  # type: ignore[misc]
    async with toy_server(clock, SCHEMA) as made:
        await made.pipeline.services.hub.look()
        for _ in range(2):
            assert await first("http", made.url, ITEM) == BEFORE
        yield made


@every_transport
async def test_an_answer_is_not_older_than_the_cursor_of_a_request(
    transport: str, server: ToyServer
) -> None:
    cursor = await Shop(server.pipeline).happen_unheard(7)
    assert await first(transport, server.url, ITEM) == BEFORE
    assert await first(transport, server.url, ITEM, extensions={"after": cursor}) == AFTER


async def test_an_answer_to_get_is_not_older_than_the_cursor_of_its_request(
    server: ToyServer,
) -> None:
    cursor = await Shop(server.pipeline).happen_unheard(7)
    extensions = json.dumps({"after": [cursor]})
    async with httpx2.AsyncClient() as client:
        got = await client.get(server.url, params={"query": ITEM})
        assert got.json() == BEFORE
        asked = {"query": ITEM, "extensions": extensions}
        tag = {"if-none-match": got.headers["etag"]}
        assert (await client.get(server.url, params=asked, headers=tag)).json() == AFTER


async def test_an_answer_of_a_batch_is_not_older_than_the_cursor_of_its_operation(
    server: ToyServer,
) -> None:
    cursor = await Shop(server.pipeline).happen_unheard(7)
    asked: list[dict[str, Any]] = [
        {"query": ITEM},
        {"query": ITEM, "extensions": {"after": cursor}},
    ]
    async with httpx2.AsyncClient() as client:
        assert (await client.post(server.url, json=asked[:1])).json() == [BEFORE]
        assert (await client.post(server.url, json=asked[1:])).json() == [AFTER]


@every_transport
async def test_a_mutation_says_the_newest_cursor_of_each_stream_that_it_wrote(
    transport: str, server: ToyServer
) -> None:
    answer = await first(transport, server.url, "mutation { hire }")
    log = server.pipeline.services.event_log
    heads = await log.heads([STAFF, PRICES, "unwatched"])
    given = {
        stream: log.cursors.read_named(text)
        for stream, text in answer["extensions"]["cursors"].items()
    }
    assert {stream: each.place for stream, each in given.items()} == heads
    assert heads[PRICES].position == 2
    assert all((each.stream, each.key) == (stream, None) for stream, each in given.items())
