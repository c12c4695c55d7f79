"""Until an app is open it answers 503; the log says why once, and so does health."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from watchword.transports.middleware.startup import LIVE, READY, Stage, Startup, StartupGate

LOGGER = "watchword.app"


async def page(_request: Request) -> Response:
    return PlainTextResponse("page")


@asynccontextmanager
async def nothing_to_start(_app: Any) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def failing(_app: Any) -> AsyncIterator[None]:
    raise RuntimeError("the database is away")
    yield


def client(startup: Startup) -> httpx2.AsyncClient:
    routes = [Route(path, page, methods=["GET", "POST"]) for path in ("/page", LIVE, READY)]
    transport = httpx2.ASGITransport(StartupGate(Starlette(routes=routes), startup))
    return httpx2.AsyncClient(transport=transport, base_url="https://x.example")


async def check_closed(startup: Startup, stage: Stage) -> None:
    """Check that everything is refused, and that health answers with the stage."""
    assert startup.stage is stage
    refused = await client(startup).post("/page")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    # GraphQL clients and OAuth clients each find their own form of an error.
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert refused.json()["error"] == "temporarily_unavailable"
    for path, status in ((LIVE, 200), (READY, 503)):
        said = await client(startup).get(path)
        assert (said.status_code, said.json()) == (status, {"status": stage.value})


async def test_only_between_the_start_and_the_end_of_its_lifespan_is_an_app_open() -> None:
    startup = Startup()

    @asynccontextmanager
    async def slow(_app: Any) -> AsyncIterator[None]:
        await check_closed(startup, Stage.STARTING)
        yield
        await check_closed(startup, Stage.STOPPED)

    await check_closed(startup, Stage.NEW)
    for _ in range(2):
        async with startup.follow(slow)(None):
            for path in ("/page", LIVE, READY):
                assert (await client(startup).get(path)).text == "page"
        await check_closed(startup, Stage.STOPPED)


async def test_an_app_that_failed_half_way_through_its_start_stays_closed_until_it_starts() -> None:
    startup = Startup()
    with pytest.raises(RuntimeError, match="away"):
        async with startup.follow(failing)(None):
            raise AssertionError("it started")
    await check_closed(startup, Stage.FAILED)
    async with startup.follow(nothing_to_start)(None):
        assert (await client(startup).get("/page")).text == "page"


async def test_an_app_that_failed_while_it_ran_is_closed() -> None:
    startup = Startup()
    with pytest.raises(RuntimeError, match="lightning"):
        async with startup.follow(nothing_to_start)(None):
            raise RuntimeError("lightning")
    await check_closed(startup, Stage.STOPPED)


async def test_the_log_says_once_why_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    startup = Startup()
    with caplog.at_level(logging.INFO, LOGGER):
        for _ in range(3):
            await client(startup).get("/page")
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "lifespan has not run" in record.getMessage()
    assert "lifespan=watchword.lifespan" in record.getMessage()


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [(["graphql-transport-ws"], "graphql-transport-ws"), (["graphql-ws"], None), ([], None)],
)
async def test_a_socket_is_closed_with_1013_for_which_stock_clients_try_again(
    offered: list[str], accepted: str | None
) -> None:
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        said.append(message)

    scope: Any = {"type": "websocket", "path": "/graphql", "subprotocols": offered}
    await StartupGate(Starlette(), Startup())(scope, receive, send)
    accept, close = said
    assert accept == {"type": "websocket.accept", "subprotocol": accepted}
    assert (close["type"], close["code"]) == ("websocket.close", 1013)
