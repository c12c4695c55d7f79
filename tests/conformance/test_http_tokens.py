"""Tokens over plain HTTP: those that are refused, and those that end while a request arrives."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.bound_server import ACCEPT, bound_server
from tests.support.clock import MovedClock
from tests.support.toy_server import LIFE, ToyServer, toy_server, until
from watchword.asgi.uvicorn import head
from watchword.auth.revocation.identity_events import roles_changed, session_revoked
from watchword.events.event import Event
from watchword.execution.plan import Plan

JSON = "application/json"


GRAPHQL_JSON = "application/graphql-response+json"


async def request(clock: MovedClock, method: str = "POST", **rest: Any) -> httpx2.Response:
    async with toy_server(clock) as server, httpx2.AsyncClient() as client:
        url = server.url + rest.pop("path", "")
        return await client.request(method, url, **rest)


@pytest.mark.parametrize("token", ["bad", "expired", "revoked"])
async def test_a_bad_token_is_401_with_a_challenge(token: str, clock: MovedClock) -> None:
    response = await request(
        clock, json={"query": "{ hello }"}, headers={"authorization": f"Bearer {token}"}
    )
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith(
        'Bearer realm="watchword", error="invalid_token", error_description="'
    )
    code = response.json()["errors"][0]["extensions"]["code"]
    assert code == {"bad": "UNAUTHENTICATED", "expired": "TOKEN_EXPIRED"}.get(
        token, "TOKEN_REVOKED"
    )


@pytest.mark.parametrize(
    "value", ["alice", "Bearer", "Bearer a b", "Bearer a, Bearer b", "Basic YTpi", "Bearer ä"]
)
async def test_a_malformed_authorization_header_is_401(value: str, clock: MovedClock) -> None:
    headers = {"authorization": value.encode("latin-1")}
    response = await request(clock, json={"query": "{ hello }"}, headers=headers)
    assert response.status_code == 401


async def test_two_authorization_headers_are_401(clock: MovedClock) -> None:
    headers = [("authorization", "Bearer alice"), ("authorization", "Bearer alice")]
    response = await request(clock, json={"query": "{ hello }"}, headers=headers)
    assert response.status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_in_the_url_is_refused(method: str, clock: MovedClock) -> None:
    rest: dict[str, Any] = {} if method == "GET" else {"json": {"query": "{ hello }"}}
    params = {"query": "{ hello }", "access_token": "alice"}
    response = await request(clock, method, params=params, **rest)
    assert response.status_code == 400
    assert "never in the URL" in response.text
    assert 'error="invalid_request"' in response.headers["www-authenticate"]


async def test_a_refused_token_is_answered_in_plain_json_if_the_client_takes_it(
    clock: MovedClock,
) -> None:
    for accept, media_type in (
        (f"{GRAPHQL_JSON}, {JSON};q=0.9", JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
    ):
        headers = {"authorization": "Bearer bad", "accept": accept}
        response = await request(clock, json={"query": "{ hello }"}, headers=headers)
        assert response.headers["content-type"].startswith(media_type)


async def test_a_failing_key_store_is_500_with_an_id(clock: MovedClock) -> None:
    response = await request(
        clock, json={"query": "{ hello }"}, headers={"authorization": "Bearer crash"}
    )
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "fire" not in response.text


MAKE = 'mutation { make(name: "late") { id } }'


MADE = "subscription { made { id } }"


COUNT = "{ count }"


class SlowRequest:
    """A request with headers that the server has read, and a body that is not sent yet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def finish(self, body: bytes) -> tuple[int, str]:
        """Send the body, and return the status and the rest of the response."""
        self._writer.write(body)
        async with asyncio.timeout(10):
            answer = await self._reader.read()
        return int(answer[9:12]), answer.decode()


@asynccontextmanager
async def slow_request(
    url: str, body: bytes, *headers: str, path: str = "/graphql"
) -> AsyncIterator[SlowRequest]:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers]
    # The server sends 100 Continue when it begins to read the body (RFC 9110, section 10.1.1).
    lines += ["connection: close", "expect: 100-continue", "", ""]
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(10):
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    try:
        yield SlowRequest(reader, writer)
    finally:
        writer.close()


async def come_late(
    server: ToyServer, transport: str, query: str, happened: Event | None
) -> tuple[int, str]:
    """Send a query with a body that follows after `happen`. Without it, after the token has expired."""
    body = json.dumps({"query": query}).encode()
    headers = ("authorization: Bearer alice+keeper/toys.count_s1~1", f"accept: {ACCEPT[transport]}")
    async with slow_request(server.url, body, *headers, f"content-type: {JSON}") as asked:
        if happened is None:
            server.pipeline.services.clock.move(LIFE)  # type: ignore[attr-defined]
        else:
            await server.happen(happened)
            await until(lambda: len(server.follower._revocations) == 1)
        return await asked.finish(body)


@pytest.mark.parametrize(
    ("happened", "code"),
    [
        (session_revoked("alice", "s1"), "TOKEN_REVOKED"),
        (roles_changed("alice", 2, []), "TOKEN_EXPIRED"),
        (None, "TOKEN_EXPIRED"),
    ],
    ids=["revoked", "outdated", "expired"],
)
@pytest.mark.parametrize(
    ("transport", "query"),
    [("http", MAKE), ("http", COUNT), ("sse", MAKE), ("sse", MADE), ("multipart", MADE)],
)
async def test_a_token_that_ends_while_the_body_comes_does_nothing(
    transport: str,
    query: str,
    happened: Event | None,
    code: str,
    clock: MovedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with toy_server(clock) as server:
        status, answer = await come_late(server, transport, query, happened)
    assert status == 401, answer
    assert code in answer
    assert 'www-authenticate: Bearer realm="watchword", error="invalid_token"' in answer
    rule = {"TOKEN_REVOKED": "revoked"}.get(code, "exp" if happened is None else "ver")
    assert f"a token was refused by the rule: {rule}" in caplog.text
    assert "alice+keeper" not in caplog.text


@pytest.mark.parametrize("transport", ["sse", "multipart"])
async def test_a_token_that_ends_while_the_document_is_read_is_401(
    transport: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with toy_server(clock) as server:
        engine = server.pipeline.engine
        plan = engine.plan

        def slow_plan(*asked: Any) -> Plan:
            clock.move(LIFE)
            return plan(*asked)

        monkeypatch.setattr(engine, "plan", slow_plan)
        headers = {"authorization": "Bearer alice", "accept": ACCEPT[transport]}
        async with httpx2.AsyncClient() as client:
            answer = await client.post(server.url, json={"query": MADE}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"
    assert "invalid_token" in answer.headers["www-authenticate"]


async def test_a_token_that_is_valid_in_a_moment_is_401_and_says_when_to_retry(
    clock: MovedClock,
) -> None:
    headers = {"authorization": "Bearer early"}
    response = await request(clock, json={"query": "{ hello }"}, headers=headers)
    [error] = response.json()["errors"]
    assert response.status_code == 401
    assert error["extensions"] == {"code": "TOKEN_NOT_YET_VALID", "retryAfter": 3}
    assert response.headers["retry-after"] == "3"
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("transport", ["http", "sse"])
async def test_roles_that_are_revoked_while_the_body_arrives_do_not_count(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock, on_role_change="downgrade") as server:
        _, answer = await come_late(server, transport, COUNT, roles_changed("alice", 2, ["child"]))
    assert "FORBIDDEN" in answer


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/graphql", JSON),
        ("/api/auth/login", JSON),
        ("/api/auth/refresh", JSON),
        ("/oauth/token", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_does_not_arrive_is_408_on_every_route(
    path: str,
    content_type: str,
    sqlite_url: str,
    clock: MovedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head, "BODY_SECONDS", 0.1)
    type_of_it = f"content-type: {content_type}"
    async with (
        bound_server(sqlite_url, clock) as server,
        slow_request(server.url, b"{}", type_of_it, path=path) as asked,
    ):
        status, answer = await asked.finish(b"{")
    assert status == 408
    assert "connection: close" in answer


@pytest.mark.parametrize(
    ("authorization", "scheme"),
    [("Bearer bad", "Bearer"), ("DPoP bad", "DPoP"), ("dpop a b", "DPoP"), ("Basic x", "Bearer")],
)
async def test_the_challenge_is_of_the_scheme_that_was_used(
    authorization: str, scheme: str, clock: MovedClock
) -> None:
    headers = {"authorization": authorization}
    response = await request(clock, json={"query": "{ hello }"}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith(f"{scheme} realm=")
