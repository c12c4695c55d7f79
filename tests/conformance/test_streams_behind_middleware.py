"""Live answers behind a middleware that passes responses on by itself, as `@app.middleware("http")` does."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.middleware.base import BaseHTTPMiddleware

from tests.conformance.live import every_transport, live
from tests.support.clients import over_sse
from tests.support.clock import MovedClock
from tests.support.toy_server import toy_server
from watchword.auth.revocation.identity_events import session_revoked

MADE = "subscription { made { id } }"


async def named(request: Any, call_next: Any) -> Any:
    response = await call_next(request)
    response.headers["x-served-by"] = "shop"
    return response


def behind(app: Any) -> Any:
    return BaseHTTPMiddleware(app, dispatch=named)


@every_transport
@pytest.mark.parametrize("by", ["watchword", "uvicorn"])
async def test_events_arrive_behind_their_head_and_the_stream_ends_with_its_session(
    transport: str, by: str, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, by=by, wrap=behind) as server,
        live(transport, server, MADE, "ann_s1") as client,
    ):
        await server.followed(1)
        for number in (1, 2):
            await server.publish(str(number))
            await client.until(number)
        await server.happen(session_revoked("ann", "s1"))
        assert await client.ended() == "TOKEN_REVOKED"
    assert [each["id"] for each in client.values("made")] == ["1", "2"]


async def test_a_query_is_answered_as_a_stream(clock: MovedClock) -> None:
    async with toy_server(clock, wrap=behind) as server:
        answers = [each async for each in over_sse(server.url, "{ __typename }")]
    assert answers == [{"data": {"__typename": "Query"}}]
