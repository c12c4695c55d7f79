"""A caller that may send only trusted documents finds no way to have another one run."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig
from websockets.exceptions import ConnectionClosed

from tests.support import toy_schema
from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server
from watchword.execution.documents.automatic import digest_of

HELLO = "query Hello { hello }"
TWO = "query A { hello } query B { me }"
EVIL = "{ evil: hello }"
CONFIG = StrawberryConfig(batching_config={"max_operations": 5})
SCHEMA = strawberry.Schema(
    toy_schema.Query, toy_schema.Mutation, toy_schema.Subscription, config=CONFIG
)
HASH = digest_of(EVIL)


def apq(digest: Any, version: Any = 1, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": version, "sha256Hash": digest}}, **more}


BODIES: dict[str, Any] = {
    "its text": {"query": EVIL},
    "its text beside a trusted id": {"query": EVIL, "documentId": "hello"},
    "its text beside the hash of a trusted one": {"query": EVIL, **apq(digest_of(HELLO))},
    "its text with its hash": {"query": EVIL, **apq(HASH)},
    "its text with its hash in capitals": {"query": EVIL, **apq(HASH.upper())},
    "its text, a trusted id, and its hash": {"query": EVIL, "documentId": "hello", **apq(HASH)},
    "its text, its hash as an id, and a trusted hash": {
        "query": EVIL, "documentId": f"sha256:{HASH}", **apq(digest_of(HELLO)),
    },
    "its hash": apq(HASH),
    "its hash as an id": {"documentId": f"sha256:{HASH}"},
    "a hash in a hash": apq(f"sha256:{HASH}"),
    "its text as an id": {"documentId": EVIL},
    "its text as a hash": apq(EVIL),
    "a trusted text and a comment": {"query": HELLO + " # x"},
    "a trusted text and a space": {"query": " " + HELLO},
    "a trusted text and a mark of its order": {"query": "\ufeff" + HELLO},
    "a trusted text with an operation more": {"query": HELLO + " " + EVIL.replace("{", "query E {", 1), "operationName": "E"},
    "a trusted id with a name that is not in it": {"documentId": "hello", "operationName": "E"},
    "a trusted id in capitals": {"documentId": "HELLO"},
    "a trusted id and a space": {"documentId": "hello "},
    "a trusted id and a null byte": {"documentId": "hello\0"},
    "another version of the hash": {"query": EVIL, **apq(digest_of(HELLO), 2)},
    "a hash that is a list": {"query": EVIL, **apq([digest_of(HELLO)])},
    "an id that is a list": {"query": EVIL, "documentId": ["hello"]},
    "introspection": {"query": "{ evil: __schema { types { name } } }"},
    "entities": {"query": "{ evil: _entities(representations: []) { __typename } }"},
    "the SDL": {"query": "{ evil: _service { sdl } }"},
    "a subscription": {"query": "subscription { evil: numbers(to: 2) }"},
}  # fmt: skip
# JSON that says two things: the last one counts.
RAW = {
    "its text after a trusted one": f'{{"query": {json.dumps(HELLO)}, "query": {json.dumps(EVIL)}}}',
    "its text after one with an escaped name": f'{{"\\u0071uery": {json.dumps(HELLO)}, "query": {json.dumps(EVIL)}}}',
    "another id after a trusted one": '{"documentId": "hello", "documentId": "evil"}',
}
ACCEPTED = (
    "application/json",
    "text/event-stream",
    "multipart/mixed;subscriptionSpec=1.0, application/json",
)
ANSWER = {"data": {"hello": "hello world"}}


@pytest.fixture
async def server(clock: MovedClock, tmp_path: Path) -> AsyncIterator[ToyServer]:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"hello": HELLO, "two": TWO}))
    async with toy_server(clock, SCHEMA, documents=manifest, documents_only=("shop",)) as made:
        async with httpx2.AsyncClient() as client:
            # Callers of other clients are free, and may register what they like.
            free = {"authorization": "Bearer alice"}
            answered = await client.post(made.url, json={"query": EVIL, **apq(HASH)}, headers=free)
            assert answered.json() == {"data": {"evil": "hello world"}}
            assert (
                await client.post(made.url, json=apq(HASH), headers=free)
            ).json() == answered.json()
        yield made


@pytest.mark.parametrize("name", BODIES)
async def test_no_body_and_no_query_string_has_another_document_run(
    name: str, server: ToyServer
) -> None:
    body = BODIES[name]
    parameters = {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}
    async with httpx2.AsyncClient() as client:
        for sent in (body, [body], [{"documentId": "hello"}, body]):
            for accept in ACCEPTED:
                posted = await client.post(server.url, json=sent, headers={"accept": accept})
                assert "evil" not in posted.text
        assert "evil" not in (await client.get(server.url, params=parameters)).text
        # A GET has no body, and a POST no parameters: each is answered as if the other were not there.
        named = {"documentId": "hello"}
        both = await client.post(server.url, params=parameters, json=named)
        fat = await client.request("GET", server.url, params=named, json=body)
    assert both.json() == fat.json() == ANSWER


@pytest.mark.parametrize("name", RAW)
async def test_no_member_that_comes_twice_has_another_document_run(
    name: str, server: ToyServer
) -> None:
    headers = {"content-type": "application/json"}
    async with httpx2.AsyncClient() as client:
        refused = await client.post(server.url, content=RAW[name], headers=headers)
    assert "data" not in refused.json()


@pytest.mark.parametrize("name", BODIES)
async def test_no_message_over_a_socket_has_another_document_run(
    name: str, server: ToyServer
) -> None:
    async with WebSocketClient.open(server.url) as client:
        await client.init()
        await client.send({"type": "subscribe", "id": "1", "payload": BODIES[name]})
        with suppress(ConnectionClosed):
            assert (await client.receive())["type"] == "error"


async def test_the_name_of_an_operation_chooses_among_those_of_a_trusted_document(
    server: ToyServer,
) -> None:
    async with httpx2.AsyncClient() as client:
        for name, found in {"A": "hello", "B": "me"}.items():
            named = {"documentId": "two", "operationName": name}
            assert [*(await client.get(server.url, params=named)).json()["data"]] == [found]
        refused = await client.get(server.url, params={"documentId": "two"})
    assert "data" not in refused.json()
