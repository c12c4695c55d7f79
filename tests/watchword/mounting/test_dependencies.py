"""Routes beside a mounted Watchword ask for the caller and for permissions, with the refusals of /graphql."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends, FastAPI

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.other_servers import serving_by
from tests.support.toy_app import CREDENTIALS, MOUNT, prepared
from watchword.config.settings import Settings
from watchword.mounting.asgi_app import Watchword
from watchword.mounting.dependencies import current_principal, requires
from watchword.permissions.field import HasScope, RecentlyAuthenticated, SignedIn, condition
from watchword.permissions.rules import Question
from watchword.principal import Principal

ISSUER = "https://watchword.example/inner"


@condition("to count your own")
async def is_own(question: Question) -> bool:
    return bool(question.arguments["name"] == "own")


Caller = Annotated[Principal, Depends(current_principal)]
Counter = Annotated[Principal, Depends(requires(HasScope("toys:count")))]


def make_app(inner: Watchword) -> FastAPI:
    app = FastAPI(lifespan=inner.lifespan)
    app.mount("/inner", inner)

    @app.get("/me")
    def me(caller: Caller) -> dict[str, Any]:
        return {"anonymous": caller.is_anonymous}

    @app.get("/count")
    def count(caller: Counter, same: Caller) -> dict[str, Any]:
        return {"same": caller.subject == same.subject}

    for path, permission in {
        "/write": HasScope("toys:write"),
        "/recent": RecentlyAuthenticated(60),
        "/of/{name}": SignedIn & is_own,
    }.items():
        app.get(path, dependencies=[Depends(requires(permission))])(lambda: "ok")
    return app


class Client:
    """A client of the app, with the bearer token of a new session."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.headers: dict[str, str] = {}

    async def sign_in(self) -> None:
        answer = await self.http.post(
            "/inner/api/auth/login", json=CREDENTIALS | {"delivery": "body"}
        )
        self.refresh = answer.json()["refresh_token"]
        self.headers = {"authorization": f"Bearer {answer.json()['access_token']}"}

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(path, headers=self.headers | headers)


@pytest.fixture
async def settings(sqlite_url: str, clock: MovedClock, tmp_path: Any) -> Settings:
    return await prepared(sqlite_url, clock, issuer=ISSUER, home=tmp_path, dpop_nonce=False)


@pytest.fixture
async def client(settings: Settings, clock: MovedClock) -> AsyncIterator[Client]:
    inner = Watchword(toy_schema.schema, settings, domain=MOUNT.domain, clock=clock)
    async with (
        serving_by("uvicorn", make_app(inner)) as (url, _),
        httpx2.AsyncClient(base_url=url) as http,
    ):
        yield Client(http)


async def test_the_caller_is_the_one_of_the_token(client: Client) -> None:
    assert (await client.get("/me")).json() == {"anonymous": True}
    await client.sign_in()
    assert (await client.get("/me")).json() == {"anonymous": False}
    assert (await client.get("/count")).json() == {"same": True}


@pytest.mark.parametrize(
    ("path", "status", "code", "challenge"),
    [
        ("/write", 403, "FORBIDDEN", 'error="insufficient_scope", scope="toys:write"'),
        ("/of/other", 403, "FORBIDDEN", 'error="insufficient_scope"'),
        ("/of/own", 200, None, None),
        ("/recent", 200, None, None),
    ],
)
async def test_a_permission_is_asked(
    path: str, status: int, code: str | None, challenge: str | None, client: Client
) -> None:
    anonymous = await client.get(path)
    assert anonymous.status_code == 401
    assert anonymous.headers["www-authenticate"] == 'Bearer realm="watchword"'
    await client.sign_in()
    answer = await client.get(path)
    assert answer.status_code == status
    if code:
        assert answer.json()["detail"]["extensions"]["code"] == code
        assert str(challenge) in answer.headers["www-authenticate"]


async def test_an_old_sign_in_must_step_up(client: Client, clock: MovedClock) -> None:
    await client.sign_in()
    clock.move(61)
    answer = await client.get("/recent")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="watchword", error="insufficient_user_authentication", max_age="60"'
    )


async def test_a_token_is_refused_after_logout_after_its_end_and_in_a_url(
    client: Client, clock: MovedClock
) -> None:
    await client.sign_in()
    assert (await client.http.get("/me?access_token=x")).status_code == 400
    out = {"refresh_token": client.refresh}
    assert (await client.http.post("/inner/api/auth/logout", json=out)).status_code == 204
    await refused(client, "TOKEN_REVOKED")
    await client.sign_in()
    clock.move(3600)
    await refused(client, "TOKEN_EXPIRED")


async def refused(client: Client, code: str) -> None:
    for path in ("/me", "/count"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["detail"]["extensions"]["code"]) == (401, code)
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_bound_token_needs_a_proof_of_this_request_which_is_used_up(
    client: Client, clock: MovedClock
) -> None:
    holder, now = KeyHolder(), clock.now()
    proof = holder.proof("POST", f"{ISSUER}/api/auth/login", now)
    answer = await client.http.post(
        "/inner/api/auth/login", json=CREDENTIALS, headers={"dpop": proof}
    )
    token = answer.json()["access_token"]
    client.headers = {"authorization": f"DPoP {token}"}
    origin = ISSUER.removesuffix("/inner")
    good = holder.proof("GET", f"{origin}/count", now, token)
    other = holder.proof("GET", f"{origin}/me", now, token)
    for sent in ({}, {"dpop": other}):
        bad = await client.get("/count", **sent)
        assert bad.status_code == 401
        assert bad.headers["www-authenticate"].startswith("DPoP ")
    assert (await client.get("/count", dpop=good)).json() == {"same": True}
    assert (await client.get("/count", dpop=good)).status_code == 401


async def test_without_the_lifespan_nobody_gets_in(settings: Settings, clock: MovedClock) -> None:
    inner = Watchword(toy_schema.schema, settings, domain=MOUNT.domain, clock=clock)
    app = make_app(inner)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://x.example") as http:
        assert (await http.get("/me")).status_code == 503
        app.state.watchword = inner
        assert (await http.get("/me")).status_code == 503
