"""Watchword inside another app: its lifespan, its paths, and that it answers nothing before it is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import strawberry
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.applications import Starlette

from tests.support import parts_schema, toy_schema, upload_schema
from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.other_servers import serving_by
from tests.support.parts_schema import asked, merged
from tests.support.toy_app import CREDENTIALS, MOUNT, prepared
from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.mounting.asgi_app import Watchword

ISSUER = "https://watchword.example/inner"


@pytest.fixture
async def settings(sqlite_url: str, clock: MovedClock, tmp_path: Any) -> Settings:
    return await prepared(sqlite_url, clock, issuer=ISSUER, home=tmp_path)


@pytest.fixture
def inner(settings: Settings, clock: MovedClock) -> Watchword:
    return Watchword(toy_schema.schema, settings, domain=MOUNT.domain, clock=clock)


def by_lifespan(inner: Watchword) -> FastAPI:
    app = FastAPI(lifespan=inner.lifespan, routes=inner.well_known)
    app.mount("/inner", inner)
    return app


def by_own_lifespan(inner: Watchword) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with inner.lifespan(app):
            yield

    app = Starlette(lifespan=lifespan, routes=inner.well_known)
    app.mount("/inner", inner)
    return app


def by_router(inner: Watchword) -> FastAPI:
    app = FastAPI()
    app.include_router(inner.router("/inner"))
    return app


async def test_it_answers_at_the_root_behind_the_routes_of_the_app(
    sqlite_url: str, clock: MovedClock, tmp_path: Any
) -> None:
    settings = await prepared(sqlite_url, clock, home=tmp_path)
    inner = Watchword(toy_schema.schema, settings, domain=MOUNT.domain, clock=clock)
    app = FastAPI(lifespan=inner.lifespan)
    app.get("/own")(lambda: "own")
    app.mount("/", inner)
    async with serving_by("uvicorn", app) as (url, _), httpx2.AsyncClient() as client:
        assert (await client.get(f"{url}/own")).json() == "own"
        for transport in TRANSPORTS.values():
            answers = [each async for each in transport(f"{url}/graphql", "{ hello }")]
            assert answers == [{"data": {"hello": "hello world"}}]


@pytest.mark.parametrize("make", [by_lifespan, by_own_lifespan, by_router])
async def test_it_works_below_its_path(make: Any, inner: Watchword) -> None:
    async with serving_by("uvicorn", make(inner)) as (url, _), httpx2.AsyncClient() as client:
        signed_in = await client.post(f"{url}/inner/api/auth/login", json=CREDENTIALS)
        token = signed_in.json()["access_token"]
        assert "Path=/;" in signed_in.headers["set-cookie"]
        for transport in TRANSPORTS.values():
            answers = transport(f"{url}/inner/graphql", "{ count }", token)
            assert [each async for each in answers] == [{"data": {"count": 3}}]
        told = await client.get(f"{url}/.well-known/oauth-authorization-server/inner")
        assert told.json()["jwks_uri"] == f"{ISSUER}/.well-known/jwks.json"
        page = await client.get(f"{url}/inner/graphql", headers={"accept": "text/html"})
        assert "<title>Watchword explorer</title>" in page.text
        assert (await client.get(f"{url}/graphql")).status_code == 404


async def test_the_apps_own_exception_handlers_work_beside_it(inner: Watchword) -> None:
    app = by_router(inner)

    @app.get("/lost")
    def lost() -> None:
        raise LookupError("no city")

    @app.exception_handler(LookupError)
    async def missing(_: Any, error: LookupError) -> JSONResponse:
        return JSONResponse({"missing": str(error)}, 404)

    async with serving_by("uvicorn", app) as (url, _), httpx2.AsyncClient() as client:
        answer = await client.get(f"{url}/lost")
        assert (answer.status_code, answer.json()) == (404, {"missing": "no city"})
        assert (await client.get(f"{url}/inner/health/live")).status_code == 200


async def test_a_proof_names_the_path_with_that_of_the_mount(inner: Watchword) -> None:
    prover = KeyHolder()
    async with (
        serving_by("uvicorn", by_lifespan(inner)) as (url, _),
        httpx2.AsyncClient() as client,
    ):
        at, now = f"{ISSUER}/api/auth/login", inner.pipeline.services.clock.now()
        proof = prover.proof("POST", at, now)
        signed_in = await client.post(
            f"{url}/inner/api/auth/login", json=CREDENTIALS, headers={"dpop": proof}
        )
        assert signed_in.json()["token_type"] == "DPoP"


async def test_until_its_lifespan_has_run_nothing_is_answered_and_the_log_says_what_to_do(
    inner: Watchword, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()
    app.mount("/inner", inner)
    async with serving_by("uvicorn", app) as (url, _), httpx2.AsyncClient() as client:
        for _ in range(2):
            refused = await client.post(f"{url}/inner/graphql", json={"query": "{ hello }"})
            assert refused.status_code == 503
        async with WebSocketClient.open(f"{url}/inner/graphql") as socket:
            assert (await socket.closed())[0] == 1013
    [said] = [each.getMessage() for each in caplog.records if each.name == "watchword.app"]
    assert "lifespan=watchword.lifespan" in said


async def test_it_is_a_server_by_itself_too(inner: Watchword) -> None:
    async with serving_by("uvicorn", inner) as (url, _), httpx2.AsyncClient() as client:
        assert (await client.get(f"{url}/health/ready")).status_code == 200


async def test_a_first_account_gets_a_password_that_is_shown_once_and_not_logged(
    tmp_path: Any,
    clock: MovedClock,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings(_env_file=None, home=tmp_path, admin_email="ada@example.com")
    for shows in (True, False):
        async with Watchword(toy_schema.schema, settings, clock=clock).lifespan():
            pass
        said = capsys.readouterr().err
        assert ("The first account is ada@example.com" in said) is shows
    assert "password is" not in caplog.text


def test_a_domain_that_contradicts_itself_is_refused() -> None:
    domain = Domain(roles={"a": frozenset()}, gives={"a": frozenset({"b"})})
    with pytest.raises(Unsafe, match="the role 'b'"):
        Watchword(toy_schema.schema, Settings(_env_file=None), domain=domain)


def test_a_schema_with_an_open_field_is_refused() -> None:
    @strawberry.type
    class Query:
        open: str = "door"

    with pytest.raises(Unsafe, match=r"Query\.open"):
        Watchword(strawberry.Schema(Query), Settings(_env_file=None))


async def test_it_can_be_as_new_for_a_block_wherever_it_is_mounted(
    inner: Watchword, settings: Settings
) -> None:
    app, later = by_lifespan(inner), MovedClock(2_000_000_000)
    before = inner.settings, inner.pipeline
    other = settings.model_copy(update={"access_token_seconds": 300})
    with inner.replaced(other, later):
        async with serving_by("uvicorn", app) as (url, _), httpx2.AsyncClient() as client:
            signed_in = await client.post(f"{url}/inner/api/auth/login", json=CREDENTIALS)
            assert signed_in.json()["expires_in"] == 300
        assert inner.pipeline.services.clock is later
        assert inner.pipeline is not before[1]
    assert (inner.settings, inner.pipeline) == before
    assert not inner.is_open


async def test_it_gives_parts_and_takes_files_inside_an_app_on_another_server(
    settings: Settings, clock: MovedClock
) -> None:
    parts_schema.closed_gates().open["a"].set()
    app, schemas = FastAPI(), {"parts": parts_schema.schema, "files": upload_schema.schema}
    for name, schema in schemas.items():
        app.include_router(Watchword(schema, settings, clock=clock).router(f"/{name}"))
    query = "{ item { name ... @defer { late } } }"
    async with serving_by("hypercorn", app) as (url, _), httpx2.AsyncClient() as client:
        async with asked("multipart", f"{url}/parts/graphql", query) as parts:
            found = [part async for part in parts]
        body, headers = upload_schema.upload("x" * 100_000), upload_schema.form_headers()
        sent = await client.post(f"{url}/files/graphql", content=body, headers=headers)
    assert len(found) == 2
    assert merged(found) == {"data": {"item": {"name": "a", "late": "late a"}}}
    assert sent.json()["data"]["read"].startswith("a.txt None 100000 ")
