"""Which pages of other origins may read which answers of the app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_app import (
    CREDENTIALS,
    FRIEND,
    STRANGER,
    Running,
    cors,
    running,
)


@pytest.fixture
async def toys(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Running]:
    async with running(sqlite_url, clock) as made:
        yield made


async def test_without_named_origins_no_other_site_may_read_anything(toys: Running) -> None:
    for origin in (FRIEND, STRANGER, "null"):
        response = await toys.client.get("/graphql?query={hello}", headers={"origin": origin})
        assert cors(response) == {}


async def test_a_named_origin_may_read_answers_with_credentials(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        response = await toys.client.get("/graphql?query={hello}", headers={"origin": FRIEND})
        assert response.json() == {"data": {"hello": "hello world"}}
        assert cors(response) == {
            "access-control-allow-origin": FRIEND,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "www-authenticate, retry-after, dpop-nonce, date",
        }
        assert "origin" in response.headers["vary"].lower()


async def test_a_named_origin_may_read_a_refusal_too(sqlite_url: str, clock: MovedClock) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        headers = {"origin": FRIEND, "authorization": "Bearer no.good.token"}
        response = await toys.client.get("/graphql?query={hello}", headers=headers)
        assert response.status_code == 401
        assert cors(response)["access-control-allow-origin"] == FRIEND


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", f"{FRIEND}.evil.example", "http://app.example.com", f"{FRIEND}:1"]
)
async def test_an_origin_that_is_not_named_may_read_nothing(
    origin: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        response = await toys.client.get("/graphql?query={hello}", headers={"origin": origin})
        assert "access-control-allow-origin" not in cors(response)


@pytest.mark.parametrize(
    ("origin", "method", "headers", "status"),
    [
        (FRIEND, "POST", "authorization, content-type", 200),
        # The headers of Apollo Client, of OpenTelemetry, and of clients that resume by Last-Event-ID.
        (FRIEND, "POST", "apollographql-client-name,last-event-id,traceparent,x-other", 200),
        (FRIEND, "HEAD", "authorization", 200),
        (FRIEND, "GET", "authorization", 200),
        (FRIEND, "DELETE", "authorization", 400),
        (FRIEND, "POST", "content-type, cookie", 400),
        (STRANGER, "POST", "content-type", 400),
    ],
)
async def test_a_preflight_request_is_told_what_is_allowed(
    origin: str, method: str, headers: str, status: int, sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        asked = {
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": headers,
        }
        response = await toys.client.options("/graphql", headers=asked)
        assert response.status_code == status
        allowed = cors(response).get("access-control-allow-origin")
        assert allowed == (FRIEND if response.is_success or method == "DELETE" else None)
        if response.is_success:
            # Each by name: a wildcard does not apply to requests with cookies, nor to Authorization.
            assert cors(response)["access-control-allow-headers"] == headers
            assert cors(response)["access-control-max-age"] == "7200"


PUBLIC = [
    "/oauth/token",
    "/oauth/token/",
    "/oauth/revoke",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/base",
]
BEHIND_A_PATH = "https://watchword.example/base"


@pytest.mark.parametrize("path", PUBLIC)
async def test_routes_without_cookies_can_be_read_by_every_page_but_not_with_cookies(
    path: str, sqlite_url: str, clock: MovedClock
) -> None:
    settings: dict[str, Any] = {"allowed_origins": [FRIEND], "issuer": BEHIND_A_PATH}
    async with running(sqlite_url, clock, **settings) as toys:
        for origin in (FRIEND, STRANGER, "null"):
            asked = {"origin": origin, "access-control-request-method": "POST"}
            asked["access-control-request-headers"] = "content-type, dpop"
            cookie = {"origin": origin, "cookie": "__Host-watchword=x"}
            # An error response can be read too.
            for answer in (
                await toys.client.options(path, headers=asked),
                await toys.client.get(path, headers=cookie),
                await toys.client.post(path, headers=cookie, data={"x": "y"}),
            ):
                assert cors(answer)["access-control-allow-origin"] == "*"
                assert "access-control-allow-credentials" not in cors(answer)


async def test_an_application_of_others_gets_tokens_and_never_the_cookies_session(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock) as toys:
        await toys.token()
        page = {"origin": STRANGER, "sec-fetch-site": "same-site"}
        form = {"grant_type": "authorization_code", "client_id": "client_none"}
        for path in ("/oauth/token", "/oauth/revoke"):
            answer = await toys.client.post(path, data=form, headers=page)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert cors(answer)["access-control-allow-origin"] == "*"
        # The browser would send the cookie, because the page is on the same site.
        for path in ("/api/auth/refresh", "/api/auth/logout", "/api/auth/login"):
            refused = await toys.client.post(path, json=CREDENTIALS, headers=page)
            assert refused.status_code == 403
            assert cors(refused) == {}
        assert (await toys.client.post("/api/auth/refresh", json={})).status_code == 200


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/authorize/"])
async def test_no_page_of_another_origin_reads_the_authorization_endpoint(
    path: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        asked = {"access-control-request-method": "POST"}
        for headers in ({"origin": FRIEND}, {"origin": STRANGER}):
            for answer in (
                await toys.client.get(path, headers=headers),
                await toys.client.post(path, headers=headers, json={}),
                await toys.client.options(path, headers=headers | asked),
            ):
                assert not answer.is_success
                assert cors(answer) == {}
