"""Answers to GET requests have a tag and say who may keep them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.clock import MovedClock
from tests.support.shop import Shop, schema, world
from tests.support.toy_server import ToyServer, toy_server
from watchword.asgi.types import header_table
from watchword.execution.shared.store import tag_of
from watchword.transports.http.caching import cache_control, conditional

VARY = "Accept, Authorization, Cookie, Origin"
ITEM = "{ item { price } }"


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    world.__init__()  # type: ignore[misc]
    async with toy_server(clock, schema) as running:
        await running.pipeline.services.hub.look()
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient() as made:
        yield made


async def get(
    client: httpx2.AsyncClient, server: ToyServer, query: str = ITEM, **headers: str
) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.get(server.url, params={"query": query}, headers=named)


@pytest.mark.parametrize(
    ("is_anonymous", "is_shared", "max_age", "expected"),
    [
        (True, True, 0, b"public, no-cache"),
        (True, False, 0, b"public, no-cache"),
        (False, True, 0, b"public, no-cache"),
        (False, False, 0, b"private, no-store"),
        (True, True, 60, b"public, max-age=60"),
        (True, False, 60, b"public, no-cache"),
        (False, True, 60, b"public, no-cache"),
        (False, False, 60, b"private, no-store"),
    ],
)
def test_who_may_keep_an_answer(
    is_anonymous: bool, is_shared: bool, max_age: int, expected: bytes
) -> None:
    assert cache_control(is_anonymous, is_shared, max_age) == expected


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (None, 200),
        ("", 200),
        ('W/"other"', 200),
        ("{tag}", 304),
        ("{strong}", 304),
        ('"a", {tag} , "b"', 304),
        ("*", 304),
        ("other", 200),
    ],
)
def test_an_answer_that_the_client_has_is_304(condition: str | None, status: int) -> None:
    tag = tag_of(b"{}")
    strong = tag.decode().removeprefix("W/")
    told = None if condition is None else condition.format(tag=tag.decode(), strong=strong)
    headers = [] if told is None else [(b"if-none-match", told.encode())]
    made = conditional(
        header_table({"headers": headers}).get(b"if-none-match", b""),
        b"{}",
        tag,
        (b"content-type", b"application/json"),
        b"public, no-cache",
    )
    assert made.status == status
    assert made.body == (b"{}" if status == 200 else b"")
    named = dict(made.headers)
    assert named[b"etag"] == tag
    assert named[b"vary"].decode() == VARY
    assert named[b"cache-control"] == b"public, no-cache"
    assert (b"content-type" in named) is (status == 200)


@pytest.mark.parametrize("token", [None, "ada"])
async def test_a_shared_answer_is_public_and_has_a_tag(
    client: httpx2.AsyncClient, server: ToyServer, token: str | None
) -> None:
    credential = {} if token is None else {"authorization": f"Bearer {token}"}
    first = await get(client, server, **credential)
    assert first.headers["cache-control"] == "public, no-cache"
    assert first.headers["vary"] == VARY
    tag = first.headers["etag"]
    for _ in range(3):
        again = await get(client, server, if_none_match=tag, **credential)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert (again.headers["cache-control"], again.headers["vary"]) == ("public, no-cache", VARY)
        assert "content-length" not in again.headers
    await Shop(server.pipeline).happen()
    changed = await get(client, server, if_none_match=tag, **credential)
    assert changed.json() == {"data": {"item": {"price": 2}}}
    assert changed.headers["etag"] != tag


async def test_an_anonymous_answer_is_public_even_if_it_is_not_shared(
    client: httpx2.AsyncClient, server: ToyServer
) -> None:
    answer = await get(client, server, "{ undeclared }")
    assert answer.headers["cache-control"] == "public, no-cache"
    again = await get(client, server, "{ undeclared }", if_none_match=answer.headers["etag"])
    assert again.status_code == 304
    assert world.asked == 2


@pytest.mark.parametrize("query", ["{ mine }", "{ secretlyMine }", "{ undeclared }"])
async def test_a_personal_answer_is_private(
    client: httpx2.AsyncClient, server: ToyServer, query: str
) -> None:
    answer = await get(client, server, query, authorization="Bearer ada")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["vary"] == VARY
    tag = answer.headers["etag"]
    same = await get(client, server, query, authorization="Bearer ada", if_none_match=tag)
    assert (same.status_code, same.headers["cache-control"]) == (304, "private, no-store")


@pytest.mark.parametrize("query", ["{ missing { price } }", "{ nothing }", "", "{"])
async def test_an_answer_with_errors_is_never_kept(
    client: httpx2.AsyncClient, server: ToyServer, query: str
) -> None:
    answer = await get(client, server, query)
    assert "errors" in answer.json()
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["vary"] == VARY
    assert "etag" not in answer.headers


async def test_an_answer_to_post_is_private_and_has_no_tag(
    client: httpx2.AsyncClient, server: ToyServer
) -> None:
    for _ in range(3):
        answer = await client.post(server.url, json={"query": ITEM})
        assert answer.headers["cache-control"] == "private, no-store"
        assert "etag" not in answer.headers
    assert world.asked == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (ITEM, {"accept": "text/event-stream"}),
        ("subscription { prices }", {"accept": "text/event-stream"}),
        ("subscription { prices }", {"accept": "multipart/mixed"}),
        ("subscription { prices }", {}),
        ("mutation { setPrice(price: 3) }", {}),
        ("{ crash }", {}),
        ("{ unknown }", {"accept": "application/graphql-response+json"}),
        (ITEM, {"accept": "image/png"}),
        (ITEM, {"authorization": "Bearer bad"}),
        (ITEM, {"authorization": "Basic bad"}),
        ("{", {}),
    ],
)
async def test_everything_else_is_private_and_depends_on_the_same_headers(
    client: httpx2.AsyncClient, server: ToyServer, method: str, query: str, headers: dict[str, str]
) -> None:
    sent = {"json" if method == "POST" else "params": {"query": query}}
    async with client.stream(method, server.url, headers=headers, **sent) as answer:
        assert answer.headers["cache-control"].startswith("private, no-store")
        assert answer.headers["vary"] == VARY
        assert "etag" not in answer.headers


async def test_a_refused_token_is_refused_whatever_is_kept(
    client: httpx2.AsyncClient, server: ToyServer
) -> None:
    tag = (await get(client, server)).headers["etag"]
    refused = await get(client, server, if_none_match=tag, authorization="Bearer bad")
    assert (refused.status_code, refused.headers["cache-control"]) == (401, "private, no-store")


async def test_head_is_answered_like_get(client: httpx2.AsyncClient, server: ToyServer) -> None:
    got = await get(client, server)
    params, tag = {"query": ITEM}, got.headers["etag"]
    told = await client.head(server.url, params=params)
    assert (told.headers["etag"], told.content) == (tag, b"")
    same = await client.head(server.url, params=params, headers={"if-none-match": tag})
    assert same.status_code == 304


async def test_a_maximum_age_is_told_by_setting(
    client: httpx2.AsyncClient, clock: MovedClock
) -> None:
    async with toy_server(clock, schema, answer_max_age_seconds=60) as server:
        await server.pipeline.services.hub.look()
        answer = await get(client, server)
        assert answer.headers["cache-control"] == "public, max-age=60"
        signed_in = await get(client, server, authorization="Bearer ada")
        assert signed_in.headers["cache-control"] == "public, no-cache"


async def test_the_mutation_and_then_the_cursor_see_the_new_answer(
    client: httpx2.AsyncClient, server: ToyServer
) -> None:
    for _ in range(3):
        await get(client, server)
    changed = await client.post(server.url, json={"query": "mutation { setPrice(price: 9) }"})
    cursors = changed.json()["extensions"]["cursors"]
    asked = {"query": ITEM, "extensions": {"after": cursors["prices"]}}
    for after in (cursors["prices"], [*cursors.values()]):
        asked["extensions"] = {"after": after}
        answer = await client.post(server.url, json=asked)
        assert answer.json() == {"data": {"item": {"price": 9}}}


@pytest.mark.parametrize("after", [7, ["x", 7], ["x"] * 21, {}])
async def test_other_values_of_after_are_refused(
    client: httpx2.AsyncClient, server: ToyServer, after: object
) -> None:
    asked = {"query": ITEM, "extensions": {"after": after}}
    refused = await client.post(server.url, json=asked)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["extensions"]["path"] == ["extensions", "after"]


async def test_a_text_that_is_no_cursor_is_refused(
    client: httpx2.AsyncClient, server: ToyServer
) -> None:
    asked = {"query": ITEM, "extensions": {"after": "x"}}
    accept = {"accept": "application/graphql-response+json"}
    refused = await client.post(server.url, json=asked, headers=accept)
    assert refused.status_code == 400
    [error] = refused.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "path": ["extensions", "after"]}
