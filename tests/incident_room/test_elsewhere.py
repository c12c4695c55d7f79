"""People of a trusted issuer in the whole app: what is reserved to people themselves, and what needs a step-up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from incident_room import domain, schema
from tests.support.clock import MovedClock
from tests.support.issuer import FakeIssuer, fake_issuer
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.app import create_app
from watchword.auth.keys.signing_keys import ensure
from watchword.config.settings import Settings
from watchword.domain import Mount
from watchword.storage.database import Database

CONSENTS = "{ consents { name } }"
ADD = """mutation { addClient(input: {name: "Bot", grants: [CLIENT_CREDENTIALS],
  scopes: ["incidents:read"], roles: ["responder"]}) { client { id } } }"""
HERE = ("{ passkeys { id } }", "mutation { beginTotp { uri } }", "mutation { beginPasskey }")


@asynccontextmanager
async def served(
    url: str, clock: MovedClock, idp: FakeIssuer, **entry: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(
        _env_file=None,
        database_url=url,
        encryption_keys=(ENCRYPTION_KEY,),
        trusted_issuers=json.dumps([idp.setting(**entry)]),
    )
    database = Database(url)
    await ensure(database, VAULT, settings, clock.now())
    await database.close()
    app = create_app(settings, Mount(schema, domain), clock)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8000"
        ) as client,
    ):
        yield client


async def ask(client: httpx2.AsyncClient, token: str, query: str) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}"}
    return await client.post("/graphql", json={"query": query}, headers=headers)


async def refusal(client: httpx2.AsyncClient, token: str, query: str) -> Any:
    [error] = (await ask(client, token, query)).json()["errors"]
    return error


async def test_an_admin_of_an_issuer_steps_up_there(sqlite_url: str, clock: MovedClock) -> None:
    with fake_issuer() as idp:
        async with served(sqlite_url, clock, idp, first_party=["front"]) as client:

            def token(at: float | None) -> str:
                return idp.token(now=clock.now(), roles=["admin"], auth_time=at)

            recent, old = token(clock.now() - 300), token(clock.now() - 301)
            assert (await ask(client, recent, CONSENTS)).json() == {"data": {"consents": []}}
            for stale in (old, token(None)):
                answer = await ask(client, stale, ADD)
                [error] = answer.json()["errors"]
                assert error["extensions"] == {
                    "code": "STEP_UP_REQUIRED",
                    "maxAge": 300,
                    "requires": {"maxAge": 300},
                    "issuer": idp.url,
                }
                assert error["message"] == (
                    f"Sign in again at {idp.url}, with max_age=300 or prompt=login: this needs an"
                    " authentication of the last 300 seconds."
                )
                assert answer.headers["www-authenticate"] == (
                    'Bearer realm="watchword", error="insufficient_user_authentication",'
                    ' max_age="300"'
                )
            assert "errors" not in (await ask(client, recent, ADD)).json()


async def test_nobody_of_an_issuer_makes_a_way_in_here_that_stays(
    sqlite_url: str, clock: MovedClock
) -> None:
    with fake_issuer() as idp:
        async with served(sqlite_url, clock, idp, first_party=["front"]) as client:
            token = idp.token(now=clock.now(), roles=["admin"], auth_time=clock.now())
            for query in HERE:
                error = await refusal(client, token, query)
                assert error["extensions"]["code"] == "FORBIDDEN"
                assert "a session of the person here" in error["message"]


@pytest.mark.parametrize("query", [CONSENTS, ADD])
async def test_a_client_that_the_settings_do_not_name_is_told_what_helps(
    query: str, sqlite_url: str, clock: MovedClock
) -> None:
    with fake_issuer() as idp:
        async with served(sqlite_url, clock, idp, first_party=["another"]) as client:
            token = idp.token(now=clock.now(), roles=["admin"], auth_time=clock.now())
            error = await refusal(client, token, query)
            assert error["extensions"]["code"] == "FORBIDDEN"
            assert error["message"].endswith(
                f"Sign in here, or let the operator name front in first_party of {idp.url}."
            )


async def test_where_no_authentication_is_believed_none_is_asked_for(
    sqlite_url: str, clock: MovedClock
) -> None:
    with fake_issuer() as idp:
        entry = {"first_party": ["front"], "auth_time": None}
        async with served(sqlite_url, clock, idp, **entry) as client:
            token = idp.token(now=clock.now(), roles=["admin"], auth_time=clock.now())
            answer = await ask(client, token, ADD)
            [error] = answer.json()["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"
            assert "a recent authentication" in error["message"]
            assert "www-authenticate" not in answer.headers
