"""A schema that was written without us: its root fields that declare nothing ask the default permissions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission

from tests.conformance.live import every_transport, live
from tests.support.clients import STREAMING, TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.shop import Shop
from tests.support.toy_schema import STREAM
from tests.support.toy_server import ToyServer, principal, toy_pipeline, toy_server, until
from watchword.domain import Domain
from watchword.events.sources import reads
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, condition
from watchword.permissions.rules import Question
from watchword.principal import ANONYMOUS

KEEPER = Domain(default_permissions=[HasRole("keeper")])


class HasHeader(BasePermission):
    """A permission of somebody else."""

    message = "no header"

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return arguments["name"] == "known"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str | None:
        return "hello"

    @strawberry.field
    async def waits(self, of: int = 1) -> int | None:
        await asyncio.sleep(0)
        return of

    @strawberry.field(permission_classes=[HasHeader])
    def own(self, name: str) -> str | None:
        return name

    @reads(STREAM)
    @strawberry.field
    def kept(self) -> str | None:
        calls.append("kept")
        return "kept"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> str | None:
        calls.append("change")
        return "changed"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def events(self, info: strawberry.Info) -> AsyncIterator[str]:
        async for event in info.context.follow(STREAM):
            yield event.key


calls: list[str] = []


def foreign(domain: Domain = KEEPER) -> strawberry.Schema:
    schema = strawberry.Schema(Query, Mutation, Subscription)
    cover(schema, domain)
    return schema


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, foreign(), refusals="each") as server:
        yield server


async def first(server: ToyServer, query: str, token: str | None, transport: str) -> Any:
    async with aclosing(TRANSPORTS[transport](server.url, query, token)) as answers:
        return await anext(answers)


def codes(answer: Any) -> dict[str, str]:
    return {error["path"][0]: error["extensions"]["code"] for error in answer["errors"]}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_queries_and_mutations_ask_interpreted_and_compiled(
    transport: str, server: ToyServer
) -> None:
    query = '{ hello waits(of: 2) a: own(name: "known") b: own(name: "unknown") }'
    for _ in range(3):  # the second and third time the operation is compiled
        refused = await first(server, query, None, transport)
        assert refused["data"] == {"hello": None, "waits": None, "a": "known", "b": None}
        assert codes(refused) == dict.fromkeys(["hello", "waits", "b"], "UNAUTHENTICATED")
        assert codes(await first(server, query, "bob", transport))["hello"] == "FORBIDDEN"
        allowed = await first(server, query, "alice+keeper", transport)
        assert allowed["data"] == {"hello": "hello", "waits": 2, "a": "known", "b": None}
        refused = await first(server, "mutation { change }", "bob", transport)
        assert codes(refused) == {"change": "FORBIDDEN"}
    assert calls == []
    changed = await first(server, "mutation { change }", "alice+keeper", transport)
    assert changed["data"] == {"change": "changed"}
    assert server.pipeline.engine.fallbacks == {}


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_subscription_is_refused_when_it_opens(transport: str, server: ToyServer) -> None:
    for token, code in ((None, "UNAUTHENTICATED"), ("bob", "FORBIDDEN")):
        opened = STREAMING[transport](server.url, "subscription { events }", token)
        async with asyncio.timeout(20):
            [answer] = [answer async for answer in opened]
        assert answer["errors"][0]["extensions"]["code"] == code


async def test_a_subscription_asks_again_before_each_event(clock: MovedClock) -> None:
    listed = {"alice"}

    @condition("to be listed")
    def is_listed(question: Question) -> bool:
        return question.principal.subject in listed

    schema = foreign(Domain(default_permissions=[is_listed]))
    async with toy_server(clock, schema) as server:
        answers = STREAMING["websocket"](server.url, "subscription { events }", "alice")
        task = asyncio.ensure_future(anext(answers))
        await server.followed(1)
        await server.publish("bear")
        assert (await task)["data"] == {"events": "bear"}
        listed.clear()
        task = asyncio.ensure_future(anext(answers))
        await server.publish("car")
        [error] = (await task)["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert [answer async for answer in answers] == []


@every_transport
async def test_those_that_the_default_lets_in_share_a_group(
    transport: str, server: ToyServer
) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                live(transport, server, "subscription { events }", each)
            )
            for each in ("alice+keeper", "bob+keeper")
        ]
        await until(lambda: server.pipeline.groups.sizes == [2])
        await server.publish("bear")
        for client in clients:
            await client.until(1)
        assert [client.values("events") for client in clients] == [["bear"], ["bear"]]


async def test_a_kept_answer_is_for_those_whom_the_default_lets_in(clock: MovedClock) -> None:
    async with toy_pipeline(clock, foreign()) as (pipeline, _):
        await pipeline.services.hub.look()
        shop = Shop(pipeline)
        keeper = principal("alice+keeper", clock.now())
        for _ in range(3):
            assert await shop.ask("{ kept }", keeper) == b'{"data":{"kept":"kept"}}'
            assert b"UNAUTHENTICATED" in (await shop.ask("{ kept }", ANONYMOUS) or b"")
        # An answer is kept from its second use. One with errors is not.
        assert shop.shared.counts == {"begun": 5, "kept": 1}
        assert calls == ["kept", "kept"]


async def test_an_answer_is_not_kept_when_the_default_reads_more_than_grants(
    clock: MovedClock,
) -> None:
    open_ = [True]

    @condition("to come while it is open")
    def is_open(_question: Question) -> bool:
        return open_[0]

    async with toy_pipeline(clock, foreign(Domain(default_permissions=[is_open]))) as (made, _):
        await made.services.hub.look()
        assert await Shop(made).ask("{ kept }") is None
