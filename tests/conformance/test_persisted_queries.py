"""Automatic persisted queries over every transport: unknown, registered, and found by any way of asking."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import strawberry
from strawberry.extensions import MaskErrors

from tests.support import toy_schema
from tests.support.clients import WebSocketClient, events
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server
from watchword.execution.documents.automatic import digest_of

HELLO = "query ($name: String) { hello(name: $name) }"
NUMBERS = "subscription { numbers(to: 1) }"
MAKE = 'mutation { make(name: "bear") { id } }'
ALICE = {"authorization": "Bearer alice"}
NOT_FOUND = {
    "message": "PersistedQueryNotFound",
    "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
}
# The two ways to name a document, both with the SHA-256 of its text.
WAYS = {
    "apollo": lambda text: {
        "extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest_of(text)}}
    },
    "appendix": lambda text: {"documentId": f"sha256:{digest_of(text)}"},
}


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock) as made:
        yield made


async def by_post(server: ToyServer, body: dict[str, Any], **headers: str) -> Any:
    async with httpx2.AsyncClient() as client:
        return (await client.post(server.url, json=body, headers=headers)).json()


async def by_get(server: ToyServer, body: dict[str, Any], **headers: str) -> Any:
    async with httpx2.AsyncClient() as client:
        asked = {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}
        return (await client.get(server.url, params=asked, headers=headers)).json()


async def by_websocket(server: ToyServer, body: dict[str, Any]) -> Any:
    async with WebSocketClient.open(server.url) as client:
        await client.init()
        await client.send({"type": "subscribe", "id": "1", "payload": body})
        message = await client.receive()
        if message["type"] == "error":
            return {"errors": message["payload"]}
        return message["payload"]


ASKING = {"POST": by_post, "GET": by_get, "WebSocket": by_websocket}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("register", ASKING)
@pytest.mark.parametrize("find", ASKING)
async def test_what_was_registered_by_one_transport_is_found_by_all(
    register: str, find: str, way: str, server: ToyServer
) -> None:
    named = WAYS[way](HELLO)
    for ask in ASKING.values():
        assert (await ask(server, named)) == {"errors": [NOT_FOUND]}
    answer = {"data": {"hello": "hello you"}}
    whole = {"query": HELLO, "variables": {"name": "you"}, **named}
    assert await ASKING[register](server, whole) == answer
    # The texts of requests are remembered from the second time on.
    for _ in range(3):
        for other in WAYS.values():
            body = {"variables": {"name": "you"}, **other(HELLO)}
            assert await ASKING[find](server, body) == answer


@pytest.mark.parametrize("ask", ASKING)
async def test_a_hash_of_another_text_is_refused_and_registers_nothing(
    ask: str, server: ToyServer
) -> None:
    wrong = {"query": "{ hello }", **WAYS["apollo"](HELLO)}
    [error] = (await ASKING[ask](server, wrong))["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert (await ASKING[ask](server, WAYS["apollo"](HELLO))) == {"errors": [NOT_FOUND]}


@pytest.mark.parametrize("way", WAYS)
async def test_event_source_gets_a_subscription_by_its_hash(way: str, server: ToyServer) -> None:
    await by_websocket(server, {"query": NUMBERS, **WAYS[way](NUMBERS)})
    params = {k: v if isinstance(v, str) else json.dumps(v) for k, v in WAYS[way](NUMBERS).items()}
    headers = {"accept": "text/event-stream"}
    async with (
        httpx2.AsyncClient() as client,
        client.stream("GET", server.url, params=params, headers=headers) as response,
    ):
        seen = [event async for event in events(response)]
    assert seen == [("next", '{"data":{"numbers":0}}'), ("complete", "")]


async def test_a_registered_mutation_needs_post(server: ToyServer) -> None:
    registered = {"query": MAKE, **WAYS["apollo"](MAKE)}
    assert (await by_post(server, registered, **ALICE))["data"]["make"] == {"id": "bear"}
    for body in (WAYS["apollo"](MAKE), registered):
        assert "Mutations need POST" in json.dumps(await by_get(server, body, **ALICE))
    assert "data" in await by_post(server, WAYS["appendix"](MAKE), **ALICE)


async def test_a_hash_asks_the_permissions_of_its_caller(server: ToyServer) -> None:
    await by_post(server, {"query": MAKE, **WAYS["apollo"](MAKE)}, **ALICE)
    refused = await by_post(server, WAYS["apollo"](MAKE))
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_cache_may_keep_what_is_public_and_never_that_a_hash_is_unknown(
    server: ToyServer,
) -> None:
    params = {"documentId": f"sha256:{digest_of(HELLO)}"}
    async with httpx2.AsyncClient() as client:
        unknown = await client.get(server.url, params=params)
        assert unknown.headers["cache-control"] == "private, no-store"
        await by_post(server, {"query": HELLO, **params})
        public = await client.get(server.url, params=params)
        again = {"if-none-match": public.headers["etag"]}
        unchanged = await client.get(server.url, params=params, headers=again)
        own = await client.get(server.url, params=params, headers=ALICE)
    assert public.headers["cache-control"] == "public, no-cache"
    assert unchanged.status_code == 304
    assert own.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("way", WAYS)
async def test_an_extension_that_hides_errors_does_not_hide_that_a_hash_is_unknown(
    way: str, ask: str, clock: MovedClock
) -> None:
    hiding = strawberry.Schema(
        toy_schema.Query, toy_schema.Mutation, toy_schema.Subscription, extensions=[MaskErrors]
    )
    async with toy_server(clock, hiding) as server:
        assert await ASKING[ask](server, WAYS[way](HELLO)) == {"errors": [NOT_FOUND]}
        assert await ASKING[ask](server, {"query": HELLO, **WAYS[way](HELLO)}) == {
            "data": {"hello": "hello world"}
        }
        assert (await ASKING[ask](server, WAYS[way](HELLO)))["data"] == {"hello": "hello world"}


async def test_with_application_json_the_status_is_200_and_else_400(server: ToyServer) -> None:
    for accept, status in (("application/json", 200), ("application/graphql-response+json", 400)):
        async with httpx2.AsyncClient() as client:
            response = await client.post(
                server.url, json=WAYS["apollo"](HELLO), headers={"accept": accept}
            )
        assert (response.status_code, response.json()) == (status, {"errors": [NOT_FOUND]})


async def test_a_websocket_goes_on_after_an_unknown_hash(server: ToyServer) -> None:
    async with WebSocketClient.open(server.url) as client:
        await client.init()
        named = WAYS["apollo"](HELLO)
        await client.send({"type": "subscribe", "id": "1", "payload": named})
        assert await client.receive() == {"id": "1", "type": "error", "payload": [NOT_FOUND]}
        await client.subscribe("1", HELLO, **named)
        assert (await client.receive())["payload"] == {"data": {"hello": "hello world"}}


@pytest.mark.parametrize(
    "persisted",
    [
        "x",
        [],
        {},
        {"version": 1},
        {"version": 2, "sha256Hash": "a"},
        {"version": 1, "sha256Hash": 1},
    ],
)
async def test_a_malformed_hash_is_refused_by_name(persisted: Any, server: ToyServer) -> None:
    for body in ({}, {"query": HELLO}):
        told = await by_post(server, {**body, "extensions": {"persistedQuery": persisted}})
        assert told["errors"][0]["extensions"]["path"] == ["extensions", "persistedQuery"]


async def test_switched_off_clients_send_documents_from_then_on(clock: MovedClock) -> None:
    async with toy_server(clock, persisted_queries_bytes=0) as server:
        for way in WAYS.values():
            for ask in ASKING.values():
                [error] = (await ask(server, way(HELLO)))["errors"]
                assert error["message"] == "PersistedQueryNotSupported"
                assert error["extensions"] == {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}
            whole = {"query": HELLO, **way(HELLO)}
            assert (await by_post(server, whole))["data"] == {"hello": "hello world"}
