"""A request with a proof is answered with the nonce for the next one."""

from __future__ import annotations

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from watchword.transports.middleware.nonce import NonceHeader


async def page(_request: Request) -> Response:
    return PlainTextResponse("page", headers={"dpop-nonce": "old", "cache-control": "max-age=60"})


@pytest.fixture
def client() -> httpx2.AsyncClient:
    app = NonceHeader(Starlette(routes=[Route("/", page)]), lambda: "new")
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://x.example")


async def test_an_answer_to_a_proof_has_the_nonce_of_now_and_is_not_kept(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.get("/", headers={"dpop": "a.b.c"})
    assert response.headers.get_list("dpop-nonce") == ["new"]
    assert response.headers.get_list("cache-control") == ["no-store"]


async def test_any_other_answer_is_left_alone(client: httpx2.AsyncClient) -> None:
    response = await client.get("/")
    assert response.headers["dpop-nonce"] == "old"
    assert response.headers["cache-control"] == "max-age=60"
