"""Routes beside a mounted Watchword ask for the caller and for permissions, with the refusals of /graphql."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
import strawberry
from fastapi import Depends, FastAPI
from strawberry.fastapi import GraphQLRouter

from tests.support import toy_schema
from tests.support.dpop import KeyHolder
from tests.support.toy_app import CREDENTIALS, EMAIL, MOUNT, PASSWORD
from watchword.config.settings import Settings
from watchword.context import Context
from watchword.mounting.asgi_app import Watchword
from watchword.mounting.dependencies import current_principal, requires
from watchword.permissions.field import (
    HasScope,
    RecentlyAuthenticated,
    SignedIn,
    condition,
    observe,
)
from watchword.permissions.rules import Question
from watchword.principal import Principal
from watchword.testing import App, Caller

ISSUER = "https://watchword.example/inner"


@condition("to count your own")
async def is_own(question: Question) -> bool:
    return bool(question.arguments["name"] == "own")


steps: list[str] = []


async def context(_context: Context) -> AsyncIterator[dict[str, Any]]:
    steps.append("opened")
    yield {"steps": steps}
    steps.append("closed")


@condition("to use what the context has")
def uses(question: Question) -> bool:
    question.info.context["steps"].append("asked")
    return True


@strawberry.type
class Query:
    @strawberry.field
    def answer(self) -> int:
        return 42


OLDER = strawberry.Schema(Query)


Anybody = Annotated[Principal, Depends(current_principal)]
Counter = Annotated[Principal, Depends(requires(HasScope("toys:count")))]


def make_app(inner: Watchword) -> FastAPI:
    app = FastAPI(lifespan=inner.lifespan)
    app.mount("/inner", inner)

    @app.get("/me")
    def me(caller: Anybody) -> dict[str, Any]:
        return {"anonymous": caller.is_anonymous}

    @app.get("/count")
    def count(caller: Counter, same: Anybody) -> dict[str, Any]:
        return {"same": caller.subject == same.subject}

    for path, permission in {
        "/write": HasScope("toys:write"),
        "/recent": RecentlyAuthenticated(60),
        "/used": SignedIn & uses,
        "/of/{name}": SignedIn & is_own,
        "/tried/{name}": observe(SignedIn & is_own),
    }.items():
        app.get(path, dependencies=[Depends(requires(permission))])(lambda: "ok")
    older: Any = GraphQLRouter(OLDER, dependencies=[Depends(requires(HasScope("toys:count")))])
    app.include_router(older, prefix="/v1")
    return app


@pytest.fixture(scope="session")
def watchword_app() -> FastAPI:
    domain = replace(MOUNT.domain, context=context)
    return make_app(Watchword(toy_schema.schema, Settings(_env_file=None), domain=domain))


@pytest.fixture
def watchword_settings() -> Mapping[str, Any]:
    return {"issuer": ISSUER, "dpop_nonce": False}


@pytest.fixture
def keeper(watchword: App) -> Caller:
    return watchword.as_user(roles=["keeper"])


async def test_the_caller_is_the_one_of_the_token(watchword: App, keeper: Caller) -> None:
    assert (await watchword.anonymous.get("/me")).json() == {"anonymous": True}
    assert (await keeper.get("/me")).json() == {"anonymous": False}
    assert (await keeper.get("/count")).json() == {"same": True}


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
    path: str, status: int, code: str | None, challenge: str | None, watchword: App, keeper: Caller
) -> None:
    anonymous = await watchword.anonymous.get(path)
    assert anonymous.status_code == 401
    assert anonymous.headers["www-authenticate"] == 'Bearer realm="watchword"'
    answer = await keeper.get(path)
    assert answer.status_code == status
    if code:
        assert answer.json()["detail"]["extensions"]["code"] == code
        assert str(challenge) in answer.headers["www-authenticate"]


async def test_an_observed_permission_counts_by_the_route_whom_it_would_refuse(
    watchword: App, watchword_app: FastAPI, keeper: Caller
) -> None:
    for caller, name in ((watchword.anonymous, "own"), (keeper, "own"), (keeper, "other")):
        assert (await caller.get(f"/tried/{name}")).status_code == 200
    needs = "signed in and to count your own"
    services = watchword_app.state.watchword.pipeline.services
    assert services.observed.counts == {("/tried/{name}", needs): 2}


async def test_an_older_router_beside_it_asks_for_a_permission(
    watchword: App, keeper: Caller
) -> None:
    query = {"query": "{ answer }"}
    assert (await keeper.post("/v1", json=query)).json() == {"data": {"answer": 42}}
    assert (await watchword.anonymous.post("/v1", json=query)).status_code == 401


async def test_an_old_sign_in_must_step_up(watchword: App, keeper: Caller) -> None:
    watchword.clock.move(61)
    answer = await keeper.get("/recent")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="watchword", error="insufficient_user_authentication", max_age="60"'
    )


async def test_a_token_is_refused_after_logout_after_its_end_and_in_a_url(
    watchword: App, keeper: Caller
) -> None:
    assert (await keeper.get("/me?access_token=x")).status_code == 400
    watchword.as_user(email=EMAIL, password=PASSWORD)
    ann = watchword.sign_in(EMAIL, PASSWORD)
    out = {"refresh_token": ann.refresh_token}
    assert (await ann.post("/inner/api/auth/logout", json=out)).status_code == 204
    await refused(ann, "TOKEN_REVOKED")
    watchword.clock.move(3600)
    await refused(keeper, "TOKEN_EXPIRED")


async def refused(caller: Caller, code: str) -> None:
    for path in ("/me", "/count"):
        answer = await caller.get(path)
        assert (answer.status_code, answer.json()["detail"]["extensions"]["code"]) == (401, code)
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_bound_token_needs_a_proof_of_this_request_which_is_used_up(watchword: App) -> None:
    holder, now, client = KeyHolder(), watchword.clock.now(), watchword.anonymous
    watchword.as_user(email=EMAIL, password=PASSWORD, roles=["keeper"])
    proof = holder.proof("POST", f"{ISSUER}/api/auth/login", now)
    answer = await client.post("/inner/api/auth/login", json=CREDENTIALS, headers={"dpop": proof})
    token = answer.json()["access_token"]
    headers = {"authorization": f"DPoP {token}"}
    origin = ISSUER.removesuffix("/inner")
    good = {"dpop": holder.proof("GET", f"{origin}/count", now, token)}
    other = {"dpop": holder.proof("GET", f"{origin}/me", now, token)}
    for sent in ({}, other):
        bad = await client.get("/count", headers=headers | sent)
        assert bad.status_code == 401
        assert bad.headers["www-authenticate"].startswith("DPoP ")
    assert (await client.get("/count", headers=headers | good)).json() == {"same": True}
    assert (await client.get("/count", headers=headers | good)).status_code == 401


async def test_without_the_lifespan_nobody_gets_in() -> None:
    inner = Watchword(toy_schema.schema, Settings(_env_file=None), domain=MOUNT.domain)
    app = make_app(inner)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://x.example") as http:
        assert (await http.get("/me")).status_code == 503
        app.state.watchword = inner
        assert (await http.get("/me")).status_code == 503


async def test_of_several_in_one_app_none_lets_anybody_in_until_one_is_chosen(
    tmp_path: Path,
) -> None:
    one, other = (
        Watchword(toy_schema.schema, Settings(_env_file=None, home=home), domain=MOUNT.domain)
        for home in (tmp_path / "one", tmp_path / "other")
    )
    app = make_app(one)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://x.example") as http:
        # Twice, as a test of the app starts and stops it.
        for _ in range(2):
            async with one.lifespan(app), other.lifespan(app):
                refused = await http.get("/me")
                assert refused.status_code == 503
                assert "set app.state.watchword to the one" in refused.json()["detail"]
                app.state.watchword = one
                assert (await http.get("/me")).json() == {"anonymous": True}
        async with other.lifespan(app):
            assert (await http.get("/me")).json() == {"anonymous": True}


async def test_what_a_permission_of_a_route_opened_is_closed(keeper: Caller) -> None:
    steps.clear()
    assert (await keeper.get("/used")).status_code == 200
    assert steps == ["opened", "asked", "closed"]
