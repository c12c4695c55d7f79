"""Which clients get an answer in parts over HTTP, and which the whole."""

from __future__ import annotations

import httpx2
import pytest

from tests.support.parts_schema import ACCEPT, DEFERRED, Gates
from tests.support.toy_server import ToyServer

WHOLE = [
    "application/json",
    "*/*",
    "application/graphql-response+json",
    "multipart/mixed;deferSpec=20220824,application/json",
    "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json",
    "multipart/mixed;incrementalSpec=v0.1,application/json",
    "multipart/mixed;q=0,application/json",
]
IN_PARTS = [
    "multipart/mixed",
    "multipart/mixed;incrementalSpec=v0.2,application/graphql-response+json,application/json",
    'multipart/mixed; incrementalSpec="v0.2"',
    "multipart/mixed;deferSpec=20220824,multipart/mixed;incrementalSpec=v0.2",
    # urql's
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream,"
    " multipart/mixed",
]


@pytest.mark.parametrize("accept", WHOLE)
async def test_a_client_that_takes_no_parts_gets_the_whole_answer(
    accept: str, server: ToyServer, gates: Gates
) -> None:
    gates.open["a"].set()
    async with httpx2.AsyncClient() as client:
        for _ in range(3):
            response = await client.post(
                server.url, json={"query": DEFERRED}, headers={"accept": accept}
            )
            assert response.json() == {"data": {"item": {"name": "a", "late": "late a"}}}
            assert "json" in response.headers["content-type"]
    # It is compiled, like any other.
    assert not server.pipeline.engine.fallbacks


@pytest.mark.parametrize("accept", IN_PARTS)
async def test_a_client_that_takes_parts_gets_them(
    accept: str, server: ToyServer, gates: Gates
) -> None:
    gates.open["a"].set()
    async with httpx2.AsyncClient() as client:
        response = await client.post(
            server.url, json={"query": DEFERRED}, headers={"accept": accept}
        )
    assert (
        response.headers["content-type"]
        == 'multipart/mixed; boundary="graphql"; incrementalSpec=v0.2'
    )
    assert response.headers["cache-control"] == "private, no-store, no-transform"
    assert response.text.endswith("\r\n--graphql--\r\n")


async def test_a_get_request_may_ask_for_parts(server: ToyServer, gates: Gates) -> None:
    gates.open["a"].set()
    async with httpx2.AsyncClient() as client:
        response = await client.get(
            server.url, params={"query": DEFERRED}, headers={"accept": ACCEPT}
        )
        head = await client.head(server.url, params={"query": DEFERRED}, headers={"accept": ACCEPT})
    assert "multipart/mixed" in response.headers["content-type"]
    assert (head.status_code, head.text) == (200, "")
    assert "multipart/mixed" in head.headers["content-type"]
