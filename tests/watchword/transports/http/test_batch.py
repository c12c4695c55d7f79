"""Batches: each operation is answered as by itself, in order, and all together are limited as one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from tests.support import toy_schema
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.errors import StepUpRequired
from watchword.execution.documents.automatic import digest_of
from watchword.permissions.field import Public
from watchword.throttling.budgets import WINDOW
from watchword.transports.http.batch import is_batch

MOST = 5
ALICE = {"authorization": "Bearer alice"}
HELLO = "query ($name: String) { hello(name: $name) }"
meeting = asyncio.Event()


@strawberry.type
class Query(toy_schema.Query):
    @strawberry.field(permission_classes=[Public])
    def recent(self, age: int) -> int | None:
        raise StepUpRequired(age)

    @strawberry.field(permission_classes=[Public])
    async def waits(self) -> bool:
        await meeting.wait()
        return True

    @strawberry.field(permission_classes=[Public])
    async def meets(self) -> bool:
        meeting.set()
        return True


CONFIG = StrawberryConfig(batching_config={"max_operations": MOST})
SCHEMA = strawberry.Schema(Query, toy_schema.Mutation, toy_schema.Subscription, config=CONFIG)


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, SCHEMA) as made:
        yield made


async def post(server: ToyServer, body: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient() as client:
        sent = {"content-type": "application/json", **headers}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post(server.url, content=content, headers=sent)


def greeting(name: str) -> dict[str, Any]:
    return {"query": HELLO, "variables": {"name": name}}


async def test_the_answers_are_a_list_in_the_order_of_the_operations(server: ToyServer) -> None:
    for count in range(MOST + 1):
        names = [str(number) for number in range(count)]
        response = await post(server, [greeting(name) for name in names])
        assert response.status_code == 200
        assert response.json() == [{"data": {"hello": f"hello {name}"}} for name in names]
        assert response.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("media_type", ["application/json", "application/graphql-response+json"])
async def test_a_batch_has_status_200_whatever_becomes_of_its_operations(
    media_type: str, server: ToyServer
) -> None:
    body = [
        {"query": "{ nothing }"},
        {"query": "{"},
        {"query": "query A { hello } query B { hello }", "operationName": "B"},
        {"query": "subscription { numbers(to: 1) }"},
        {"query": 'mutation { make(name: "bear") { id } }'},
    ]
    response = await post(server, body, accept=media_type)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    unknown, cut, named, subscription, anonymous = response.json()
    assert "Cannot query field 'nothing'" in unknown["errors"][0]["message"]
    assert "Syntax Error" in cut["errors"][0]["message"]
    assert named == {"data": {"hello": "hello world"}}
    assert "Subscriptions need a WebSocket" in subscription["errors"][0]["message"]
    assert anonymous["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" in anonymous


async def test_all_operations_run_at_the_same_time(server: ToyServer) -> None:
    meeting.clear()
    response = await post(server, [{"query": "{ waits }"}, {"query": "{ meets }"}])
    assert response.json() == [{"data": {"waits": True}}, {"data": {"meets": True}}]


async def test_queries_and_mutations_may_be_in_one_batch(server: ToyServer) -> None:
    body = [{"query": f'mutation {{ make(name: "{name}") {{ id }} }}'} for name in "abc"]
    answers = (await post(server, [*body, greeting("you")], **ALICE)).json()
    assert [each["data"].get("make") for each in answers[:3]] == [{"id": name} for name in "abc"]
    assert all("cursors" in each["extensions"] for each in answers[:3])
    assert answers[3] == {"data": {"hello": "hello you"}}


@pytest.mark.parametrize("token", ["bad", "expired", "revoked"])
async def test_a_bad_token_refuses_the_whole_batch(token: str, server: ToyServer) -> None:
    response = await post(server, [greeting("you")], authorization=f"Bearer {token}")
    assert response.status_code == 401
    assert "www-authenticate" in response.headers


async def test_every_demand_for_a_recent_sign_in_is_in_the_headers(server: ToyServer) -> None:
    body = [{"query": "{ recent(age: 60) }"}, greeting("you"), {"query": "{ recent(age: 300) }"}]
    response = await post(server, body, **ALICE)
    assert response.status_code == 200
    challenges = response.headers.get_list("www-authenticate")
    assert len(challenges) == 2
    assert all("insufficient_user_authentication" in each for each in challenges)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([greeting("you")] * (MOST + 1), "Too many operations: a batch may have 5"),
        ([greeting("you"), 1], "Operation 2 of the batch: The request must be a JSON object"),
        ([greeting("you"), []], "Operation 2 of the batch: Batching is not enabled here"),
        ([{}], "Operation 1 of the batch: The member 'query' is missing"),
        ([{"query": 1}], "Operation 1 of the batch: The member 'query' must be a string"),
        (b"[", "The body is not JSON"),
    ],
)
async def test_a_malformed_batch_is_refused_and_nothing_of_it_runs(
    body: Any, said: str, server: ToyServer
) -> None:
    response = await post(server, body)
    assert response.status_code == 400
    assert said in response.json()["errors"][0]["message"]


async def test_a_malformed_operation_is_named_by_its_path(server: ToyServer) -> None:
    response = await post(server, [greeting("you"), {"query": "{ a }", "variables": 1}])
    assert response.json()["errors"][0]["extensions"]["path"] == [1, "variables"]


@pytest.mark.parametrize(
    ("settings", "query", "words"),
    [
        ({"max_cost": 60}, "{ toys(first: 20) { id } }", "The batch costs"),
        ({"max_directives": 2}, "{ hello @skip(if: false) }", "directives"),
        ({"max_root_fields": 4}, "{ hello toys { id } }", "root fields"),
        ({"max_aliases": 5}, "{ a: hello b: hello }", "aliases"),
        ({"max_tokens": 50}, "{ hello " + "hello " * 15 + "}", "tokens"),
        ({"max_document_characters": 1_024}, "{ hello } #" + "x" * 500, "characters"),
    ],
)
async def test_all_operations_together_may_ask_for_as_much_as_one(
    settings: dict[str, Any], query: str, words: str, clock: MovedClock
) -> None:
    async with toy_server(clock, SCHEMA, **settings) as server:
        fitting = await post(server, [{"query": query}] * 2)
        assert [each.get("errors") for each in fitting.json()] == [None, None]
        response = await post(server, [{"query": query}] * 4)
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "TOO_COMPLEX"
    assert error["extensions"]["cost"] > error["extensions"]["limit"] > 0
    assert words in error["message"]


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed"])
async def test_a_batch_cannot_be_streamed(accept: str, server: ToyServer) -> None:
    response = await post(server, [greeting("you")], accept=accept)
    assert response.status_code == 400
    assert "accept application/json" in response.json()["errors"][0]["message"]


async def test_a_batch_is_only_for_post_with_json(server: ToyServer) -> None:
    async with httpx2.AsyncClient() as client:
        got = await client.get(server.url, params={"query": "[]"})
    assert got.status_code == 400 or "errors" in got.json()
    form = await post(server, [greeting("you")], **{"content-type": "text/plain"})
    assert form.status_code == 415
    async with WebSocketClient.open(server.url) as socket:
        await socket.init()
        await socket.send({"type": "subscribe", "id": "1", "payload": [greeting("you")]})
        assert (await socket.closed())[0] == 4400


async def test_operations_of_a_batch_may_be_named_by_ids(server: ToyServer) -> None:
    id = f"sha256:{digest_of(HELLO)}"
    body = [{**greeting("you"), "documentId": id}, {"documentId": id}, {"documentId": "other"}]
    first, second, unknown = (await post(server, body)).json()
    assert first == {"data": {"hello": "hello you"}}
    assert second == {"data": {"hello": "hello world"}}
    assert unknown["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_batch_of_a_bound_caller_has_only_trusted_documents(
    clock: MovedClock, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"hello": HELLO}))
    async with toy_server(clock, SCHEMA, documents=manifest, documents_only=True) as server:
        body = [{"documentId": "hello"}, greeting("you"), {"query": "{ hello }"}]
        by_id, by_text, other = (await post(server, body)).json()
    assert by_id == {"data": {"hello": "hello world"}}
    assert by_text == {"data": {"hello": "hello you"}}
    assert other["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


async def test_a_batch_over_budget_is_refused_as_a_whole(clock: MovedClock) -> None:
    async with toy_server(clock, SCHEMA, max_cost=3, budget_per_address=3) as server:
        assert (await post(server, [greeting("you")] * 2)).status_code == 200
        response = await post(server, [greeting("you")] * 2)
    assert response.status_code == 429
    assert "retry-after" in response.headers


async def test_nothing_is_charged_for_a_batch_that_is_refused(clock: MovedClock) -> None:
    clock.move(WINDOW - clock.now() % WINDOW)
    toys = {"query": "{ toys(first: 3) { id } }"}
    async with toy_server(clock, SCHEMA, max_cost=5, budget_per_address=6) as server:

        async def left() -> int:
            told = (await post(server, greeting("you") | {"extensions": {"cost": True}})).json()
            return int(told["extensions"]["cost"]["remaining"])

        # Reading each document for the first time costs 1.
        assert (await post(server, [toys])).status_code == 200
        assert await left() == 2
        clock.move(WINDOW)
        for _ in range(3):
            # Together they cost more than one operation may.
            assert (await post(server, [toys, toys])).status_code == 400
        assert (await post(server, [toys])).status_code == 200
        # The second operation cannot be paid, so the first is not charged.
        assert (await post(server, [greeting("you"), toys])).status_code == 429
        assert await left() == 2


async def test_without_the_option_a_list_is_refused(clock: MovedClock) -> None:
    async with toy_server(clock) as server:
        for body in ([greeting("you")], []):
            response = await post(server, body)
            assert response.status_code == 400
            assert "Batching is not enabled" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "is_one"),
    [(b"[]", True), (b" \r\n\t[1]", True), (b"{}", False), (b"", False), (b' "["', False)],
)
def test_a_batch_is_known_by_its_first_character(body: bytes, is_one: bool) -> None:
    assert is_batch(body) is is_one


async def test_an_operation_without_a_place_is_refused_by_itself(clock: MovedClock) -> None:
    async with toy_server(clock, SCHEMA, max_operations_per_process=1) as server:
        asked = [{"query": "{ slow(seconds: 5) }"}, greeting("a")]
        running = asyncio.create_task(post(server, asked))
        await until(lambda: len(server.pipeline.operations) == 1)
        # The batch has begun both in one turn of the event loop.
        clock.move(5)
        first, second = (await running).json()
    assert "errors" not in first
    assert second["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
