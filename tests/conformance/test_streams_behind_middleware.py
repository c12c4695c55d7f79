"""Live answers behind a middleware that holds the head of a response back, as `@app.middleware("http")` does."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware

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


def compressed(app: Any) -> Any:
    """Compress event streams too, as older versions of the middleware do."""
    return GZipMiddleware(app, exclude_content_types=())


def uncompressed(app: Any) -> Any:
    """Serve clients as if they accepted nothing compressed."""
    middleware = compressed(app)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        headers = [each for each in scope.get("headers", ()) if each[0] != b"accept-encoding"]
        await middleware({**scope, "headers": headers}, receive, send)

    return serve


@every_transport
@pytest.mark.parametrize("wrap", [behind, compressed, uncompressed, GZipMiddleware])
@pytest.mark.parametrize("by", ["watchword", "uvicorn"])
async def test_events_arrive_behind_their_head_and_the_stream_ends_with_its_session(
    transport: str, by: str, wrap: Any, clock: MovedClock
) -> None:
    async with (
        toy_server(clock, by=by, wrap=wrap) as server,
        live(transport, server, MADE, "ann_s1") as client,
    ):
        await server.followed(1)
        for number in (1, 2):
            await server.publish(str(number))
            await client.until(number)
        await server.happen(session_revoked("ann", "s1"))
        assert await client.ended() == "TOKEN_REVOKED"
    assert [each["id"] for each in client.values("made")] == ["1", "2"]


@pytest.mark.parametrize("wrap", [behind, compressed, uncompressed])
async def test_a_query_is_answered_as_a_stream(wrap: Any, clock: MovedClock) -> None:
    async with toy_server(clock, wrap=wrap) as server:
        answers = [each async for each in over_sse(server.url, "{ __typename }")]
    assert answers == [{"data": {"__typename": "Query"}}]
