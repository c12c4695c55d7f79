"""Trusted documents over every transport: found by their ids, and for bound callers the only ones."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conformance.test_persisted_queries import ALICE, ASKING, by_get, by_post, by_websocket
from tests.support.clients import WebSocketClient, events
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server
from watchword.execution.documents.automatic import digest_of

HELLO = "query Hello($name: String) { hello(name: $name) }"
NUMBERS = "subscription { numbers(to: 2) }"
MAKE = 'mutation { make(name: "bear") { id } }'
WAYS: dict[str, dict[str, Any]] = {
    "its own id": {"documentId": "hello"},
    "its hash": {"documentId": f"sha256:{digest_of(HELLO)}"},
    "Apollo's link with a manifest": {
        "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "hello"}}
    },
    "Apollo's automatic link": {
        "extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest_of(HELLO)}}
    },
    "its text": {"query": HELLO},
    "its text and id": {"query": HELLO, "documentId": "hello"},
}


@asynccontextmanager
async def serving(clock: MovedClock, folder: Path, **settings: Any) -> AsyncIterator[ToyServer]:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"hello": HELLO, "numbers": NUMBERS, "make": MAKE}))
    async with toy_server(clock, documents=manifest, **settings) as server:
        yield server


@pytest.fixture(params=[False, True], ids=["also", "only"])
async def server(
    clock: MovedClock, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[ToyServer]:
    async with serving(clock, tmp_path, documents_only=request.param) as made:
        yield made


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("way", WAYS)
async def test_a_trusted_document_is_run_by_any_of_its_names(
    way: str, ask: str, server: ToyServer
) -> None:
    # The texts of requests are remembered from the second time on.
    for _ in range(3):
        answer = await ASKING[ask](server, {**WAYS[way], "variables": {"name": "you"}})
        assert answer == {"data": {"hello": "hello you"}}


@pytest.mark.parametrize("ask", ASKING)
async def test_an_unknown_id_is_not_found(ask: str, server: ToyServer) -> None:
    [error] = (await ASKING[ask](server, {"documentId": "other"}))["errors"]
    assert error["extensions"] == {"code": "PERSISTED_QUERY_NOT_FOUND"}


@pytest.mark.parametrize("ask", ASKING)
async def test_a_bound_caller_is_told_that_its_text_is_not_trusted(
    ask: str, clock: MovedClock, tmp_path: Path
) -> None:
    registered = {
        "query": "{ hello }",
        "documentId": f"sha256:{digest_of('{ hello }')}",
    }
    async with serving(clock, tmp_path, documents_only=True) as server:
        for body in ({"query": "{ hello }"}, {"query": "{ __typename }"}, registered):
            [error] = (await ASKING[ask](server, body))["errors"]
            assert error["extensions"] == {"code": "DOCUMENT_NOT_TRUSTED"}
            assert "documents:any" in error["message"]
        # Nothing was registered either.
        body = {"documentId": registered["documentId"]}
        [error] = (await ASKING[ask](server, body))["errors"]
        assert error["extensions"] == {"code": "PERSISTED_QUERY_NOT_FOUND"}


async def test_a_refusal_has_the_status_of_a_request_that_cannot_be_run(
    clock: MovedClock, tmp_path: Path
) -> None:
    async with (
        serving(clock, tmp_path, documents_only=True) as server,
        httpx2.AsyncClient() as client,
    ):
        for accept, status in (
            ("application/json", 200),
            ("application/graphql-response+json", 400),
            ("text/event-stream", 400),
        ):
            response = await client.post(
                server.url, json={"query": "{ hello }"}, headers={"accept": accept}
            )
            assert response.status_code == status
            assert response.headers["cache-control"] == "private, no-store"


async def test_event_source_follows_a_trusted_subscription(server: ToyServer) -> None:
    headers = {"accept": "text/event-stream"}
    async with (
        httpx2.AsyncClient() as client,
        client.stream(
            "GET", server.url, params={"documentId": "numbers"}, headers=headers
        ) as response,
    ):
        seen = [event async for event in events(response)]
    assert seen == [
        ("next", '{"data":{"numbers":0}}'),
        ("next", '{"data":{"numbers":1}}'),
        ("complete", ""),
    ]
    assert await by_websocket(server, {"documentId": "numbers"}) == {"data": {"numbers": 0}}


async def test_a_trusted_mutation_needs_post_and_its_permissions(server: ToyServer) -> None:
    named = {"documentId": "make"}
    for headers in ({}, ALICE):
        assert "Mutations need POST" in json.dumps(await by_get(server, named, **headers))
    async with httpx2.AsyncClient() as client:
        assert (await client.get(server.url, params=named, headers=ALICE)).status_code == 405
    refused = await by_post(server, named)
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await by_post(server, named, **ALICE))["data"] == {"make": {"id": "bear"}}


async def test_a_cdn_may_keep_the_public_answer_to_an_id(clock: MovedClock, tmp_path: Path) -> None:
    params = {"documentId": "hello", "variables": '{"name":"you"}'}
    async with serving(clock, tmp_path) as server, httpx2.AsyncClient() as client:
        public = await client.get(server.url, params=params)
        again = {"if-none-match": public.headers["etag"]}
        unchanged = await client.get(server.url, params=params, headers=again)
        own = await client.get(server.url, params=params, headers=ALICE)
        unknown = await client.get(server.url, params={"documentId": "other"})
    assert public.headers["cache-control"] == "public, no-cache"
    assert unchanged.status_code == 304
    assert own.headers["cache-control"] == "private, no-store"
    assert unknown.headers["cache-control"] == "private, no-store"


async def test_a_websocket_goes_on_after_a_document_that_is_not_trusted(
    clock: MovedClock, tmp_path: Path
) -> None:
    async with (
        serving(clock, tmp_path, documents_only=True) as server,
        WebSocketClient.open(server.url) as client,
    ):
        await client.init()
        await client.subscribe("1", "{ hello }")
        assert (await client.receive())["type"] == "error"
        await client.send({"type": "subscribe", "id": "1", "payload": {"documentId": "hello"}})
        assert (await client.receive())["payload"] == {"data": {"hello": "hello world"}}


async def test_an_id_is_no_secret_and_gives_nobody_more_than_the_text(server: ToyServer) -> None:
    by_id = await by_post(server, {"documentId": "make"})
    by_text = await by_post(server, {"query": MAKE})
    assert by_id == by_text
