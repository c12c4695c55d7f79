"""/graphql is answered in front of FastAPI, unless a middleware was added that has to see every request."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from watchword.asgi.types import Response
from watchword.process.eager import Eager
from watchword.transports.front import Front


class Noting:
    """Notes the requests that pass, and answers none itself."""

    def __init__(self, app: ASGIApp, seen: list[str]) -> None:
        self._app = app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._seen.append(scope["path"])
        await self._app(scope, receive, send)


class Endpoint:
    """Answers with the way that a request has come."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # FastAPI puts itself into the scope of every request that its own stack sees.
        way = b"the stack" if "app" in scope else b"in front of it"
        await Response(200, way).send(send)


def make() -> Front:
    app = Front()
    app.serve_graphql(Endpoint(), Endpoint())
    return app


async def get(app: ASGIApp, path: str) -> Any:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://toys.example") as client:
        return await client.get(path)


async def test_graphql_is_answered_in_front_of_the_stack_and_other_paths_by_it() -> None:
    app = make()
    app.add_api_route("/other", lambda: "route")
    assert (await get(app, "/graphql")).text == "in front of it"
    assert (await get(app, "/other")).json() == "route"
    assert (await get(app, "/graphql/more")).status_code == 404


class Slashless(Noting):
    """Removes the last character of the path, and then does the same."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__({**scope, "path": scope["path"][:-1]}, receive, send)


async def test_middleware_in_front_sees_every_request_and_the_last_one_sees_it_first() -> None:
    app, seen = make(), list[str]()
    app.put_in_front(Noting, seen=seen)
    app.put_in_front(Slashless, seen=[])
    assert (await get(app, "/graphql/")).text == "in front of it"
    assert (await get(app, "/other/")).status_code == 404
    assert seen == ["/graphql", "/other"]


async def test_middleware_that_was_added_to_the_app_sees_graphql_too() -> None:
    app, seen = make(), list[str]()
    app.add_middleware(Noting, seen=seen)
    assert (await get(app, "/graphql")).text == "the stack"
    assert seen == ["/graphql"]


@pytest.mark.parametrize("path", ["/mounted/graphql", "/mounted/mounted/graphql"])
async def test_it_is_found_when_the_app_is_mounted_in_another(path: str) -> None:
    outer = app = Front()
    for _ in range(path.count("mounted") - 1):
        inner = Front()
        app.mount("/mounted", inner)
        app = inner
    app.mount("/mounted", make())
    assert (await get(outer, path)).status_code == 200


async def test_the_stack_runs_in_a_task_even_if_the_request_has_none() -> None:
    app = make()
    tasks: list[object] = []

    async def other() -> str:
        tasks.append(asyncio.current_task())
        return "route"

    app.add_api_route("/other", other)
    transport_scope = {"type": "http", "method": "GET", "path": "/other", "raw_path": b"/other"}
    scope = {**transport_scope, "query_string": b"", "headers": [], "root_path": ""}

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        pass

    begun: list[Eager[None]] = []
    asyncio.get_running_loop().call_soon(lambda: begun.append(Eager(app(scope, receive, send))))
    await asyncio.sleep(0)
    assert not tasks
    await begun[0]
    assert tasks == [asyncio.current_task()]
