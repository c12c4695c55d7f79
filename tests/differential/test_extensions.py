"""Schema extensions see the same, in the same order, under Strawberry's own view and under Watchword; answers are alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from inspect import isawaitable
from typing import Any

import httpx2
import pytest
import strawberry
from graphql import GraphQLError
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import SchemaExtension

from tests.differential.leaf import Leaf, Mutation
from tests.differential.recorder import PLACES, Record, recording
from tests.support.clock import MovedClock
from tests.support.strawberry_view import (
    Operation,
    both_views,
    comparable,
    own_view,
    watchword_view,
)
from watchword.permissions.field import Public


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def leaves(self, names: list[str]) -> list[Leaf]:
        return [Leaf(name=name) for name in names]

    @strawberry.field(permission_classes=[Public])
    def crash(self) -> int | None:
        raise RuntimeError("a secret")


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def grown(self, to: int) -> AsyncIterator[Leaf]:
        for number in range(to):
            yield Leaf(name=f"leaf {number}")


def schema(*extensions: Any, **options: Any) -> strawberry.Schema:
    return strawberry.Schema(Query, Mutation, Subscription, extensions=extensions, **options)


QUERY = "query Q($names: [String!]!) { leaves(names: $names) { name later(times: 2) } }"
OPERATIONS = {
    "a query": Operation(QUERY, {"names": ["a", "b"]}),
    "errors of fields": Operation('{ leaves(names: ["a"]) { name broken } }'),
    "a mutation": Operation('mutation { grow(name: "c") { name } }'),
    "a name": Operation(f"{QUERY} query Other {{ crash }}", {"names": ["a"]}, "Q"),
    "invalid": Operation("{ leaves { colour } }"),
    "cut short": Operation("{ leaves("),
    "a bad variable": Operation(QUERY, {"names": 3.5}),
    "introspection": Operation('{ __type(name: "Leaf") { name } }'),
}
SUBSCRIPTIONS = {
    "a subscription": Operation("subscription S { grown(to: 2) { name broken } }"),
    "an invalid subscription": Operation("subscription { grown(to: many) { name } }"),
}


async def both(
    make: Any, operation: Operation, transport: str, url: str, clock: MovedClock
) -> tuple[tuple[Any, Record], tuple[Any, Record]]:
    """Return the answers and the record of each view, for three rounds, by extensions that `make` makes for a record."""
    results = []
    theirs: Record = []
    async with own_view(schema(*make(theirs))) as view:
        answers = [await view.ask(operation, transport) for _ in range(3)]
        results.append((answers, theirs))
    ours: Record = []
    async with watchword_view(schema(*make(ours)), url, clock) as view:
        answers = [await view.ask(operation, transport) for _ in range(3)]
        results.append((answers, ours))
    return results[0], results[1]


def two(record: Record) -> list[Any]:
    return [recording(record, "1 "), lambda: recording(record, "2 ")()]


# What cannot be run is refused before there is an answer: the message `error` has no place for what extensions say,
# and Strawberry's view asks them twice for it.
REFUSED = ("invalid", "cut short", "a bad variable")


def without_extensions(answers: list[list[Any]]) -> list[Any]:
    return [{k: v for k, v in each.items() if k != "extensions"} for [each] in answers]


# What Strawberry's view does not do over every transport with an operation that is refused: it asks for results twice,
# and closes the stream of a WebSocket's operation before the hooks have ended.
UNEVEN = ("get_results", "on_stream_result begin", "on_operation end")


def evened(record: Record) -> Record:
    return [each for each in record if not each[0].endswith(UNEVEN)]


def streams(operation: str, transport: str) -> bool:
    return operation in REFUSED and transport in ("websocket", "sse")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("transport", ["http", "get", "websocket", "sse"])
async def test_hooks_see_the_same_in_the_same_order(
    operation: str, transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    if (operation, transport) == ("a mutation", "get"):
        return  # no mutation is run with GET, and each view has its own words for that
    theirs, ours = await both(two, OPERATIONS[operation], transport, sqlite_url, clock)
    if (operation, transport) == ("cut short", "websocket"):
        # Strawberry closes the whole socket, and does not end the operation's hooks.
        assert [each["closed"] for [each] in theirs[0]] == [4400] * 3
        assert ours[1][-1][0] == "1 on_operation end"
    elif streams(operation, transport):
        assert without_extensions(ours[0]) == without_extensions(theirs[0])
        assert evened(ours[1]) == evened(theirs[1])
    else:
        assert ours == theirs


@pytest.mark.parametrize("operation", SUBSCRIPTIONS)
@pytest.mark.parametrize("transport", ["websocket", "sse", "multipart"])
async def test_hooks_of_a_subscription_see_the_same_in_the_same_order(
    operation: str, transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    theirs, ours = await both(two, SUBSCRIPTIONS[operation], transport, sqlite_url, clock)
    if operation == "an invalid subscription":
        assert without_extensions(ours[0]) == without_extensions(theirs[0])
        assert evened(ours[1]) == evened(theirs[1])
    else:
        assert ours == theirs


def failing(place: str, error: type[Exception]) -> Any:
    def make(record: Record) -> list[Any]:
        return [
            recording(record, "1 "),
            recording(record, "2 ", place, error),
            recording(record, "3 "),
        ]

    return make


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("operation", ["a query", "invalid", "a mutation"])
async def test_an_error_in_a_hook_has_the_same_effect(
    place: str, operation: str, sqlite_url: str, clock: MovedClock
) -> None:
    made = failing(place, GraphQLError)
    theirs, ours = await both(made, OPERATIONS[operation], "http", sqlite_url, clock)
    if place == "get_results":
        assert theirs[0] == [[{"status": 500}]] * 3
        assert ours[1] == theirs[1]
    else:
        assert ours == theirs


class Waiting(SchemaExtension):
    """Makes each field one that is waited for, and passes on what the inner hooks raise."""

    async def resolve(self, _next: Any, *args: Any, **kwargs: Any) -> Any:
        value = _next(*args, **kwargs)
        return await value if isawaitable(value) else value


def failing_async(place: str, error: type[Exception]) -> Any:
    return lambda record: [Waiting, *failing(place, error)(record), Waiting]


RESOLVED = {
    "a root field": ("resolve leaves", "a query"),
    "a leaf": ("resolve name", "a query"),
    "a leaf that is waited for": ("resolve later", "a query"),
    "a leaf that may be null": ("resolve broken", "errors of fields"),
    "a mutation": ("resolve grow", "a mutation"),
    "a field of a mutation": ("resolve name", "a mutation"),
    "a field of an event": ("resolve name", "a subscription"),
    "a field of an event that may be null": ("resolve broken", "a subscription"),
}


@pytest.mark.parametrize("made", [failing, failing_async])
@pytest.mark.parametrize("stream", [None, "websocket", "sse"])
@pytest.mark.parametrize("field", RESOLVED)
async def test_an_error_that_resolve_raises_has_the_same_effect(
    field: str, stream: str | None, made: Any, sqlite_url: str, clock: MovedClock
) -> None:
    place, name = RESOLVED[field]
    transport = stream or ("multipart" if name in SUBSCRIPTIONS else "http")
    operation = (OPERATIONS | SUBSCRIPTIONS)[name]
    theirs, ours = await both(made(place, GraphQLError), operation, transport, sqlite_url, clock)
    assert ours == theirs
    assert f"failed at {place}" in str(ours[0])
    async with watchword_view(schema(*made(place, ValueError)([])), sqlite_url, clock) as view:
        answers = await view.ask(operation, transport)
        assert place not in str(answers)
        assert "Something went wrong on our side." in str(answers)


@pytest.mark.parametrize("place", PLACES)
async def test_what_an_unexpected_error_in_a_hook_says_reaches_no_client(
    place: str, sqlite_url: str, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    record: Record = []
    extended = schema(*failing(place, ValueError)(record))
    async with watchword_view(extended, sqlite_url, clock) as view:
        for transport in ("http", "websocket", "sse"):
            [answer] = await view.ask(OPERATIONS["a query"], transport)
            assert "failed" not in str(answer)
            if place == "on_operation end" and transport != "http":
                assert answer["data"] is not None  # the answer was made before
            else:
                [error] = answer["errors"]
                assert error["message"].startswith("Something went wrong on our side.")
    assert caplog.text.count(f"ValueError: failed at {place}") == 3


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def upper(value: DirectiveValue[str]) -> str:
    return value.upper()


@strawberry.directive(locations=[DirectiveLocation.FIELD], name="replace")
async def put(value: DirectiveValue[str], old: str, new: str = "?") -> str:
    return value.replace(old, new)


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def failing_one(value: DirectiveValue[str], info: strawberry.Info) -> str:
    raise GraphQLError(f"{info.field_name} failed.")


DIRECTED = [
    'query($old: String!) { leaves(names: ["aba"]) { name @replace(old: $old, new: "c") @upper later } }',
    'query($old: String!) { leaves(names: ["aba"]) { name @upper @replace(old: $old) } }',
    'query($old: String! = "a") { leaves(names: ["a"]) { name @include(if: true) later @failingOne } }',
    'query($old: String! = "a") { leaves(names: ["a"]) { name @replace(old: $old, new: 3) } }',
    'query($old: String! = "a") { leaves(names: ["a"]) { name @skip(if: true) later @lower } }',
]


@pytest.mark.parametrize("transport", ["http", "websocket", "sse"])
async def test_operation_directives_do_the_same(
    transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    directed = schema(directives=[upper, put, failing_one])
    async with both_views(directed, sqlite_url, clock) as (theirs, ours):
        subscription = "subscription { grown(to: 2) { name @upper } }"
        for query in (*DIRECTED, *([] if transport == "http" else [subscription])):
            operation = Operation(query, {"old": "b"} if "$old" in query else None)
            expected = await theirs.ask(operation, transport)
            for _ in range(3):
                assert await ours.ask(operation, transport) == expected


STORED = {
    "1": "{ leaves(names: []) { name } }",
    "2": 'mutation { grow(name: "a") { name } }',
    "3": "{",
}


class Stored(SchemaExtension):
    """Finds documents by an id in the request's extensions, as stores of persisted documents do."""

    def on_operation(self) -> Iterator[None]:
        given = (self.execution_context.operation_extensions or {}).get("id")
        if given is not None:
            self.execution_context.query = STORED[given]
        yield


async def test_a_request_without_a_document_is_answered_alike(
    sqlite_url: str, clock: MovedClock
) -> None:
    bodies: list[dict[str, Any]] = [{"extensions": {"id": id}} for id in STORED]
    async with (
        both_views(schema(Stored), sqlite_url, clock) as views,
        httpx2.AsyncClient() as client,
    ):
        for body in bodies:
            told = [comparable((await client.post(view.url, json=body)).json()) for view in views]
            assert told[0] == told[1]
        for body in ({}, {"query": None, "extensions": {}}):
            assert [(await client.post(view.url, json=body)).status_code for view in views] == [
                400
            ] * 2
        ours = views[1].url
        hashed = {"extensions": {"persistedQuery": {"sha256Hash": "ab", "version": 1}}}
        refused = (await client.post(ours, json=hashed)).json()
        assert refused["errors"][0]["message"] == "PersistedQueryNotFound"
        by_get = await client.get(ours, params={"extensions": '{"id": "2"}'})
        assert "made a mutation" in by_get.text
        by_get = await client.get(ours, params={"extensions": '{"id": "1"}'})
        assert by_get.json() == {"data": {"leaves": []}}


async def test_without_extensions_a_request_needs_a_document(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with watchword_view(schema(), sqlite_url, clock) as view, httpx2.AsyncClient() as client:
        for body in ({}, {"extensions": {"id": "1"}}):
            refused = await client.post(view.url, json=body)
            assert refused.status_code == 400
            assert refused.json()["errors"][0]["message"] == "The member 'query' is missing."
