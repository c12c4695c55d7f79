"""The app as a whole: schemas that it refuses, its routes, and that it releases everything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
import strawberry
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support import toy_schema
from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.redis import live_redis
from tests.support.toy_server import serving, until
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.app import create_app
from watchword.auth.accounts.accounts import add_account
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.revocation.identity_events import token_revoked
from watchword.auth.revocation.revocations import Revocations
from watchword.auth.service import REVOCATIONS_ARE_FRESH
from watchword.auth.sessions import sessions
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.config.settings import Settings
from watchword.domain import Domain, Mount
from watchword.errors import Unsafe
from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event
from watchword.events.hub import Hub
from watchword.events.log.tables import streams
from watchword.explorer.assets import PREFIX
from watchword.oauth.authorize import codes
from watchword.permissions.field import Public
from watchword.process.background import LONGEST_PAUSE
from watchword.storage.database import Database
from watchword.transaction import transaction

MOUNT = Mount(toy_schema.schema, Domain(roles={"keeper": frozenset({"toys:count"})}))
EMAIL, PASSWORD = "alice@example.com", "correct horse battery"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
FRIEND, STRANGER = "https://app.example.com", "https://evil.example.com"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


STRICT = "strict-transport-security"


@dataclass
class Running:
    """An app between its start and its stop, with a client in front of it."""

    client: httpx2.AsyncClient

    async def token(self) -> str:
        """Sign in, and return the access token."""
        response = await self.client.post("/api/auth/login", json=CREDENTIALS)
        return str(response.json()["access_token"])

    async def ask(self, query: str, **headers: str) -> Any:
        response = await self.client.post("/graphql", json={"query": query}, headers=headers)
        return response.json()


async def prepared(url: str, clock: MovedClock, **settings: Any) -> Settings:
    """Add a signing key and an account to a database, and return settings for it."""
    read = Settings(_env_file=None, database_url=url, encryption_keys=(ENCRYPTION_KEY,), **settings)
    database = Database(url)
    await ensure(database, VAULT, read, clock.now())
    async with unit_of(database, clock.now()) as unit:
        await add_account(
            unit, email=EMAIL, name="Alice", roles=["keeper"], hash=await hash_chosen(PASSWORD)
        )
    await database.close()
    return read


@asynccontextmanager
async def running(url: str, clock: MovedClock, **settings: Any) -> AsyncIterator[Running]:
    """Prepare a database, and run the app on it for a block."""
    async with started(await prepared(url, clock, **settings), clock) as app:
        yield app


@asynccontextmanager
async def started(settings: Settings, clock: MovedClock) -> AsyncIterator[Running]:
    """Run the app around the toy schema for a block, as a server would."""
    app = create_app(settings, MOUNT, clock)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="https://watchword.example") as client,
    ):
        # Each background task takes its first step, and then waits for its time.
        await asyncio.sleep(0)
        yield Running(client)


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
    ("name", "limit", "query", "code"),
    [
        ("max_depth", 2, '{ toy(id: "1") { inner { name } } }', "TOO_COMPLEX"),
        ("max_aliases", 0, "{ a: hello }", "TOO_COMPLEX"),
        ("max_objects", 10, "{ toys(first: 100) { name } }", "TOO_COMPLEX"),
        # The parser stops at this limit, so there is no document to measure.
        ("max_tokens", 50, f"{{ {'hello ' * 60} }}", "BAD_USER_INPUT"),
    ],
)
async def test_a_limit_of_the_settings_holds(
    name: str, limit: int, query: str, code: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, **{name: limit}) as toys:
        answer = await toys.ask(query)
        assert answer["errors"][0]["extensions"]["code"] == code
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


def cors(response: httpx2.Response) -> dict[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
    }


async def test_without_named_origins_no_other_site_may_read_anything(toys: Running) -> None:
    for origin in (FRIEND, STRANGER, "null"):
        response = await toys.client.get("/graphql?query={hello}", headers={"origin": origin})
        assert cors(response) == {}


async def test_a_named_origin_may_read_answers_with_credentials(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        response = await toys.client.get("/graphql?query={hello}", headers={"origin": FRIEND})
        assert response.json() == {"data": {"hello": "hello world"}}
        assert cors(response) == {
            "access-control-allow-origin": FRIEND,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "www-authenticate, retry-after, dpop-nonce",
        }
        assert "origin" in response.headers["vary"].lower()


async def test_a_named_origin_may_read_a_refusal_too(sqlite_url: str, clock: MovedClock) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        headers = {"origin": FRIEND, "authorization": "Bearer no.good.token"}
        response = await toys.client.get("/graphql?query={hello}", headers=headers)
        assert response.status_code == 401
        assert cors(response)["access-control-allow-origin"] == FRIEND


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", f"{FRIEND}.evil.example", "http://app.example.com", f"{FRIEND}:1"]
)
async def test_an_origin_that_is_not_named_may_read_nothing(
    origin: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        response = await toys.client.get("/graphql?query={hello}", headers={"origin": origin})
        assert "access-control-allow-origin" not in cors(response)


@pytest.mark.parametrize(
    ("origin", "method", "headers", "status"),
    [
        (FRIEND, "POST", "authorization, content-type", 200),
        # The headers of Apollo Client, of OpenTelemetry, and of clients that resume by Last-Event-ID.
        (FRIEND, "POST", "apollographql-client-name,last-event-id,traceparent,x-other", 200),
        (FRIEND, "HEAD", "authorization", 200),
        (FRIEND, "GET", "authorization", 200),
        (FRIEND, "DELETE", "authorization", 400),
        (FRIEND, "POST", "content-type, cookie", 400),
        (STRANGER, "POST", "content-type", 400),
    ],
)
async def test_a_preflight_request_is_told_what_is_allowed(
    origin: str, method: str, headers: str, status: int, sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        asked = {
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": headers,
        }
        response = await toys.client.options("/graphql", headers=asked)
        assert response.status_code == status
        allowed = cors(response).get("access-control-allow-origin")
        assert allowed == (FRIEND if response.is_success or method == "DELETE" else None)
        if response.is_success:
            # Each by name: a wildcard does not apply to requests with cookies, nor to Authorization.
            assert cors(response)["access-control-allow-headers"] == headers
            assert cors(response)["access-control-max-age"] == "7200"


PUBLIC = [
    "/oauth/token",
    "/oauth/token/",
    "/oauth/revoke",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/base",
]
BEHIND_A_PATH = "https://watchword.example/base"


@pytest.mark.parametrize("path", PUBLIC)
async def test_routes_without_cookies_can_be_read_by_every_page_but_not_with_cookies(
    path: str, sqlite_url: str, clock: MovedClock
) -> None:
    settings: dict[str, Any] = {"allowed_origins": [FRIEND], "issuer": BEHIND_A_PATH}
    async with running(sqlite_url, clock, **settings) as toys:
        for origin in (FRIEND, STRANGER, "null"):
            asked = {"origin": origin, "access-control-request-method": "POST"}
            asked["access-control-request-headers"] = "content-type, dpop"
            cookie = {"origin": origin, "cookie": "__Host-watchword=x"}
            # An error response can be read too.
            for answer in (
                await toys.client.options(path, headers=asked),
                await toys.client.get(path, headers=cookie),
                await toys.client.post(path, headers=cookie, data={"x": "y"}),
            ):
                assert cors(answer)["access-control-allow-origin"] == "*"
                assert "access-control-allow-credentials" not in cors(answer)


async def test_an_application_of_others_gets_tokens_and_never_the_cookies_session(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock) as toys:
        await toys.token()
        page = {"origin": STRANGER, "sec-fetch-site": "same-site"}
        form = {"grant_type": "authorization_code", "client_id": "client_none"}
        for path in ("/oauth/token", "/oauth/revoke"):
            answer = await toys.client.post(path, data=form, headers=page)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert cors(answer)["access-control-allow-origin"] == "*"
        # The browser would send the cookie, because the page is on the same site.
        for path in ("/api/auth/refresh", "/api/auth/logout", "/api/auth/login"):
            refused = await toys.client.post(path, json=CREDENTIALS, headers=page)
            assert refused.status_code == 403
            assert cors(refused) == {}
        assert (await toys.client.post("/api/auth/refresh", json={})).status_code == 200


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/authorize/"])
async def test_no_page_of_another_origin_reads_the_authorization_endpoint(
    path: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with running(sqlite_url, clock, allowed_origins=[FRIEND]) as toys:
        asked = {"access-control-request-method": "POST"}
        for headers in ({"origin": FRIEND}, {"origin": STRANGER}):
            for answer in (
                await toys.client.get(path, headers=headers),
                await toys.client.post(path, headers=headers, json={}),
                await toys.client.options(path, headers=headers | asked),
            ):
                assert not answer.is_success
                assert cors(answer) == {}


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


async def is_open(url: str) -> bool:
    """Tell whether the app still has a connection to the database."""
    database = Database(url)
    if database.is_sqlite:
        # SQLite removes this file when its last connection is closed.
        return os.path.exists(f"{database.url.database}-wal")  # noqa: ASYNC240
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    async with database.read() as db:
        found = await db.execute(text(others))
    await database.close()
    return bool(found.scalar_one())


async def closed(url: str) -> None:
    """Wait until the app has no connection. PostgreSQL notices a moment after the app has closed it."""
    async with asyncio.timeout(10):
        while await is_open(url):
            await asyncio.to_thread(lambda: None)


async def test_an_app_that_has_stopped_has_closed_its_database(
    database_url: str, clock: MovedClock
) -> None:
    async with running(database_url, clock) as toys:
        assert (await toys.client.get("/health/ready")).status_code == 200
        assert await is_open(database_url)
    await closed(database_url)


async def test_an_app_that_failed_while_it_ran_has_closed_its_database(
    database_url: str, clock: MovedClock
) -> None:
    with pytest.raises(RuntimeError, match="lightning"):
        async with running(database_url, clock):
            raise RuntimeError("lightning")
    await closed(database_url)


async def test_an_app_whose_bus_does_not_close_has_closed_its_database(
    database_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close(_bus: MemoryBus) -> None:
        raise RuntimeError("the bus is stuck")

    monkeypatch.setattr(MemoryBus, "close", close)
    with pytest.raises(RuntimeError, match="stuck"):
        async with running(database_url, clock):
            pass
    await closed(database_url)


async def test_an_app_that_could_not_start_has_closed_its_database(
    database_url: str, clock: MovedClock
) -> None:
    database = Database(database_url)
    async with database.write() as db:
        await db.execute(text("DROP TABLE watchword_signing_keys"))
    await database.close()
    app = create_app(Settings(_env_file=None, database_url=database_url), MOUNT, clock)
    with pytest.raises(DBAPIError, match="watchword_signing_keys"):
        async with app.router.lifespan_context(app):
            raise AssertionError("it started without its keys")
    await closed(database_url)


async def test_a_token_stays_revoked_after_a_restart_whatever_the_log_keeps_of_others(
    sqlite_url: str, clock: MovedClock
) -> None:
    settings = await prepared(sqlite_url, clock, log_retention_events=1_000)
    database = Database(sqlite_url)
    async with started(settings, clock) as app:
        token = await app.token()
        headers = {"authorization": f"Bearer {token}"}
        assert (await app.client.post("/api/auth/logout", json={})).status_code == 204
        async with transaction(database, MemoryBus(), clock.now()) as unit:
            for number in range(1_001):
                unit.publish(token_revoked("app", str(number)))
                unit.publish(Event("zoo", "bear", "made"))
        clock.move(60)
        # Streams are pruned in the order of their names, so the other one was pruned before.
        async with asyncio.timeout(20):
            while not await pruned(database, "zoo"):
                pass
    await database.close()
    async with started(settings, clock) as app:
        [error] = (await app.ask("{ count }", **headers))["errors"]
    assert error["extensions"]["code"] == "TOKEN_REVOKED"


async def test_revocations_that_no_token_needs_are_forgotten_at_intervals(
    sqlite_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []
    monkeypatch.setattr(Revocations, "forget", lambda _, now: times.append(now))
    async with running(sqlite_url, clock):
        clock.move(60)
        await until(lambda: bool(times))
    assert times == [clock.now()]


@pytest.mark.parametrize("room", [sessions, codes])
async def test_outdated_rows_are_pruned_at_intervals(
    room: Any, sqlite_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []

    async def prune(*given: Any) -> None:
        times.append(given[-1])

    monkeypatch.setattr(room, "prune", prune)
    async with running(sqlite_url, clock):
        clock.move(60)
        await until(lambda: bool(times))
    assert times == [clock.now()]


async def pruned(database: Database, stream: str) -> int:
    async with database.read() as db:
        found = sa.select(streams.c.pruned).where(streams.c.name == stream)
        return int((await db.execute(found)).scalar_one())


def strike(name: str) -> None:
    """Raise an unexpected error where a background task waits at this moment."""
    [task] = [task for task in asyncio.all_tasks() if task.get_name() == name]
    task._fut_waiter.set_exception(LookupError("lightning"))  # type: ignore[attr-defined]


@pytest.fixture
async def connected(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Running]:
    """Run an app with every kind of background task."""
    with live_redis() as redis:
        async with running(sqlite_url, clock, bus_url=redis.url) as app:
            yield app


NEEDED = {"the look at the log", "the follower of revocations"}
TASKS = NEEDED | {
    "the listener of the bus",
    "the sender of the bus",
    "the dropping of old revocations",
    "the rotation of the signing keys",
    "the pruning of the log",
    "the pruning of used ids",
    "the pruning of sessions",
    "the pruning of authorization codes",
}


async def test_each_background_task_is_restarted_and_readiness_reports_its_failure(
    connected: Running, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def unwell() -> tuple[int, list[str]]:
        response = await connected.client.get("/health/ready")
        return response.status_code, [*response.json().get("tasks", {})]

    async with asyncio.timeout(60):
        for name in sorted(TASKS):
            while (await unwell()) != (200, []):
                clock.move(LONGEST_PAUSE)
            strike(name)
            while (said := await unwell())[1] != [name]:
                pass
            assert said[0] == (503 if name in NEEDED else 200)
            assert f"{name} died and is started again" in caplog.text
        while (await unwell()) != (200, []):
            clock.move(LONGEST_PAUSE)


async def test_an_app_that_has_stopped_leaves_no_task_and_no_timer(
    sqlite_url: str, clock: MovedClock
) -> None:
    with live_redis() as redis:
        before = asyncio.all_tasks()
        async with running(sqlite_url, clock, bus_url=redis.url) as app:
            await app.token()
            assert clock.waiting > 0
            assert {task.get_name() for task in asyncio.all_tasks() - before} >= TASKS
        assert clock.waiting == 0
        assert asyncio.all_tasks() == before


async def test_a_process_that_receives_no_revocations_accepts_no_token(
    toys: Running, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"authorization": f"Bearer {await toys.token()}"}

    async def ask() -> tuple[int, Any]:
        response = await toys.client.post("/graphql", json={"query": "{ count }"}, headers=headers)
        await asyncio.sleep(0)
        return response.status_code, response.json()

    with monkeypatch.context() as patched:

        async def look(_: Hub) -> None:
            raise LookupError

        patched.setattr(Hub, "_drop_unread", look)
        clock.move(1)
        async with asyncio.timeout(20):
            while (await toys.client.get("/health/ready")).status_code == 200:
                pass
        clock.move(REVOCATIONS_ARE_FRESH - 1)
        assert (await ask())[0] == 200
        clock.move(2)
        status, answer = await ask()
        assert (status, answer["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
        assert await toys.ask("{ hello }") == {"data": {"hello": "hello world"}}
    async with asyncio.timeout(20):
        while (await ask())[0] == 503:
            clock.move(0.5)
