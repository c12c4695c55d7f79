"""What the endpoint decides before and after GraphQL runs. The whole of GraphQL over HTTP: tests/conformance."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, toy_pipeline
from watchword.transports.http.http import HttpTransport
from watchword.transports.pipeline import Pipeline

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
async def pipeline(clock: MovedClock) -> AsyncIterator[Pipeline]:
    async with toy_pipeline(clock, max_body_bytes=1_024) as (made, _):
        yield made


@pytest.fixture
async def client(pipeline: Pipeline) -> AsyncIterator[httpx2.AsyncClient]:
    def page(up: str) -> tuple[bytes, Any]:
        return f"page {up}".encode(), ((b"content-type", b"text/html"),)

    app = httpx2.ASGITransport(HttpTransport(pipeline, page))
    async with httpx2.AsyncClient(transport=app, base_url="http://toys.example") as made:
        yield made


async def ask(client: httpx2.AsyncClient, query: str = "{ hello }", **headers: str) -> Any:
    return await client.post("/graphql", json={"query": query}, headers=headers)


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [(BROWSER, True), ("*/*", False), ("application/json, text/html", False), ("", False)],
)
async def test_only_a_browser_gets_the_page(
    accept: str, is_page: bool, client: httpx2.AsyncClient
) -> None:
    shown = await client.get("/graphql", params={"query": "{ hello }"}, headers={"accept": accept})
    assert (shown.text == "page ") is is_page
    assert is_page or shown.json() == {"data": {"hello": "hello world"}}


async def test_a_browser_never_gets_the_page_for_a_url_with_a_token(
    client: httpx2.AsyncClient,
) -> None:
    shown = await client.get("/graphql?access_token=x", headers={"accept": BROWSER})
    assert (shown.status_code, "never in the URL" in shown.text) == (400, True)


async def test_no_cache_keeps_an_answer_to_post(client: httpx2.AsyncClient) -> None:
    answer = await ask(client)
    assert answer.json() == {"data": {"hello": "hello world"}}
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["vary"] == "Accept, Authorization, Cookie, Origin"


async def test_a_body_over_the_limit_is_413(client: httpx2.AsyncClient) -> None:
    assert (await ask(client, "{ hello }" + " " * 1_024)).status_code == 413


async def test_a_refused_token_is_401_with_a_challenge(client: httpx2.AsyncClient) -> None:
    refused = await ask(client, authorization="Bearer bad")
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


async def test_a_token_that_expires_while_the_body_arrives_runs_nothing(
    client: httpx2.AsyncClient, clock: MovedClock
) -> None:
    async def body() -> AsyncIterator[bytes]:
        clock.move(LIFE)
        yield json.dumps({"query": "{ hello }"}).encode()

    headers = {"authorization": "Bearer alice", "content-type": "application/json"}
    refused = await client.post("/graphql", content=body(), headers=headers)
    assert refused.json()["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"


async def test_a_subscription_without_a_stream_says_what_it_needs(
    client: httpx2.AsyncClient,
) -> None:
    refused = await ask(client, "subscription { numbers(to: 1) }")
    assert refused.status_code == 406
    assert "text/event-stream" in refused.text


async def test_head_of_a_stream_has_its_headers_and_starts_nothing(
    client: httpx2.AsyncClient, pipeline: Pipeline
) -> None:
    query = {"query": "subscription { numbers(to: 1) }"}
    head = await client.head("/graphql", params=query, headers={"accept": "text/event-stream"})
    assert head.headers["content-type"].startswith("text/event-stream")
    assert (head.content, len(pipeline.operations)) == (b"", 0)
