"""A field that is hidden from a caller is refused over every transport as one that does not exist."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import get_introspection_query
from strawberry.schema.config import StrawberryConfig
from websockets.exceptions import ConnectionClosed

from tests.conformance.test_persisted_queries import NOT_FOUND, by_post
from tests.support.clients import TRANSPORTS, Answer
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server
from tests.support.vault_schema import vault
from watchword.execution.documents.automatic import digest_of

HIDDEN = "{ hoards { keptBy } }"
KEEPER, READER = "kim+keeper", "eva/schema.read"


async def over_get(
    url: str, query: str, token: str | None = None, **_: Any
) -> AsyncIterator[Answer]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(timeout=30) as client:
        yield (await client.get(url, params={"query": query}, headers=headers)).json()


async def in_a_batch(
    url: str, query: str, token: str | None = None, **_: Any
) -> AsyncIterator[Answer]:
    """Send the query between two others, in one request."""
    around = {"query": "{ hello }"}
    answers = await post(url, [around, {"query": query}, around], token)
    if isinstance(answers, dict):
        # A bad token refuses the batch as a whole.
        yield answers
        return
    before, answer, after = answers
    assert before == after == {"data": {"hello": "hello world"}}
    yield answer


async def registering(
    url: str, query: str, token: str | None = None, **_: Any
) -> AsyncIterator[Answer]:
    """Send the query as the client of automatic persisted queries that registers it."""
    yield await post(url, {"query": query, "extensions": persisted(query)}, token)


EVERY = {**TRANSPORTS, "get": over_get, "batch": in_a_batch, "automatic": registering}
every_transport = pytest.mark.parametrize("transport", EVERY)


def persisted(query: str) -> Any:
    """Return the extensions of a request that names its document by its hash."""
    return {"persistedQuery": {"version": 1, "sha256Hash": digest_of(query)}}


async def post(url: str, body: object, token: str | None = None) -> Any:
    """Send a body of JSON, and return that of the answer."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(timeout=30) as client:
        return (await client.post(url, json=body, headers=headers)).json()


async def first(transport: str, server: ToyServer, query: str, token: str | None = None) -> Answer:
    async for answer in EVERY[transport](server.url, query, token):
        return answer
    raise AssertionError("no answer came")


@pytest.fixture
async def hiding(clock: MovedClock) -> AsyncIterator[ToyServer]:
    batching = StrawberryConfig(batching_config={"max_operations": 3})
    async with toy_server(clock, vault(config=batching), introspection="hidden") as server:
        yield server


@pytest.fixture
async def scoped(clock: MovedClock) -> AsyncIterator[ToyServer]:
    batching = StrawberryConfig(batching_config={"max_operations": 3})
    schema = vault(config=batching)
    async with toy_server(clock, schema, introspection="scope:schema:read") as server:
        yield server


@every_transport
@pytest.mark.parametrize("token", [None, "ann"])
async def test_hidden_field_is_one_that_does_not_exist(
    transport: str, token: str | None, hiding: ToyServer
) -> None:
    hidden = await first(transport, hiding, HIDDEN, token)
    # Without a token, a person may yet sign in with our own front end, and reach `ours`.
    suggested = " Did you mean 'ours'?" if token is None else ""
    assert hidden == {
        "errors": [
            {
                "message": f"Cannot query field 'hoards' on type 'Query'.{suggested}",
                "locations": [{"line": 1, "column": 3}],
                "extensions": {"code": "BAD_USER_INPUT"},
            }
        ]
    }
    absent = await first(transport, hiding, HIDDEN.replace("hoards", "hoarse"), token)
    assert absent == json.loads(json.dumps(hidden).replace("hoards", "hoarse"))


@pytest.mark.parametrize("token", [None, "ann"])
async def test_hash_of_a_document_that_others_registered_tells_nothing_of_what_it_names(
    token: str | None, hiding: ToyServer
) -> None:
    by_hash = {"extensions": persisted(HIDDEN)}
    absent = await post(hiding.url, by_hash, token)
    registered = await first("automatic", hiding, HIDDEN, KEEPER)
    # The texts of requests are remembered from the second time on.
    for _ in range(3):
        assert await post(hiding.url, by_hash, KEEPER) == registered
        assert await post(hiding.url, by_hash, token) == absent
    assert [each["message"] for each in absent["errors"]] == ["PersistedQueryNotFound"]


async def test_hash_of_a_document_that_the_caller_reaches_is_answered(hiding: ToyServer) -> None:
    hello = await first("automatic", hiding, "{ hello }", KEEPER)
    assert await post(hiding.url, {"extensions": persisted("{ hello }")}, "ann") == hello


@every_transport
async def test_caller_who_reaches_it_is_answered(transport: str, hiding: ToyServer) -> None:
    for token, expected in ((KEEPER, True), ("ann", False), (KEEPER, True)):
        answer = await first(transport, hiding, HIDDEN, token)
        assert (answer.get("data") == {"hoards": [{"keptBy": "Ada"}]}) is expected


@every_transport
async def test_introspection_tells_what_the_token_reaches(
    transport: str, hiding: ToyServer
) -> None:
    told = [
        json.dumps(await first(transport, hiding, get_introspection_query(), token))
        for token in (None, "ann", KEEPER)
    ]
    assert ["Hoard" in each for each in told] == [False, False, True]
    assert ["ours" in each for each in told] == [True, False, False]


@every_transport
async def test_caller_without_a_token_is_still_asked_to_sign_in(
    transport: str, hiding: ToyServer
) -> None:
    answer = await first(transport, hiding, "{ me }")
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["UNAUTHENTICATED"]


@every_transport
@pytest.mark.parametrize("query", [HIDDEN, "{ me }"])
async def test_expired_token_is_refused_before_anything_is_told(
    transport: str, query: str, hiding: ToyServer
) -> None:
    if transport == "websocket":
        with pytest.raises(ConnectionClosed, match="4403"):
            await first(transport, hiding, query, "expired")
        return
    answer = await first(transport, hiding, query, "expired")
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["TOKEN_EXPIRED"]


@every_transport
async def test_step_up_is_still_asked_for(transport: str, hiding: ToyServer) -> None:
    answer = await first(transport, hiding, "{ recent }", "ann")
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["STEP_UP_REQUIRED"]


@every_transport
async def test_without_the_scope_nothing_is_told(transport: str, scoped: ToyServer) -> None:
    asked = '{ __type(name: "Hoard") { name } }'
    for token in (None, KEEPER):
        [error] = (await first(transport, scoped, asked, token))["errors"]
        assert "introspection has been disabled" in error["message"]
        [error] = (await first(transport, scoped, "{ hell }", token))["errors"]
        assert "hello" not in error["message"]
    told = await first(transport, scoped, asked, READER)
    assert told["data"] == {"__type": {"name": "Hoard"}}


@every_transport
async def test_without_the_scope_fields_are_refused_as_before(
    transport: str, scoped: ToyServer
) -> None:
    answer = await first(transport, scoped, HIDDEN, "ann")
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]


@pytest.mark.parametrize("token", [None, "ann"])
async def test_id_of_a_trusted_document_with_a_hidden_field_is_unknown_too(
    token: str | None, clock: MovedClock, tmp_path: Path
) -> None:
    manifest = tmp_path / "web.json"
    manifest.write_text(json.dumps({"hoards": HIDDEN, "hello": "{ hello }"}))
    settings = {"introspection": "hidden", "documents": manifest, "documents_only": True}
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with toy_server(clock, vault(), **settings) as server:
        for id, expected in (
            ("hello", {"data": {"hello": "hello world"}}),
            ("hoards", {"errors": [NOT_FOUND]}),
            ("nothing", {"errors": [NOT_FOUND]}),
        ):
            assert await by_post(server, {"documentId": id}, **headers) == expected
        keeper = {"authorization": f"Bearer {KEEPER}"}
        assert "data" in await by_post(server, {"documentId": "hoards"}, **keeper)


async def test_pages_of_the_schema_ask_as_a_caller_without_a_token(hiding: ToyServer) -> None:
    engine = hiding.pipeline.engine
    await first("http", hiding, "{ hello }")
    made = engine.planner.made
    assert engine.plan("{ hello }", None).view is not None
    assert engine.planner.made == made
