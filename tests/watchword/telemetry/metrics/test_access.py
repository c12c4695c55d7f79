"""Who may read metrics: callers from the named networks, and tokens with the scope."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline
from watchword.errors import Forbidden, InvalidToken, TokenExpired, Unauthenticated
from watchword.telemetry.metrics.access import Access
from watchword.transports.pipeline import Pipeline

NEAR = ("127.0.0.0/8", "::1/128", "10.1.0.0/16")
READER = "prometheus/metrics.read"


@pytest.fixture
async def pipeline(clock: MovedClock) -> AsyncIterator[Pipeline]:
    async with toy_pipeline(clock) as (made, _):
        yield made


def asking(address: str | None, token: str | None = None, query: bytes = b"") -> dict[str, Any]:
    given = [] if token is None else [(b"authorization", b"Bearer " + token.encode())]
    return {
        "type": "http",
        "method": "GET",
        "path": "/metrics",
        "query_string": query,
        "client": None if address is None else (address, 1),
        "headers": given,
    }


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::1", "10.1.200.3", "::ffff:10.1.0.1"]
)
async def test_a_caller_from_a_named_network_needs_no_token(
    address: str, pipeline: Pipeline
) -> None:
    await Access(pipeline, NEAR).check(asking(address))


@pytest.mark.parametrize(
    "address", ["10.2.0.1", "203.0.113.9", "2001:db8::1", "testclient", "", None]
)
async def test_a_caller_from_elsewhere_needs_one(address: str | None, pipeline: Pipeline) -> None:
    access = Access(pipeline, NEAR)
    with pytest.raises(Unauthenticated, match="metrics:read"):
        await access.check(asking(address))
    await access.check(asking(address, READER))
    assert await access.is_given(asking(address, READER))
    assert not await access.is_given(asking(address))


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("alice/toys.count", Forbidden),
        ("alice+keeper", Forbidden),
        ("bad", InvalidToken),
        ("expired", TokenExpired),
    ],
)
async def test_another_token_is_refused(
    token: str, error: type[Exception], pipeline: Pipeline
) -> None:
    with pytest.raises(error):
        await Access(pipeline, NEAR).check(asking("203.0.113.9", token))


async def test_a_token_in_the_url_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(InvalidToken):
        await Access(pipeline, ()).check(
            asking("127.0.0.1", query=b"access_token=" + READER.encode())
        )
