"""Extensions run once for each execution, however many share it, and what needs each request is not shared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import MaskErrors, QueryDepthLimiter, SchemaExtension

from tests.conformance.live import Live, every_transport, live
from tests.support import shop, toy_schema
from tests.support.clients import TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.execution.extensions.needs import each_execution, each_request

SINCE = "subscription { since }"
TOKENS = ("alice+keeper", "bob+keeper", "carol+keeper")


def extended(*extensions: Any) -> strawberry.Schema:
    parts = (toy_schema.Query, toy_schema.Mutation, toy_schema.Subscription)
    return strawberry.Schema(*parts, extensions=extensions)


class Noting(SchemaExtension):
    """Notes when an operation begins and ends, and each result."""

    noted: list[str]

    def on_operation(self) -> Iterator[None]:
        self.noted.append("begin")
        yield
        self.noted.append("end")

    def on_stream_result(self, result: Any) -> Iterator[None]:
        self.noted.append("result")
        yield

    def get_results(self) -> dict[str, Any]:
        return {"noted": self.noted.count("result")}


def noting() -> type[Noting]:
    return type("Noting", (Noting,), {"noted": []})


async def open_all(stack: AsyncExitStack, transport: str, server: ToyServer) -> list[Live]:
    clients = [await stack.enter_async_context(live(transport, server, SINCE, t)) for t in TOKENS]
    await server.followed(len(TOKENS))
    return clients


@every_transport
async def test_a_group_runs_the_hooks_once_for_each_event(
    transport: str, clock: MovedClock
) -> None:
    extension = noting()
    async with toy_server(clock, extended(extension)) as server, AsyncExitStack() as stack:
        clients = await open_all(stack, transport, server)
        await until(lambda: server.pipeline.groups.sizes == [3])
        # The runs that the members had alone end a moment after they joined.
        noted = extension.noted
        await until(lambda: noted.count("end") == noted.count("begin") - 1)
        noted.clear()
        await server.publish("a", "b")
        for client in clients:
            await client.until(2)
        assert extension.noted == ["result", "result"]
    for client in clients:
        assert client.values("since") == ["made a", "made b"]
        shown = [each["extensions"] for each in client.answers]
        assert [each["noted"] for each in shown] == [0, 1]
        assert all(each["cursor"] for each in shown)
    assert extension.noted.count("begin") <= extension.noted.count("end")


@every_transport
async def test_an_extension_that_needs_each_request_runs_for_each_subscriber(
    transport: str, clock: MovedClock
) -> None:
    extension = each_request(noting())
    async with toy_server(clock, extended(extension)) as server, AsyncExitStack() as stack:
        clients = await open_all(stack, transport, server)
        await server.publish("a")
        for client in clients:
            await client.until(1)
        assert server.pipeline.groups.sizes == []
        assert extension.noted == ["begin"] * 3 + ["result"] * 3
    await until(lambda: extension.noted.count("end") == 3)


@every_transport
@pytest.mark.parametrize("hook", ["on_operation", "on_stream_result"])
async def test_an_extension_that_asks_who_subscribes_dissolves_the_group(
    hook: str, transport: str, clock: MovedClock
) -> None:
    asked: list[str] = []

    class Asking(SchemaExtension):
        def ask(self, *_: Any) -> Iterator[None]:
            asked.append(self.execution_context.context.principal.subject)
            yield

    setattr(Asking, hook, Asking.ask)
    async with toy_server(clock, extended(Asking)) as server, AsyncExitStack() as stack:
        clients = await open_all(stack, transport, server)
        for number in (1, 2):
            await server.publish("a")
            for client in clients:
                await client.until(number)
        assert server.pipeline.groups.sizes == []
    for client in clients:
        assert client.values("since") == ["made a"] * 2
    assert set(asked) == {"alice", "bob", "carol"}


async def ask(server: ToyServer, query: str) -> None:
    """Ask for the same twice over each transport."""
    for transport in (*TRANSPORTS, *TRANSPORTS):
        [answer] = [each async for each in TRANSPORTS[transport](server.url, query)]
        assert answer["data"] == {"item": {"price": 1}}


@pytest.mark.parametrize(
    ("made", "executed"),
    [
        (MaskErrors, 2),
        (lambda: QueryDepthLimiter(max_depth=5), 2),
        (each_execution(noting()), 2),
        (noting(), 2 * len(TRANSPORTS)),
        (each_request(noting()), 2 * len(TRANSPORTS)),
    ],
)
async def test_an_answer_is_kept_unless_an_extension_may_need_each_request(
    made: Any, executed: int, clock: MovedClock
) -> None:
    """An answer is kept from the second execution on."""
    shop.world.__init__()  # type: ignore[misc]
    extended_shop = strawberry.Schema(shop.Query, extensions=[made])
    async with toy_server(clock, extended_shop) as server:
        await server.pipeline.services.hub.look()
        await ask(server, "{ item { price } }")
        counts = server.pipeline.shared.counts
        assert shop.world.asked == executed, counts
        assert counts["extended"] == (0 if executed == 2 else executed)


async def test_an_operation_with_a_directive_of_the_schema_is_not_kept(clock: MovedClock) -> None:
    @strawberry.directive(locations=[DirectiveLocation.FIELD])
    def again(value: DirectiveValue[Any]) -> Any:
        return value

    shop.world.__init__()  # type: ignore[misc]
    directed = strawberry.Schema(shop.Query, directives=[again])
    async with toy_server(clock, directed) as server:
        await server.pipeline.services.hub.look()
        await ask(server, "{ item { price } }")
        assert shop.world.asked == 2
        await ask(server, "{ item { price @again } }")
        assert shop.world.asked == 2 + 2 * len(TRANSPORTS)
        assert server.pipeline.shared.counts["extended"] == 2 * len(TRANSPORTS)
