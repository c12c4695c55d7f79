"""A `Domain.context` that waits, as a `context_getter` does by habit, is awaited before each operation and each event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Any

import httpx2
import pytest
import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from tests.conformance.live import every_transport, live
from tests.support.clients import TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.toy_schema import STREAM
from tests.support.toy_server import ToyServer, toy_server
from watchword.context import Context, Info
from watchword.domain import Domain
from watchword.events.sources import reads
from watchword.permissions.field import Public

EVENT_SECONDS, OPERATION_SECONDS = 5.0, 7.0
WHO = "{ who }"
any_transport = pytest.mark.parametrize("transport", TRANSPORTS)


async def name_of(context: Context) -> str:
    await asyncio.sleep(0)
    return context.principal.subject or "nobody"


async def function(context: Context) -> dict[str, Any]:
    return {"who": await name_of(context)}


async def generator(context: Context) -> AsyncIterator[dict[str, Any]]:
    who = await name_of(context)
    yield {"who": who}


@asynccontextmanager
async def manager(context: Context) -> AsyncIterator[dict[str, Any]]:
    yield {"who": await name_of(context)}


@contextmanager
def at_once(context: Context) -> Iterator[dict[str, Any]]:
    yield {"who": context.principal.subject or "nobody"}


class Getter:
    """An object that is called, as a dependency with settings is."""

    __hash__ = None  # type: ignore[assignment]

    async def __call__(self, context: Context) -> dict[str, Any]:
        return {"who": await name_of(context)}


every_hook = pytest.mark.parametrize(
    "hook",
    [function, generator, manager, at_once, Getter()],
    ids=["function", "generator", "asynccontextmanager", "contextmanager", "object"],
)


class Marks(SchemaExtension):
    """Sets an item of the context that the fields of each event read too."""

    async def on_operation(self) -> AsyncIterator[None]:
        context = self.execution_context.context
        context["mark"] = f"marked {context['who']}"
        yield


@strawberry.type
class Seen:
    @strawberry.field
    def who(self, info: strawberry.Info) -> str:
        return str(info.context["who"])

    @strawberry.field
    def mark(self, info: strawberry.Info) -> str:
        return str(info.context["mark"])


@strawberry.type
class Query:
    @reads("toys")
    @strawberry.field(permission_classes=[Public])
    def who(self, info: strawberry.Info) -> str:
        return str(info.context["who"])

    @reads("toys")
    @strawberry.field(permission_classes=[Public])
    def plain(self) -> int:
        return 1


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def rename(self, info: strawberry.Info) -> str:
        return str(info.context["who"])


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def seen(self, info: Info) -> AsyncIterator[Seen]:
        assert "who" in info.context.extras
        async for _ in info.context.follow(STREAM):
            yield Seen()


def schema(*extensions: Any) -> strawberry.Schema:
    config = StrawberryConfig(batching_config={"max_operations": 2})
    return strawberry.Schema(Query, Mutation, Subscription, extensions=extensions, config=config)


def serve(clock: MovedClock, hook: Callable[[Context], Any], *extensions: Any) -> Any:
    return toy_server(
        clock,
        schema(*extensions),
        domain=Domain(context=hook),
        event_seconds=EVENT_SECONDS,
        operation_seconds=OPERATION_SECONDS,
    )


async def first(transport: str, server: ToyServer, query: str, token: str | None = None) -> Any:
    async with aclosing(TRANSPORTS[transport](server.url, query, token)) as answers:  # type: ignore[type-var]
        async for answer in answers:
            return answer


@every_hook
@any_transport
async def test_resolvers_of_queries_and_mutations_read_each_callers_own(
    transport: str, hook: Any, clock: MovedClock
) -> None:
    async with serve(clock, hook) as server:
        for token, name in (("ann_s1", "ann"), ("bob_s2", "bob"), (None, "nobody")) * 2:
            for query, field in ((WHO, "who"), ("mutation { rename }", "rename")):
                answer = await first(transport, server, query, token)
                assert answer["data"] == {field: name}


@every_hook
@every_transport
@pytest.mark.parametrize("extensions", [[], [Marks]], ids=["plain", "with an extension"])
async def test_each_event_and_the_resolver_of_a_subscription_have_their_own(
    transport: str, hook: Any, extensions: list[Any], clock: MovedClock
) -> None:
    fields = "who mark" if extensions else "who"
    query = f"subscription {{ seen {{ {fields} }} }}"
    async with serve(clock, hook, *extensions) as server, AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(live(transport, server, query, token))
            for token in ("ann_s1", "bob_s2")
        ]
        await server.followed(2)
        for number in (1, 2):
            await server.publish(f"{number}")
            for client in clients:
                await client.until(number)
        for client, name in zip(clients, ("ann", "bob"), strict=True):
            seen = {"who": name, **({"mark": f"marked {name}"} if extensions else {})}
            assert client.values("seen") == [seen] * 2


async def test_a_batch_awaits_it_for_each_of_its_operations(clock: MovedClock) -> None:
    made: list[int] = []

    async def numbered(_: Context) -> dict[str, Any]:
        await asyncio.sleep(0)
        made.append(len(made))
        return {"who": str(made[-1])}

    async with serve(clock, numbered) as server, httpx2.AsyncClient() as client:
        body = [{"query": WHO}, {"query": "mutation { rename }"}]
        answers = (await client.post(server.url, json=body)).json()
    assert [each["data"] for each in answers] == [{"who": "0"}, {"rename": "1"}]


async def test_a_kept_answer_asks_nothing_and_one_that_asks_nothing_personal_is_kept(
    clock: MovedClock,
) -> None:
    made: list[Context] = []

    async def impersonal(context: Context) -> dict[str, Any]:
        await asyncio.sleep(0)
        made.append(context)
        return {"who": "the same"}

    async with serve(clock, impersonal) as server:
        await server.pipeline.services.hub.look()
        answers = [await first("http", server, WHO, token) for token in ("ann_s1", "bob_s2") * 3]
        counts = server.pipeline.shared.counts
    assert answers == [{"data": {"who": "the same"}}] * 6
    assert counts["kept"] == 6 - len(made) > 0


@any_transport
async def test_its_error_is_that_of_the_field_that_reads_it(
    transport: str, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_: Context) -> dict[str, Any]:
        await asyncio.sleep(0)
        raise RuntimeError("no tenant was found")

    async with serve(clock, fails) as server:
        answer = await first(transport, server, WHO)
        assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert (await first(transport, server, "{ plain }"))["data"] == {"plain": 1}
    assert "no tenant was found" in caplog.text
    assert "no tenant" not in json.dumps(answer)


@any_transport
async def test_an_operation_whose_context_takes_too_long_ends_in_its_time(
    transport: str, clock: MovedClock
) -> None:
    waiting, ended = asyncio.Event(), asyncio.Event()

    async def hangs(_: Context) -> dict[str, Any]:
        waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    async with serve(clock, hangs) as server:
        answering = asyncio.create_task(first(transport, server, WHO))
        await waiting.wait()
        clock.move(OPERATION_SECONDS)
        assert (await answering)["errors"][0]["extensions"]["code"] == "TIMEOUT"
        await ended.wait()


@every_transport
async def test_an_event_whose_context_takes_too_long_is_answered_and_the_next_one_follows(
    transport: str, clock: MovedClock
) -> None:
    hanging = asyncio.Event()
    made = 0

    async def hangs_once(_: Context) -> dict[str, Any]:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        # The first is that of the resolver.
        if made == 2:
            hanging.set()
            await asyncio.Event().wait()
        return {"who": "ann"}

    query = "subscription { seen { who } }"
    async with serve(clock, hangs_once) as server, live(transport, server, query) as client:
        await server.followed(1)
        await server.publish("1")
        await hanging.wait()
        clock.move(EVENT_SECONDS)
        await client.until(1)
        await server.publish("2")
        await client.until(2)
    assert client.answers[0]["errors"][0]["extensions"]["code"] == "TIMEOUT"
    assert client.answers[1]["data"] == {"seen": {"who": "ann"}}


def awaits_nothing_visibly(opened: Callable[[], Any]) -> Callable[[Context], Any]:
    async def hook(_: Context) -> AsyncIterator[dict[str, Any]]:
        async with opened() as who:
            yield {"who": who}

    return hook


@asynccontextmanager
async def slowly() -> AsyncIterator[str]:
    await asyncio.sleep(0)
    yield "ann"


def coroutine(_: Context) -> Awaitable[Any]:
    return asyncio.sleep(0)


@pytest.mark.parametrize(
    ("hook", "advice"),
    [
        (awaits_nothing_visibly(slowly), "Put @asynccontextmanager of contextlib above it"),
        (lambda context: coroutine(context), "write it as async def"),
    ],
    ids=["async with", "a function that returns a coroutine"],
)
async def test_what_is_not_seen_to_wait_says_what_to_write(
    hook: Any, advice: str, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(clock, hook) as server:
        assert (await first("http", server, WHO))["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert advice in caplog.text


async def test_the_advice_helps(clock: MovedClock) -> None:
    hook = asynccontextmanager(awaits_nothing_visibly(slowly))
    async with serve(clock, hook) as server:
        assert await first("http", server, WHO) == {"data": {"who": "ann"}}
