"""The lifespan of an app runs around a block, in one task, and its state reaches requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from watchword.testing.lifespan import started


def app_with(lifespan: Any) -> Starlette:
    def name(request: Request) -> JSONResponse:
        return JSONResponse(request.state.name)

    return Starlette(lifespan=lifespan, routes=[Route("/", name)])


async def test_it_starts_stops_and_lends_its_state() -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[dict[str, str]]:
        task = asyncio.current_task()
        async with asyncio.TaskGroup():
            steps.append("started")
            yield {"name": "shop"}
        steps.append("stopped" if asyncio.current_task() is task else "in another task")

    async with started(app_with(lifespan)) as app:
        assert steps == ["started"]
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop") as client:
            assert (await client.get("/")).json() == "shop"
    assert steps == ["started", "stopped"]


@pytest.mark.parametrize("when", ["start", "stop"])
async def test_the_error_of_a_step_is_raised_as_it_is(when: str) -> None:
    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        if when == "start":
            raise LookupError("no start")
        yield
        raise LookupError("no stop")

    with pytest.raises(LookupError, match=f"no {when}"):
        async with started(app_with(lifespan)):
            assert when == "stop"


async def test_an_app_without_a_lifespan_is_named() -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        pass

    with pytest.raises(RuntimeError, match="without an answer to startup"):
        async with started(app):
            pass
