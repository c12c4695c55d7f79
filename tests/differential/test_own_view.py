"""The same operations through Strawberry's own view and through a mounted Watchword: the answers are the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from tests.support.clock import MovedClock
from tests.support.strawberry_view import TRANSPORTS, Operation, both_views, comparable
from watchword.permissions.field import Public


@strawberry.type
class Box:
    size: int

    @strawberry.field
    def twice(self) -> int:
        return 2 * self.size

    @strawberry.field
    def refused(self) -> int | None:
        raise GraphQLError("This is meant for you.", extensions={"reason": "test"})


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    async def boxes(self, sizes: list[int]) -> list[Box]:
        return [Box(size=size) for size in sizes]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    def pack(self, size: int) -> Box:
        return Box(size=size)


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def packed(self, to: int) -> AsyncIterator[Box]:
        for size in range(to):
            yield Box(size=size)


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)
QUERY = "query Q($sizes: [Int!]!) { boxes(sizes: $sizes) { size twice refused __typename } }"
OPERATIONS = {
    "a query": Operation(QUERY, {"sizes": [1, 2]}),
    "an operation with a name": Operation(
        "query A { boxes(sizes: 1) { size } } query B { boxes(sizes: 2) { size } }", name="B"
    ),
    "a mutation": Operation("mutation { pack(size: 3) { twice refused } }"),
    "a field that is not there": Operation("{ boxes(sizes: []) { colour } }"),
    "a variable that does not fit": Operation(QUERY, {"sizes": ["many"]}),
    "a document that is cut short": Operation("{ boxes(sizes: 1) {"),
    "introspection": Operation('{ __type(name: "Box") { fields { name } } }'),
    "a subscription": Operation("subscription { packed(to: 3) { twice refused } }"),
    "a subscription that cannot be opened": Operation("subscription { packed(to: many) { size } }"),
}
# GraphQL over HTTP allows no mutation with GET, and subscriptions need a stream: each view has its own words for that.
# Strawberry closes a whole socket for one document that cannot be parsed; Watchword ends that operation with an error.
APART = {
    ("a mutation", "get"),
    ("a subscription", "get"),
    ("a subscription", "http"),
    ("a document that is cut short", "websocket"),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_both_answer_alike(transport: str, sqlite_url: str, clock: MovedClock) -> None:
    async with both_views(SCHEMA, sqlite_url, clock) as (theirs, ours):
        for name, operation in OPERATIONS.items():
            if (name, transport) in APART or not is_streamed_by_theirs(operation, transport):
                continue
            expected = await theirs.ask(operation, transport)
            assert await ours.ask(operation, transport) == expected, name


def is_streamed_by_theirs(operation: Operation, transport: str) -> bool:
    """Tell whether Strawberry's view has a use for this transport: it makes multipart of subscriptions only."""
    return transport != "multipart" or operation.query.startswith("subscription")


def test_a_closed_socket_and_a_status_are_compared_as_they_are() -> None:
    for answer in ({"closed": 4400, "reason": "why"}, {"status": 405}):
        assert comparable(answer) == answer


def test_what_only_watchword_adds_is_not_compared() -> None:
    ours = {
        "errors": [{"message": "no", "extensions": {"code": "FORBIDDEN", "reason": "r"}}],
        "extensions": {"cursors": {}, "tracing": 1},
    }
    theirs = {
        "data": None,
        "errors": [{"message": "no", "extensions": {"reason": "r"}}],
        "extensions": {"tracing": 1},
    }
    assert comparable(ours) == comparable(theirs)
    other = {**theirs, "errors": [{"message": "no", "extensions": {"reason": "another"}}]}
    assert comparable(ours) != comparable(other)


BATCHING = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    config=StrawberryConfig(batching_config={"max_operations": len(OPERATIONS)}),
)
BATCHED = [
    {"query": operation.query, **operation.rest}
    for name, operation in OPERATIONS.items()
    if not name.startswith("a subscription")
]


async def test_a_batch_is_answered_alike(sqlite_url: str, clock: MovedClock) -> None:
    async with (
        both_views(BATCHING, sqlite_url, clock) as views,
        httpx2.AsyncClient() as client,
    ):
        for batch in (BATCHED, BATCHED[:1], BATCHED[::-1], []):
            told = [await client.post(view.url, json=batch) for view in views]
            assert [each.status_code for each in told] == [200, 200]
            theirs, ours = ([comparable(one) for one in each.json()] for each in told)
            assert ours == theirs
        for body in (BATCHED * 2, [{"query": None}], [{}]):
            statuses = [(await client.post(view.url, json=body)).status_code for view in views]
            assert statuses == [400, 400]
        stream = {"accept": "text/event-stream"}
        for view in views:
            refused = await client.post(view.url, json=BATCHED, headers=stream)
            assert refused.status_code == 400


async def test_a_batch_is_refused_alike_where_it_is_not_enabled(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with both_views(SCHEMA, sqlite_url, clock) as views, httpx2.AsyncClient() as client:
        for view in views:
            refused = await client.post(view.url, json=BATCHED)
            assert refused.status_code == 400
            assert "Batching is not enabled" in refused.text
