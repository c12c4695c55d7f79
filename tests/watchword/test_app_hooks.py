"""Routes, middleware, startup and shutdown of a mounted schema."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.toy_app import prepared
from watchword.app import create_app
from watchword.domain import Domain, Mount, check
from watchword.errors import Unsafe


async def shop(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("open")


class Named:
    def __init__(self, app: Any, name: bytes, seen: list[bytes]) -> None:
        self.app, self.name, self.seen = app, name, seen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.seen.append(self.name)
        await self.app(scope, receive, send)


async def test_routes_middleware_startup_and_shutdown_are_used(
    sqlite_url: str, clock: MovedClock
) -> None:
    seen, said = list[bytes](), list[str]()

    async def startup() -> None:
        said.append("startup")

    async def shutdown() -> None:
        said.append("shutdown")

    domain = Domain(
        routes=[Route("/shop", shop)],
        middleware=[Middleware(Named, b"first", seen), Middleware(Named, b"second", seen)],
        startup=startup,
        shutdown=shutdown,
    )
    app = create_app(await prepared(sqlite_url, clock), Mount(toy_schema.schema, domain), clock)
    transport = httpx2.ASGITransport(app)
    async with (
        httpx2.AsyncClient(transport=transport, base_url="https://watchword.example") as client,
    ):
        assert (await client.get("/shop")).status_code == 503
        async with app.router.lifespan_context(app):
            assert (await client.get("/shop")).text == "open"
            answer = await client.post("/graphql", json={"query": "{ hello }"})
            assert answer.json() == {"data": {"hello": "hello world"}}
            assert said == ["startup"]
    assert said == ["startup", "shutdown"]
    assert seen == [b"first", b"second"] * 2


async def test_an_app_whose_startup_fails_does_not_open(sqlite_url: str, clock: MovedClock) -> None:
    said: list[str] = []

    async def startup() -> None:
        raise LookupError("no shop")

    async def shutdown() -> None:
        said.append("shutdown")

    domain = Domain(startup=startup, shutdown=shutdown)
    app = create_app(await prepared(sqlite_url, clock), Mount(toy_schema.schema, domain), clock)
    with pytest.raises(LookupError, match="no shop"):
        async with app.router.lifespan_context(app):
            pass
    assert said == ["shutdown"]


@pytest.mark.parametrize("path", ["/graphql", "/oauth/other", "/api/auth/login"])
async def test_a_route_in_the_place_of_ours_is_refused(
    path: str, sqlite_url: str, clock: MovedClock
) -> None:
    domain = Domain(routes=[Route(path, shop)])
    settings = await prepared(sqlite_url, clock)
    with pytest.raises(Unsafe, match=path):
        create_app(settings, Mount(toy_schema.schema, domain), clock)


def test_a_misnamed_hook_is_an_error_that_names_it() -> None:
    with pytest.raises(Unsafe, match="Domain has no 'rotues'. Did you mean 'routes'?"):
        Domain(rotues=[])  # type: ignore[call-arg]
    with pytest.raises(Unsafe, match="Domain has no 'zzz'. It has roles, gives,"):
        Domain(zzz=1)  # type: ignore[call-arg]


@pytest.mark.parametrize("hook", ["demo", "startup", "shutdown", "claims", "on_identity"])
def test_a_hook_that_is_no_function_is_refused(hook: str) -> None:
    given: dict[str, Any] = {hook: "now"}
    with pytest.raises(Unsafe, match=f"Domain.{hook} is an async function, not 'now'"):
        check(Domain(**given))


def test_a_users_table_without_a_method_is_refused() -> None:
    with pytest.raises(Unsafe, match="Domain.accounts has no method authenticate"):
        check(Domain(accounts=object()))  # type: ignore[arg-type]
