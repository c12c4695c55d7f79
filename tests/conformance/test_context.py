"""`info.context.request`, `connection` and `extras` over every door, alone and in groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import strawberry

from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.other_servers import serving_by
from tests.support.toy_app import CREDENTIALS, prepared
from tests.support.toy_server import WATCHES, until
from watchword.context import Context, Info
from watchword.domain import Domain
from watchword.events.event import Event
from watchword.events.sources import reads
from watchword.mounting.asgi_app import Watchword
from watchword.permissions.field import Public


@dataclass
class Extras:
    """What a team's own hook makes: a greeting in the caller's language."""

    context: Context
    number: int

    @property
    def language(self) -> str:
        view = self.context.request or self.context.connection
        return "" if view is None else view.headers.get("x-language", "en")


made: list[Extras] = []


def extras(context: Context) -> Extras:
    made.append(Extras(context, len(made)))
    return made[-1]


def over(context: Context) -> str:
    if (request := context.request) is not None:
        assert context.connection is None
        return f"{request.method} {request.url.path} {request.headers['x-language']}"
    connection = context.connection
    assert connection is not None
    return f"socket {connection.url.path} {connection.headers['x-language']} {dict(connection.payload)}"


@strawberry.type
class Query:
    @reads("toys")
    @strawberry.field(permission_classes=[Public])
    def over(self, info: Info) -> str:
        return over(info.context)

    @reads("toys")
    @strawberry.field(permission_classes=[Public])
    def language(self, info: Info[Extras]) -> str:
        return info.context.extras.language

    @reads("toys")
    @strawberry.field(permission_classes=[Public])
    def number(self, info: Info[Extras]) -> int:
        return info.context.extras.number

    @reads("toys")
    @strawberry.field(permission_classes=[Public])
    def plain(self) -> int:
        return 1


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def make(self, info: Info) -> int:
        async with info.context.write() as unit:
            unit.publish(Event("toys", "1", "MADE"))
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def overs(self, info: Info) -> AsyncIterator[str]:
        async for _ in info.context.follow("toys"):
            yield over(info.context)

    @strawberry.subscription(permission_classes=[Public])
    async def numbers(self, info: Info[Extras]) -> AsyncIterator[int]:
        async for _ in info.context.follow("toys"):
            yield info.context.extras.number


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)


@pytest.fixture
async def served(
    sqlite_url: str, clock: MovedClock, tmp_path: Any
) -> AsyncIterator[tuple[str, Watchword]]:
    made.clear()
    settings = await prepared(sqlite_url, clock, home=tmp_path)
    watchword = Watchword(SCHEMA, settings, domain=Domain(context=extras), clock=clock)
    async with serving_by("uvicorn", watchword) as (url, _):
        await watchword.pipeline.services.hub.look()
        yield url, watchword


async def ask(url: str, query: str, language: str = "de", **more: Any) -> Any:
    async with httpx2.AsyncClient() as client:
        headers = {"x-language": language}
        answer = await client.post(f"{url}/graphql", json={"query": query}, headers=headers, **more)
        return answer.json()["data"]


def socket(url: str, language: str) -> Any:
    return WebSocketClient.open(f"{url}/graphql", additional_headers={"x-language": language})


async def test_a_request_is_seen_and_never_anybody_elses(served: tuple[str, Watchword]) -> None:
    url, watchword = served
    for _ in range(3):
        for language in ("de", "fr"):
            assert await ask(url, "{ over }", language) == {"over": f"POST /graphql {language}"}
            assert await ask(url, "{ language }", language) == {"language": language}
    counts = watchword.pipeline.shared.counts
    assert (counts["kept"], counts["joined"]) == (0, 0)
    assert [await ask(url, "{ plain }") for _ in range(3)] == [{"plain": 1}] * 3
    assert counts["kept"] == 1


async def test_extras_are_made_once_for_an_operation_that_asks(
    served: tuple[str, Watchword],
) -> None:
    url, _ = served
    await ask(url, "{ plain }")
    assert made == []
    assert await ask(url, "{ a: language b: language c: language }") == dict.fromkeys("abc", "de")
    # Once in the execution that was to be shared, and once in the request's own.
    assert len(made) == 2


async def test_a_hook_that_asks_nothing_personal_leaves_an_answer_shared(
    served: tuple[str, Watchword],
) -> None:
    url, watchword = served
    answers = [await ask(url, "{ number }") for _ in range(4)]
    assert watchword.pipeline.shared.counts["kept"] == 2
    assert answers[1:] == [answers[1]] * 3


@pytest.mark.parametrize("transport", ["sse", "multipart"])
async def test_a_stream_over_http_has_a_request(
    transport: str, served: tuple[str, Watchword]
) -> None:
    url, watchword = served
    answers = TRANSPORTS[transport](
        f"{url}/graphql", "subscription { overs }", headers={"x-language": "de"}
    )
    coming = answers.__aiter__()
    first = asyncio.ensure_future(coming.__anext__())
    # A whole app follows the live connections too.
    await until(lambda: watchword.pipeline.services.hub.size == WATCHES + 2)
    await ask(url, "mutation { make }")
    assert (await first)["data"] == {"overs": "POST /graphql de"}
    await coming.aclose()  # type: ignore[attr-defined]


async def test_a_socket_has_a_connection_with_its_payload_and_without_its_token(
    served: tuple[str, Watchword],
) -> None:
    url, watchword = served
    async with httpx2.AsyncClient() as client:
        signed_in = await client.post(f"{url}/api/auth/login", json=CREDENTIALS)
    token = signed_in.json()["access_token"]
    async with socket(url, "de") as one:
        payload = {
            "Authorization": f"Bearer {token}",
            "app": "x",
            "headers": {"authorization": f"Bearer {token}"},
        }
        await one.send({"type": "connection_init", "payload": payload})
        await one.receive()
        await one.subscribe("1", "{ over }")
        assert (await one.receive())["payload"]["data"] == {
            "over": "socket /graphql de {'app': 'x'}"
        }


async def test_sockets_that_read_their_connection_are_not_grouped_and_see_their_own(
    served: tuple[str, Watchword],
) -> None:
    url, watchword = served
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(socket(url, each)) for each in ("de", "fr", "it")
        ]
        for each in sockets:
            await each.init()
            await each.subscribe("1", "subscription { overs }")
        await until(lambda: bool(watchword.pipeline.groups.sizes))
        for _ in range(3):
            await ask(url, "mutation { make }")
            said = [(await each.receive())["payload"]["data"]["overs"] for each in sockets]
            assert said == [f"socket /graphql {each} {{}}" for each in ("de", "fr", "it")]


async def test_each_event_of_a_subscription_has_the_extras_of_its_resolver(
    served: tuple[str, Watchword],
) -> None:
    url, watchword = served
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(socket(url, each)) for each in ("de", "fr")]
        for each in sockets:
            await each.init()
            await each.subscribe("1", "subscription { numbers }")
        await until(lambda: watchword.pipeline.groups.sizes == [2])
        for _ in range(2):
            await ask(url, "mutation { make }")
            one, other = [(await each.receive())["payload"]["data"] for each in sockets]
            assert one == other
    assert len(made) == 1
