"""Equal subscriptions share one execution, and no subscriber gets an answer that is meant for another."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest

from tests.conformance.live import Live, every_transport, live
from tests.support.clock import MovedClock
from tests.support.toy_schema import whisper
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.execution.source import Source

SINCE = "subscription { since }"


async def open_all(
    stack: AsyncExitStack, transport: str, server: ToyServer, query: str, *tokens: str
) -> list[Live]:
    """Open a subscription for each token, and wait until all are idle."""
    clients = [await stack.enter_async_context(live(transport, server, query, t)) for t in tokens]
    await server.followed(len(tokens))
    return clients


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Collect every execution of an event."""
    seen: list[object] = []
    answer = Source.answer

    def counted(self: Source, event: object, context: object) -> object:
        seen.append(event)
        return answer(self, event, context)  # type: ignore[arg-type]

    monkeypatch.setattr(Source, "answer", counted)
    return seen


@every_transport
async def test_subscribers_with_the_same_grants_share_one_execution_of_each_event(
    transport: str, clock: MovedClock, executions: list[object]
) -> None:
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        tokens = ("alice+keeper", "bob+keeper", "carol+keeper")
        clients = await open_all(stack, transport, server, SINCE, *tokens)
        await until(lambda: server.pipeline.groups.sizes == [3])
        await server.publish("a", "b")
        for client in clients:
            await client.until(2)
    assert [client.values("since") for client in clients] == [["made a", "made b"]] * 3
    assert executions == ["made a", "made b"]


@every_transport
async def test_subscribers_with_other_grants_variables_or_documents_do_not_share(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        query = "subscription { made { id price } }"
        opened = [
            live(transport, server, query, "alice+keeper/toys.price"),
            live(transport, server, query, "bob+keeper"),
            live(transport, server, query),
            live(transport, server, query, "carol"),
            live(transport, server, 'subscription { made(only: "a") { id price } }', "dave"),
        ]
        clients = [await stack.enter_async_context(one) for one in opened]
        await server.followed(5)
        await server.publish("a")
        for client in clients:
            await client.until(1)
        assert server.pipeline.groups.sizes == []
    prices = [client.values("made")[0]["price"] for client in clients]
    assert prices == [1, None, None, None, None]


@every_transport
@pytest.mark.parametrize("ask", ["early", "late", "some", "nested", "loader", "swallow"])
async def test_a_document_that_asks_for_the_identity_is_run_for_each_subscriber(
    transport: str, ask: str, clock: MovedClock
) -> None:
    query = f'subscription {{ mine(ask: "{ask}") {{ key owner }} }}'
    names = ("alice", "bob", "carol")
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        clients = await open_all(stack, transport, server, query, *names)
        groups = server.pipeline.groups
        await until(lambda: groups.sizes == [3] or bool(groups.troubles))
        keys = ["plain1", "secret1", "plain2", "secret2"]
        for key in keys:
            await server.publish(key)
        for client in clients:
            await client.until(4)
        late = await stack.enter_async_context(live(transport, server, query, "dave"))
        await server.followed(4)
        await server.publish("secret3")
        for client in (*clients, late):
            await client.until(5 if client is not late else 1)
        assert server.pipeline.groups.sizes == []
    for name, client in zip((*names, "dave"), (*clients, late), strict=True):
        seen = [(mine["key"], mine["owner"]) for mine in client.values("mine")]
        expected = [*keys, "secret3"] if name != "dave" else ["secret3"]
        assert [key for key, _ in seen] == expected
        assert {owner for _, owner in seen} <= {name, ""}
        assert {owner for key, owner in seen if key.startswith("secret")} == {name}


@every_transport
async def test_a_condition_that_asks_for_the_identity_is_decided_for_each_subscriber(
    transport: str, clock: MovedClock
) -> None:
    query = "subscription { conditional }"
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        bobs = [
            await stack.enter_async_context(live(transport, server, query, "bob")) for _ in range(3)
        ]
        await server.followed(3)
        alice = await stack.enter_async_context(live(transport, server, query, "alice"))
        await alice.ended()
        await server.publish("a", "b")
        for bob in bobs:
            await bob.until(2)
    assert alice.refusal == "FORBIDDEN"
    assert [bob.values("conditional") for bob in bobs] == [["a", "b"]] * 3


@every_transport
async def test_joining_and_leaving_a_group_loses_and_repeats_nothing(
    transport: str, clock: MovedClock
) -> None:
    keys = [str(number) for number in range(40)]
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        stayers = await open_all(stack, transport, server, SINCE, "a", "b")

        async def publish() -> None:
            for key in keys:
                await server.publish(key)

        async def come_and_go(name: str) -> list[str]:
            seen: list[str] = []
            cursor = None
            while not seen or seen[-1] != f"made {keys[-1]}":
                async with live(transport, server, SINCE, name, resume=cursor) as client:
                    await client.until(1)
                    seen += client.values("since")
                    cursor = client.cursor
            return seen

        publishing = asyncio.create_task(publish())
        goers = [asyncio.create_task(come_and_go(name)) for name in "cd"]
        await publishing
        for client in stayers:
            await client.until(len(keys))
        seen = await asyncio.gather(*goers)
    expected = [f"made {key}" for key in keys]
    for client in stayers:
        assert client.values("since") == expected
    for one in seen:
        assert one == expected[expected.index(one[0]) :]


@every_transport
async def test_a_group_that_loses_all_members_leaves_nothing_behind(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock) as server:
        async with AsyncExitStack() as stack:
            await open_all(stack, transport, server, SINCE, "a", "b", "c")
            await until(lambda: server.pipeline.groups.sizes == [3])
        await until(lambda: server.pipeline.groups.sizes == [])
        await server.followed(0)
        assert not server.pipeline.groups._waiting
        assert len(server.pipeline.leases) == 0


@every_transport
async def test_a_resolver_that_fails_fails_for_each_member(
    transport: str, clock: MovedClock
) -> None:
    query = "subscription { brittle }"
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        clients = await open_all(stack, transport, server, query, "a", "b", "c")
        await until(lambda: server.pipeline.groups.sizes == [3])
        await server.publish("fine", "broken")
        for client in clients:
            await client.ended()
    assert [client.values("brittle") for client in clients] == [["fine"]] * 3
    assert {client.refusal for client in clients} == {"NOT_FOUND"}


@every_transport
@pytest.mark.parametrize(("key", "lines"), [("ends", 2), ("leaves", 0)])
async def test_a_resolver_that_ends_ends_for_each_member(
    transport: str, key: str, lines: int, clock: MovedClock
) -> None:
    async with toy_server(clock) as server, AsyncExitStack() as stack:
        clients = await open_all(
            stack, transport, server, "subscription { scripted }", "a", "b", "c"
        )
        await until(lambda: server.pipeline.groups.sizes == [3])
        await server.publish("fine", key, "more")
        for client in clients:
            await client.ended()
    seen = ["fine/0", *(f"{key}/{number}" for number in range(lines))]
    assert [client.values("scripted") for client in clients] == [seen] * 3
    assert {client.refusal for client in clients} == {None}


@every_transport
async def test_context_variables_of_one_request_do_not_reach_another(
    transport: str, clock: MovedClock
) -> None:
    requests = count(1)

    def wrap(app: Any) -> Any:
        async def middleware(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "lifespan":
                whisper.set(f"request {next(requests)}")
            await app(scope, receive, send)

        return middleware

    query = "subscription { whispered }"
    async with toy_server(clock, wrap=wrap) as server, AsyncExitStack() as stack:
        clients = await open_all(stack, transport, server, query, "a", "b", "c")
        await until(lambda: server.pipeline.groups.sizes == [3])
        await server.publish("together")
        for client in clients:
            await client.until(1)
        # A subscription with other grants has a run of its own, in the context of its own request.
        loner = await stack.enter_async_context(live(transport, server, query, "d+keeper"))
        await server.followed(4)
        await server.publish("again")
        for client in clients:
            await client.until(2)
        await loner.until(1)
    assert [client.values("whispered") for client in clients] == [["together ", "again "]] * 3
    assert loner.values("whispered") == ["again request 4"]
