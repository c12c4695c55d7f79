"""Routes of a schema ask what anybody may ask, and share what /graphql shares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import strawberry
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.support.clock import MovedClock
from tests.support.toy_app import CREDENTIALS, prepared
from watchword.app import App, create_app
from watchword.context import Info
from watchword.domain import Domain, Mount
from watchword.errors import NotFound, RateLimited
from watchword.events.event import Event
from watchword.events.sources import reads
from watchword.permissions.field import Public, SignedIn
from watchword.transports.server import Server

SHOP = "shop"


class Calls(list[str]):
    """What resolvers were called, in their order."""


calls = Calls()


@strawberry.type
class Query:
    @reads(SHOP)
    @strawberry.field(permission_classes=[Public])
    def goods(self, name: str = "") -> str:
        calls.append("goods")
        return name or "shoes"

    @strawberry.field(permission_classes=[Public])
    def caller(self, info: Info) -> str:
        return info.context.principal.subject

    @strawberry.field(permission_classes=[SignedIn])
    def secret(self) -> str | None:
        return "the secret"

    @strawberry.field(permission_classes=[Public])
    def lost(self) -> str | None:
        raise NotFound("There is no such thing.")


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def sell(self, info: Info) -> bool:
        async with info.context.write() as unit:
            unit.publish(Event(SHOP, "shoes", "SOLD"))
        return True


async def page(request: Request) -> JSONResponse:
    server = Server(request)
    asked = {k: v for k, v in request.query_params.items() if k not in ("query", "after")}
    after = request.query_params.getlist("after")
    answer = await server.public_answer(request.query_params["query"], asked, after)
    assert server.settings.issuer == "http://127.0.0.1:8000"
    assert server.now >= 1_800_000_000
    return JSONResponse(
        {"json": answer.json.decode(), "whole": answer.is_whole, "id": id(answer)},
        headers={"etag": answer.tag.decode()},
    )


@asynccontextmanager
async def serving(
    url: str, clock: MovedClock, **limits: int
) -> AsyncIterator[tuple[App, httpx2.AsyncClient]]:
    domain = Domain(routes=[Route("/page", page)])
    settings = await prepared(url, clock, **limits)
    app = create_app(settings, Mount(strawberry.Schema(Query, Mutation), domain), clock)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="https://watchword.example") as client,
    ):
        await app.pipeline.services.hub.look()
        calls.clear()
        yield app, client


@pytest.fixture
async def client(sqlite_url: str, clock: MovedClock) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(sqlite_url, clock) as (_, client):
        yield client


async def asked(client: httpx2.AsyncClient, query: str, **more: Any) -> Any:
    return (await client.get("/page", params={"query": query, **more})).json()


async def test_an_answer_is_kept_until_something_happens(client: httpx2.AsyncClient) -> None:
    found = [await asked(client, "{ goods }") for _ in range(4)]
    assert {each["json"] for each in found} == {'{"data":{"goods":"shoes"}}'}
    # It is kept from its second use on, and then it is the same object.
    assert found[2]["id"] == found[3]["id"]
    assert len(calls) == 2
    await client.post("/graphql", json={"query": "mutation { sell }"})
    await asked(client, "{ goods }")
    assert len(calls) == 3


async def test_it_is_shared_with_what_comes_to_graphql(client: httpx2.AsyncClient) -> None:
    for _ in range(2):
        await client.post("/graphql", json={"query": "{ goods }"})
    calls.clear()
    assert (await asked(client, "{ goods }"))["json"] == '{"data":{"goods":"shoes"}}'
    assert calls == []


async def test_the_request_of_a_signed_in_person_asks_as_anybody(
    client: httpx2.AsyncClient,
) -> None:
    signed_in = await client.post("/api/auth/login", json=CREDENTIALS)
    client.headers["authorization"] = f"Bearer {signed_in.json()['access_token']}"
    assert (await asked(client, "{ caller }"))["json"] == '{"data":{"caller":""}}'
    found = await asked(client, "{ secret }")
    assert not found["whole"]
    assert "UNAUTHENTICATED" in found["json"]
    assert "the secret" not in found["json"]


async def test_variables_are_passed(client: httpx2.AsyncClient) -> None:
    query = 'query($name: String! = "") { goods(name: $name) }'
    for name in ("socks", "hats", "socks"):
        assert (await asked(client, query, name=name))["json"] == f'{{"data":{{"goods":"{name}"}}}}'


@pytest.mark.parametrize("query", ["{ lost }", "{ nothing }", "{", "mutation { sell }" * 2])
async def test_errors_are_in_the_answer(client: httpx2.AsyncClient, query: str) -> None:
    found = await asked(client, query)
    assert not found["whole"]
    assert '"errors"' in found["json"]


async def test_a_cursor_is_honoured(client: httpx2.AsyncClient) -> None:
    sold = await client.post("/graphql", json={"query": "mutation { sell }"})
    [cursor] = sold.json()["extensions"]["cursors"].values()
    assert (await asked(client, "{ goods }", after=cursor))["whole"]
    assert "BAD_USER_INPUT" in (await asked(client, "{ goods }", after="nonsense"))["json"]


async def test_while_the_process_is_behind_a_crowd_shares_the_next_execution(
    client: httpx2.AsyncClient, clock: MovedClock
) -> None:
    clock.move(3_600)  # the log was not looked at since
    found = await asyncio.gather(*(asked(client, "{ goods }") for _ in range(50)))
    assert {each["json"] for each in found} == {'{"data":{"goods":"shoes"}}'}
    assert len(calls) == 2


QUERY = 'query($name: String! = "") { goods(name: $name) }'


async def test_what_is_executed_is_charged_to_the_address_and_what_is_kept_is_not(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with serving(sqlite_url, clock, max_cost=3, budget_per_address=3) as (_, client):
        for _ in range(5):
            await asked(client, QUERY, name="kept")
        await asked(client, QUERY, name="other")
        with pytest.raises(RateLimited, match="budget of 3"):
            await asked(client, QUERY, name="one more")
        refused = await client.post("/graphql", json={"query": "{ goods }"})
        assert refused.status_code == 429
        assert (await asked(client, QUERY, name="kept"))["whole"]
        clock.move(60)  # so long that nothing is shared, because the log was not looked at
        for _ in range(3):
            await asked(client, QUERY, name="kept")
        with pytest.raises(RateLimited):
            await asked(client, QUERY, name="kept")


async def test_what_is_executed_has_a_place_among_the_open_operations_of_the_address(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with serving(sqlite_url, clock, max_operations_per_address=1) as (app, client):
        for _ in range(3):
            await asked(client, QUERY, name="kept")
        with app.pipeline.operations.take("127.0.0.1"):
            assert (await asked(client, QUERY, name="kept"))["whole"]
            for query in (QUERY, "{ caller }"):
                with pytest.raises(RateLimited, match="from this address"):
                    await asked(client, query, name="other")
        for query in (QUERY, "{ caller }"):
            await asked(client, query, name="other")
        assert app.pipeline.operations.is_empty
