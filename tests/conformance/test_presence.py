"""Presence over every transport: it is the connection's, and ends with the subscription or with the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import strawberry

from tests.support.clients import STREAMING, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.other_servers import serving_by
from tests.support.toy_app import CREDENTIALS, prepared
from tests.support.toy_server import until
from watchword.connections.live import Wanted
from watchword.connections.presence import LEAVE_SECONDS
from watchword.context import Info
from watchword.domain import Domain
from watchword.mounting.asgi_app import Watchword
from watchword.permissions.field import SignedIn

LIFE = 300
HALL = 'subscription { here(place: "hall") }'


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[SignedIn])
    def plain(self) -> int:
        return 1

    @strawberry.field(permission_classes=[SignedIn])
    async def present(self, info: Info) -> int:
        return len([each async for each in info.context.presence("hall")])


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[SignedIn])
    async def here(self, info: Info, place: str, once: bool = False) -> AsyncIterator[int]:
        async for present in info.context.presence(place):
            yield len(present)
            if once:
                return


@dataclass
class Served:
    """A server, and the tokens of its only person."""

    url: str
    token: str
    refresh_token: str
    watchword: Watchword
    clock: MovedClock

    @property
    def places(self) -> list[tuple[str, ...]]:
        """The places of each connection."""
        page = self.watchword.pipeline.live.page(Wanted(99))
        return [each.places for each in page.found]

    async def count(self, place: str = "hall") -> int:
        return len(await self.watchword.pipeline.services.directory.presence.who(place))

    async def has_left(self) -> None:
        """Check that the person is here for some more seconds, and not after them."""
        await until(lambda: not any(self.places))
        assert await self.count() == 1
        self.clock.move(LEAVE_SECONDS)
        async with asyncio.timeout(10):
            while await self.count():
                await asyncio.to_thread(lambda: None)

    async def sign_out(self) -> None:
        body = {"refresh_token": self.refresh_token}
        async with httpx2.AsyncClient() as client:
            await client.post(f"{self.url}/api/auth/logout", json=body)


@pytest.fixture
async def served(sqlite_url: str, clock: MovedClock, tmp_path: Any) -> AsyncIterator[Served]:
    settings = await prepared(sqlite_url, clock, home=tmp_path, access_token_seconds=LIFE)
    schema = strawberry.Schema(Query, subscription=Subscription)
    watchword = Watchword(schema, settings, domain=Domain(), clock=clock)
    async with serving_by("uvicorn", watchword) as (url, _), httpx2.AsyncClient() as client:
        body = CREDENTIALS | {"delivery": "body"}
        told = (await client.post(f"{url}/api/auth/login", json=body)).json()
        yield Served(url, told["access_token"], told["refresh_token"], watchword, clock)


@pytest.mark.parametrize("ending", ["client", "session", "token"])
@pytest.mark.parametrize("transport", STREAMING)
async def test_it_ends_with_the_connection(transport: str, ending: str, served: Served) -> None:
    answers = STREAMING[transport](f"{served.url}/graphql", HALL, served.token)
    assert (await anext(answers))["data"] == {"here": 1}
    assert served.places == [("hall",)]
    if ending == "session":
        await served.sign_out()
    elif ending == "token":
        served.clock.move(LIFE)
    if ending != "client":
        assert "data" not in await anext(answers)
    await answers.aclose()  # type: ignore[attr-defined]
    await served.has_left()


@pytest.mark.parametrize("transport", STREAMING)
async def test_it_ends_with_a_subscription_that_ends_by_itself(
    transport: str, served: Served
) -> None:
    query = 'subscription { here(place: "hall", once: true) }'
    answers = STREAMING[transport](f"{served.url}/graphql", query, served.token)
    assert [each["data"] async for each in answers] == [{"here": 1}]
    await served.has_left()


async def test_two_subscriptions_of_a_socket_count_once_and_leave_with_the_second(
    served: Served,
) -> None:
    async with WebSocketClient.open(f"{served.url}/graphql") as client:
        await client.init(served.token)
        for id in ("1", "2"):
            await client.subscribe(id, HALL)
            assert (await client.receive())["payload"]["data"] == {"here": 1}
        await client.send({"type": "complete", "id": "1"})
        await client.subscribe("3", "{ plain }")
        await client.receive()
        assert served.places == [("hall",)]
        served.clock.move(2 * LEAVE_SECONDS)
        assert await served.count() == 1
        await client.send({"type": "complete", "id": "2"})
        await served.has_left()


async def test_a_query_is_present_nowhere(served: Served) -> None:
    headers = {"authorization": f"Bearer {served.token}"}
    async with httpx2.AsyncClient() as client:
        body = {"query": "{ present }"}
        answer = await client.post(f"{served.url}/graphql", json=body, headers=headers)
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert await served.count() == 0
