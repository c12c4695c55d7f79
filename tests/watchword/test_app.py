"""The app as a whole: schemas that it refuses, its routes, its limits, and GraphiQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx2
import pytest
import strawberry
from fastapi import FastAPI

from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.toy_app import (
    FRIEND,
    MOUNT,
    STRANGER,
    Running,
    cors,
    prepared,
    running,
)
from tests.support.toy_server import serving
from watchword.app import create_app
from watchword.config.settings import Settings
from watchword.domain import Domain, Mount
from watchword.errors import Unsafe
from watchword.explorer.assets import PREFIX
from watchword.permissions.field import Public

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
STRICT = "strict-transport-security"


@pytest.fixture
async def toys(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Running]:
    async with running(sqlite_url, clock) as made:
        yield made


def test_a_schema_with_an_unguarded_field_is_refused_by_name(sqlite_url: str) -> None:
    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[Public])
        def hello(self) -> str:
            return "hello"

        @strawberry.field
        def forgotten(self) -> str:
            return "everything"

    mount = Mount(strawberry.Schema(Query), Domain())
    with pytest.raises(Unsafe, match=r"^Query\.forgotten: no permission is declared\."):
        create_app(Settings(_env_file=None, database_url=sqlite_url), mount)


def test_an_app_that_is_made_and_never_started_opens_nothing(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/watchword.db"
    create_app(Settings(_env_file=None, home=tmp_path, database_url=url), MOUNT)
    assert list(tmp_path.iterdir()) == []


async def test_a_signed_in_person_may_do_what_the_roles_of_the_domain_allow(
    database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock) as toys:
        bearer = f"Bearer {await toys.token()}"
        assert await toys.ask("{ count }", authorization=bearer) == {"data": {"count": 3}}
        refused = await toys.ask("{ count }")
        assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/graphql?query={hello}", 200),
        ("POST", "/graphql", 415),
        ("POST", "/api/auth/login", 415),
        ("POST", "/api/auth/refresh", 415),
        ("POST", "/api/auth/logout", 415),
        ("GET", "/.well-known/jwks.json", 200),
        ("GET", "/health/live", 200),
        ("GET", "/health/ready", 200),
        # FastAPI's own pages would load scripts from other hosts, and list the routes.
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/", 404),
    ],
)
async def test_a_route_exists_or_not_as_the_settings_say(
    method: str, path: str, status: int, toys: Running
) -> None:
    assert (await toys.client.request(method, path)).status_code == status


@asynccontextmanager
async def mounted(app: FastAPI, settings: Settings, *, starts: bool) -> AsyncIterator[str]:
    """Serve an app inside another one, which starts it or does not. Yield its URL."""

    @asynccontextmanager
    async def lifespan(_outer: FastAPI) -> AsyncIterator[None]:
        async with app.router.lifespan_context(app) if starts else nullcontext():
            yield

    outer = FastAPI(lifespan=lifespan)
    outer.mount("/api", app)
    async with serving(outer, settings) as (url, _):
        yield f"{url}/api"


async def test_an_app_that_was_not_started_answers_503_on_every_route(
    sqlite_url: str, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    settings = await prepared(sqlite_url, clock, allowed_origins=[FRIEND])
    app = create_app(settings, MOUNT, clock)
    async with mounted(app, settings, starts=False) as url, httpx2.AsyncClient() as client:
        for path in paths_of(app.routes) - {"/health/live", "/health/ready"}:
            refused = await client.post(url + path, json={}, headers={"origin": FRIEND})
            assert refused.status_code == 503, path
        refused = await client.post(f"{url}/graphql", json={}, headers={"origin": FRIEND})
        assert refused.headers["access-control-allow-origin"] == FRIEND
        live, ready = [await client.get(f"{url}/health/{name}") for name in ("live", "ready")]
        assert (live.status_code, live.json()) == (200, {"status": "not started"})
        assert (ready.status_code, ready.json()) == (503, {"status": "not started"})
        async with WebSocketClient.open(f"{url}/graphql") as socket:
            assert (await socket.closed())[0] == 1013
    assert sum("lifespan has not run" in record.getMessage() for record in caplog.records) == 1


async def test_an_app_mounted_in_another_works_and_keeps_its_origin_rules(
    sqlite_url: str, clock: MovedClock
) -> None:
    settings = await prepared(sqlite_url, clock, allowed_origins=[FRIEND])
    app = create_app(settings, MOUNT, clock)
    async with mounted(app, settings, starts=True) as url, httpx2.AsyncClient() as client:
        asked = {"origin": FRIEND, "access-control-request-method": "POST"}
        assert cors(await client.options(f"{url}/oauth/authorize", headers=asked)) == {}
        told = await client.options(f"{url}/oauth/token/", headers=asked | {"origin": STRANGER})
        assert cors(told)["access-control-allow-origin"] == "*"
        for end in ("", "/"):
            answers = TRANSPORTS["websocket"](f"{url}/graphql{end}", "{ hello }")
            assert [each async for each in answers] == [{"data": {"hello": "hello world"}}]


def paths_of(routes: Iterable[Any]) -> set[str]:
    """Return the paths of all routes, including those in routers of FastAPI."""
    inner = [router.original_router.routes for router in routes if not hasattr(router, "path")]
    own = {route.path for route in routes if hasattr(route, "path")}
    return own.union(*map(paths_of, inner))


async def test_every_route_answers_the_same_with_a_slash_at_its_end_and_redirects_nobody(
    sqlite_url: str, clock: MovedClock
) -> None:
    app = create_app(await prepared(sqlite_url, clock), MOUNT, clock)
    transport = httpx2.ASGITransport(app)
    paths = paths_of(app.routes)
    assert {"/graphql", "/oauth/token", "/api/auth/login", f"{PREFIX}{{name}}"} <= paths
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="https://watchword.example") as client,
    ):
        for path in sorted(paths):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                sent = {"headers": {"content-type": "application/json"}, "content": b"7"}
                without = await client.request(method, path, **sent)
                slashed = await client.request(method, f"{path}/", **sent)
                assert (slashed.status_code, slashed.content) == (
                    without.status_code,
                    without.content,
                ), path
                assert not without.is_redirect
                if method == "GET":
                    # RFC 9110, section 9.1: a route that answers GET must answer HEAD.
                    head = await client.head(path)
                    assert head.status_code == (await client.get(path)).status_code, path
                assert (await client.request(method, f"{path}//", **sent)).status_code == 404


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_one_token_works_over_every_transport_of_a_real_server(
    transport: str, end: str, sqlite_url: str, clock: MovedClock
) -> None:
    settings = await prepared(sqlite_url, clock)
    app = create_app(settings, MOUNT, clock)
    async with serving(app, settings) as (url, _), httpx2.AsyncClient(base_url=url) as client:
        token = await Running(client).token()
        answers = TRANSPORTS[transport](f"{url}/graphql{end}", "{ count }", token)
        assert [answer async for answer in answers] == [{"data": {"count": 3}}]


@pytest.mark.parametrize(
    ("name", "limit", "query"),
    [
        ("max_depth", 2, '{ toy(id: "1") { inner { name } } }'),
        ("max_aliases", 0, "{ a: hello }"),
        ("max_cost", 10, "{ toys(first: 100) { name } }"),
        ("max_tokens", 50, f"{{ {'hello ' * 60} }}"),
    ],
)
async def test_a_limit_of_the_settings_holds(
    name: str, limit: int, query: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, **{name: limit}) as toys:
        answer = await toys.ask(query)
        assert answer["errors"][0]["extensions"]["code"] == "TOO_COMPLEX"
        assert "errors" not in await toys.ask("{ hello }")


async def test_tokens_expire_by_the_given_clock(sqlite_url: str, clock: MovedClock) -> None:
    async with running(sqlite_url, clock) as toys:
        bearer = f"Bearer {await toys.token()}"
        assert await toys.ask("{ count }", authorization=bearer) == {"data": {"count": 3}}
        clock.move(3600)
        answer = await toys.ask("{ count }", authorization=bearer)
        assert answer["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"


@pytest.mark.parametrize(
    ("issuer", "said"),
    [
        ("https://watchword.example/base", ["max-age=31536000"]),
        # Browsers would apply it to every other server on the same machine.
        ("https://localhost:8443", []),
        ("https://[::1]", []),
        ("http://127.0.0.1:8000", []),
    ],
)
async def test_browsers_come_by_https_alone_to_a_server_whose_issuer_is_https(
    issuer: str, said: list[str], sqlite_url: str, clock: MovedClock
) -> None:
    settings = await prepared(sqlite_url, clock, issuer=issuer, allowed_origins=[FRIEND])
    app = create_app(settings, MOUNT, clock)
    asked = {"origin": FRIEND, "access-control-request-method": "POST"}
    async with serving(app, settings) as (url, _), httpx2.AsyncClient(base_url=url) as client:
        preflight = await client.options("/graphql", headers=asked)
        assert preflight.headers.get_list(STRICT) == said
        answers = {
            200: await client.get("/graphql", headers=BROWSER),
            400: await client.get("/oauth/authorize"),
            401: await client.get("/graphql", headers={"authorization": "Bearer x"}),
            404: await client.get("/"),
            405: await client.get("/oauth/token"),
            431: await client.get("/", headers={"x": "x" * settings.max_header_bytes}),
        }
        for status, answer in answers.items():
            assert (answer.status_code, answer.headers.get_list(STRICT)) == (status, said)
        async with WebSocketClient.open(f"{url}/graphql") as client_:
            response = client_.socket.response
            assert response is not None
            assert response.headers.get_all(STRICT) == said


async def test_a_browser_gets_the_explorer(toys: Running) -> None:
    response = await toys.client.get("/graphql", headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>Watchword explorer</title>" in response.text
    missing = await toys.client.get(f"{PREFIX}none.js")
    assert missing.text == "There is no such asset.\n"


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER["accept"], True),
        ("text/html", True),
        ("TEXT/HTML, application/json;q=0.9", True),
        ("application/json, text/html;q=0.5", False),
        ("text/html;q=0.9, application/graphql-response+json", False),
        ("application/json, text/html", False),
        ("text/html;q=0, */*", False),
        ("*/*", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("link", ["/graphql?query={hello}", "/graphql/?query=%7Bhello%7D"])
async def test_a_link_with_a_query_shows_the_explorer_to_browsers_and_the_answer_to_clients(
    link: str, accept: str, is_page: bool, toys: Running
) -> None:
    answer = await toys.client.get(link, headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html") == is_page
    assert is_page or answer.json() == {"data": {"hello": "hello world"}}
    assert answer.headers["vary"].lower().startswith("accept")


async def test_a_link_with_a_token_in_it_is_refused_and_not_shown(toys: Running) -> None:
    refused = await toys.client.get("/graphql?query={hello}&access_token=x", headers=BROWSER)
    assert refused.status_code == 400


async def test_without_the_explorer_neither_its_page_nor_its_assets_are_served(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, explorer=False) as toys:
        page = await toys.client.get("/graphql", headers=BROWSER)
        assert page.status_code == 400
        assert page.headers["content-type"].startswith("application/json")
        missing = await toys.client.get(f"{PREFIX}none.js")
        assert (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
