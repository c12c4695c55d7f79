"""The path decides which pages may read a response: all, none, or those of the named origins."""

from __future__ import annotations

import inspect
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from watchword.transports.middleware.cors import EXPOSED, CorsByPath

FRIEND, STRANGER = "https://app.example.com", "https://evil.example.com"
EVERYBODY, NOBODY, OTHERS = "/token", "/authorize", "/graphql"


async def page(_request: Request) -> Response:
    return PlainTextResponse("page")


def client(named: list[str]) -> httpx2.AsyncClient:
    routes = [Route(path, page, methods=["GET", "POST"]) for path in (EVERYBODY, NOBODY, OTHERS)]
    app = CorsByPath(Starlette(routes=routes), named=named, public=[EVERYBODY], private=[NOBODY])
    transport = httpx2.ASGITransport(app)
    return httpx2.AsyncClient(transport=transport, base_url="https://x.example")


def said(response: httpx2.Response) -> dict[str, str]:
    start = "access-control-"
    headers = response.headers.items()
    return {name.removeprefix(start): value for name, value in headers if name.startswith(start)}


@pytest.mark.parametrize("named", [[], [FRIEND]])
@pytest.mark.parametrize("origin", [FRIEND, STRANGER, "null"])
async def test_what_is_public_is_read_by_every_page_without_credentials(
    named: list[str], origin: str
) -> None:
    response = await client(named).get(EVERYBODY, headers={"origin": origin, "cookie": "a=b"})
    assert said(response) == {"allow-origin": "*", "expose-headers": ", ".join(EXPOSED)}


@pytest.mark.parametrize("origin", [FRIEND, STRANGER])
async def test_what_is_private_is_read_by_no_other_page(origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "POST"}
    for method in ("GET", "POST", "OPTIONS"):
        assert said(await client([FRIEND]).request(method, NOBODY, headers=asked)) == {}


async def test_named_origins_read_all_other_paths_with_credentials() -> None:
    told = said(await client([FRIEND]).get(OTHERS, headers={"origin": FRIEND}))
    assert (told["allow-origin"], told["allow-credentials"]) == (FRIEND, "true")
    assert "allow-origin" not in said(
        await client([FRIEND]).get(OTHERS, headers={"origin": STRANGER})
    )
    assert said(await client([]).get(OTHERS, headers={"origin": FRIEND})) == {}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (EVERYBODY, "content-type, dpop", 200),
        # Clients that have a secret send it in a header. A page can keep no secret.
        (EVERYBODY, "authorization", 400),
        (OTHERS, "authorization, content-type, dpop", 200),
        (OTHERS, "apollographql-client-name,traceparent,last-event-id", 200),
        (EVERYBODY, "traceparent", 400),
        (OTHERS, "x-other, sec-fetch-site", 400),
        (OTHERS, "proxy-authorization", 400),
        (OTHERS, "Cookie", 400),
        (OTHERS, "x-other,", 400),
        (OTHERS, "x other", 400),
        (OTHERS, "*: x", 400),
    ],
)
async def test_a_page_that_asks_first_hears_which_headers_it_may_send(
    path: str, headers: str, status: int
) -> None:
    asked = {
        "origin": FRIEND,
        "access-control-request-method": "POST",
        "access-control-request-headers": headers,
    }
    assert (await client([FRIEND]).options(path, headers=asked)).status_code == status


async def test_an_origin_is_known_however_it_is_written() -> None:
    extension = "safari-web-extension://1b2c3d4e"
    for origin in (extension, extension.upper().replace("SAFARI-WEB", "safari-web")):
        answer = await client([FRIEND, extension]).get(OTHERS, headers={"origin": origin})
        # The browser compares this header with the origin that it has sent.
        assert said(answer)["allow-origin"] == origin


async def test_a_named_origin_may_ask_a_server_in_a_private_network() -> None:
    asked = {"origin": FRIEND, "access-control-request-method": "POST"}
    asked["access-control-request-private-network"] = "true"
    answer = await client([FRIEND]).options(OTHERS, headers=asked)
    assert said(answer)["allow-private-network"] == "true"
    assert (await client([FRIEND]).options(EVERYBODY, headers=asked)).status_code == 400


async def test_a_cache_keeps_a_public_answer_for_each_page_apart() -> None:
    for headers in ({}, {"origin": STRANGER}):
        response = await client([]).get(EVERYBODY, headers=headers)
        assert "origin" in response.headers["vary"].lower()


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_what_is_no_request_is_passed_on(kind: str) -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is read or said")

    scope: Any = {"type": kind}
    await CorsByPath(app, named=[FRIEND], public=[], private=[])(scope, nothing, nothing)
    assert seen == [scope]


def test_starlettes_cors_middleware_still_has_what_is_overridden() -> None:
    middleware = CORSMiddleware(Starlette(), allow_origins=[FRIEND])
    assert middleware.allow_origins == [FRIEND]
    assert [*inspect.signature(middleware.is_allowed_origin).parameters] == ["origin"]
    assert [*inspect.signature(middleware.preflight_response).parameters] == ["request_headers"]
