"""GraphQL over HTTP on a real socket: status codes, media types, and malformed requests."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx2
import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_server

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
HELLO = {"data": {"hello": "hello world"}}


async def request(clock: MovedClock, method: str = "POST", **rest: Any) -> httpx2.Response:
    async with toy_server(clock) as server, httpx2.AsyncClient() as client:
        url = server.url + rest.pop("path", "")
        return await client.request(method, url, **rest)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
        (f"{JSON};q=0.5, {GRAPHQL_JSON};q=0.9", GRAPHQL_JSON),
        ("application/*", JSON),
    ],
)
async def test_the_media_type_is_negotiated(
    accept: str, media_type: str, clock: MovedClock
) -> None:
    response = await request(clock, json={"query": "{ hello }"}, headers={"accept": accept})
    assert (response.status_code, response.json()) == (200, HELLO)
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"


@pytest.mark.parametrize("query", ["{ hello }", "{ nothing }", ""])
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (f"multipart/mixed, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"Multipart/Mixed;deferSpec=20220824, {GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
        (f"multipart/mixed;q=0, {JSON}", JSON),
    ],
)
async def test_a_plain_answer_has_a_media_type_that_the_client_accepts(
    query: str, accept: str, media_type: str, clock: MovedClock
) -> None:
    response = await request(clock, json={"query": query}, headers={"accept": accept})
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"


async def test_a_request_that_accepts_no_media_type_of_ours_is_406(clock: MovedClock) -> None:
    response = await request(clock, json={"query": "{ hello }"}, headers={"accept": "image/png"})
    assert response.status_code == 406


async def test_get_runs_a_query(clock: MovedClock) -> None:
    query = "query($name: String) { hello(name: $name) }"
    params = {"query": query, "variables": json.dumps({"name": "there"})}
    response = await request(clock, "GET", params=params)
    assert response.json() == {"data": {"hello": "hello there"}}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_get_does_not_run_a_mutation(method: str, clock: MovedClock) -> None:
    params = {"query": 'mutation { make(name: "bear") { id } }'}
    response = await request(
        clock, method, params=params, headers={"authorization": "Bearer alice"}
    )
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("query", ["{ hello }", "{ nothing }", "subscription { numbers(to: 1) }"])
@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON, "text/event-stream", "image/png"])
async def test_head_is_answered_like_get_without_a_body(
    accept: str, query: str, clock: MovedClock
) -> None:
    asked = {"params": {"query": query}, "headers": {"accept": accept}}
    async with toy_server(clock) as server, httpx2.AsyncClient() as client:
        got = await client.get(server.url, **asked)
        told = await client.head(server.url, **asked)
    assert (told.status_code, told.content) == (got.status_code, b"")
    for name in ("content-type", "content-length", "allow", "cache-control"):
        assert told.headers.get(name) == got.headers.get(name)


async def test_a_cache_asks_before_it_shows_an_answer_and_never_keeps_an_error(
    clock: MovedClock,
) -> None:
    for query, expected in (
        ("{ hello }", "public, no-cache"),
        ("{ nothing }", "private, no-store"),
        ("", "private, no-store"),
    ):
        response = await request(clock, "GET", params={"query": query})
        assert response.headers.get_list("cache-control") == [expected]
        assert response.headers["vary"] == "Accept, Authorization, Cookie, Origin"


@pytest.mark.parametrize("name", ["variables", "extensions", "operationName"])
async def test_an_empty_parameter_counts_as_absent(name: str, clock: MovedClock) -> None:
    response = await request(clock, "GET", path=f"?query=%7Bhello%7D&{name}=")
    assert response.json() == HELLO


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(method: str, clock: MovedClock) -> None:
    response = await request(clock, method, json={"query": "{ hello }"})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"null", 400),
        (b"7", 400),
        (b'"{ hello }"', 400),
        (b"[]", 400),
        (b'[{"query": "{ hello }"}]', 400),
        (b"{}", 400),
        (b'{"query": null}', 400),
        (b'{"query": 7}', 400),
        (b'{"query": "{ hello }", "variables": []}', 400),
        (b'{"query": "{ hello }", "variables": "{}"}', 400),
        (b'{"query": "{ hello }", "operationName": {}}', 400),
        (b'{"query": "{ hello }", "extensions": 1}', 400),
        (b'{"query": "{ hello \\ud800 }"}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 50_000, 400),
        (b'{"query": "' + b"x" * 2_000_000 + b'"}', 413),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_malformed_body_is_refused_with_a_reason(
    content: bytes, status: int, clock: MovedClock
) -> None:
    response = await request(clock, content=content, headers={"content-type": JSON})
    assert response.status_code == status
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].endswith(".")


@pytest.mark.parametrize("extensions", [{}, {"persistedQuery": None}, {"other": 1}])
async def test_without_document_and_hash_the_document_is_missing(
    extensions: dict[str, Any], clock: MovedClock
) -> None:
    response = await request(clock, json={"extensions": extensions})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_body_without_length_is_held_to_the_limit(clock: MovedClock) -> None:
    async def chunks() -> Any:
        for _ in range(200):
            yield b"x" * 10_000

    response = await request(clock, content=chunks(), headers={"content-type": JSON})
    assert response.status_code == 413


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/graphql", "", JSON + "x"],
)
async def test_requests_that_any_web_page_could_send_are_refused(
    content_type: str, clock: MovedClock
) -> None:
    response = await request(
        clock, content=b'{"query": "{ hello }"}', headers={"content-type": content_type}
    )
    assert response.status_code == 415


async def test_another_charset_is_refused_and_utf8_is_fine(clock: MovedClock) -> None:
    body = b'{"query": "{ hello }"}'
    for charset in ("UTF-8", "utf8", '"utf-8"', '"UTF8"', ""):
        headers = {"content-type": f"Application/JSON; Charset={charset}"}
        assert (await request(clock, content=body, headers=headers)).json() == HELLO
    for charset in ("utf-16", "not-utf-8", '"latin1"'):
        headers = {"content-type": f"{JSON}; charset={charset}"}
        assert (await request(clock, content=body, headers=headers)).status_code == 415


async def test_a_compressed_body_is_refused_with_a_reason(clock: MovedClock) -> None:
    body = gzip.compress(b'{"query": "{ hello }"}')
    headers = {"content-type": JSON, "content-encoding": "gzip"}
    response = await request(clock, content=body, headers=headers)
    assert response.status_code == 415
    assert "Content-Encoding" in response.json()["errors"][0]["message"]
    assert response.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL_JSON, 400)])
async def test_a_document_that_cannot_run_has_the_status_of_its_media_type(
    accept: str, status: int, clock: MovedClock
) -> None:
    response = await request(clock, json={"query": "{ nothing }"}, headers={"accept": accept})
    assert response.status_code == status
    assert "data" not in response.json()


async def test_a_subscription_without_a_streaming_media_type_is_refused_with_a_reason(
    clock: MovedClock,
) -> None:
    response = await request(
        clock, json={"query": "subscription { numbers(to: 2) }"}, headers={"accept": JSON}
    )
    assert response.status_code == 406
    assert "text/event-stream" in response.text


@pytest.mark.parametrize("query", ["query=%FF", "variables=%7B", "query=%7Bhello%7D&variables=1"])
async def test_a_malformed_query_string_is_400(query: str, clock: MovedClock) -> None:
    response = await request(clock, "GET", path=f"?{query}")
    assert response.status_code == 400
