"""What `Domain.context` opens for an operation or an event is closed when that is over, over every transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from tests.conformance.live import every_transport, live
from tests.support.clients import TRANSPORTS, WebSocketClient
from tests.support.clock import MovedClock
from tests.support.parts_schema import asked, merged
from tests.support.toy_schema import STREAM
from tests.support.toy_server import LIFE, ToyServer, toy_server, until
from watchword.auth.revocation.identity_events import session_revoked
from watchword.context import Context, Info
from watchword.domain import Domain
from watchword.permissions.field import Public

EVENT_SECONDS, OPERATION_SECONDS = 5.0, 7.0
any_transport = pytest.mark.parametrize("transport", TRANSPORTS)


class Session:
    """Stands for a session of a database. It notes in `Desk` what becomes of it."""

    def __init__(self) -> None:
        self.is_open = True
        self.uses = 0

    async def use(self) -> int:
        assert self.is_open, "it is used after it was closed"
        self.uses += 1
        use = self.uses
        await asyncio.sleep(0)
        assert self.is_open, "it was closed while it is used"
        return use


class Desk:
    is_awaited = False

    def __init__(self) -> None:
        self.opened: list[Session] = []
        self.whole = self.cut = 0
        # Work that holds a session until the test lets go.
        self.held = asyncio.Event()
        self.holding = 0

    async def context(self, context: Context) -> AsyncIterator[dict[str, Any]]:
        session = Session()
        self.opened.append(session)
        try:
            yield {"db": session, "desk": self}
            self.whole += 1
        except BaseException:
            self.cut += 1
            raise
        finally:
            await asyncio.sleep(0)
            session.is_open = False

    @property
    def open(self) -> int:
        return sum(each.is_open for each in self.opened)

    async def closed(self, opened: int) -> None:
        """Wait until so many sessions were opened, and all are closed."""
        await until(lambda: len(self.opened) == opened and not self.open)


class AwaitedDesk(Desk):
    """A desk whose hook waits before its `yield`, so that it is awaited before each operation."""

    is_awaited = True

    @asynccontextmanager
    async def context(self, context: Context) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        await asyncio.sleep(0)
        async with asynccontextmanager(super().context)(context) as made:
            yield made


@pytest.fixture(params=[Desk, AwaitedDesk])
def desk(request: pytest.FixtureRequest) -> Desk:
    return request.param()  # type: ignore[no-any-return]


@strawberry.type
class Thing:
    @strawberry.field
    async def used(self, info: strawberry.Info) -> int:
        return await info.context["db"].use()  # type: ignore[no-any-return]

    @strawberry.field
    async def fails(self, info: strawberry.Info) -> int:
        await info.context["db"].use()
        raise RuntimeError("the resolver fails")

    @strawberry.field
    async def hangs(self, info: strawberry.Info) -> int:
        """Take until it is cancelled, and then some more."""
        desk, db = info.context["desk"], info.context["db"]
        await db.use()
        try:
            desk.holding += 1
            await asyncio.Event().wait()
        finally:
            await desk.held.wait()
            await db.use()
        return 1


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def thing(self) -> Thing:
        return Thing()

    @strawberry.field(permission_classes=[Public])
    def plain(self) -> int:
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def things(self, info: Info) -> AsyncIterator[Thing]:
        db = info.context["db"]
        try:
            async for _ in info.context.follow(STREAM):
                yield Thing()
        finally:
            await db.use()

    @strawberry.subscription(permission_classes=[Public])
    async def fails(self, info: Info) -> AsyncIterator[Thing]:
        await info.context["db"].use()
        async for event in info.context.follow(STREAM):
            if event.key == "bad":
                raise RuntimeError("the resolver fails")
            yield Thing()


SCHEMA = strawberry.Schema(
    Query,
    subscription=Subscription,
    config=strawberry.schema.config.StrawberryConfig(
        enable_experimental_incremental_execution=True
    ),
)


def serve(clock: MovedClock, desk: Desk, schema: strawberry.Schema = SCHEMA) -> Any:
    return toy_server(
        clock,
        schema,
        domain=Domain(context=desk.context),
        event_seconds=EVENT_SECONDS,
        operation_seconds=OPERATION_SECONDS,
    )


async def first(transport: str, server: ToyServer, query: str) -> Any:
    async with aclosing(TRANSPORTS[transport](server.url, query)) as answers:  # type: ignore[type-var]
        async for answer in answers:
            return answer


@any_transport
async def test_each_operation_that_asks_has_its_own(
    transport: str, clock: MovedClock, desk: Desk
) -> None:
    async with serve(clock, desk) as server:
        for number in (1, 2):
            answer = await first(transport, server, "{ thing { a: used b: used } }")
            assert answer["data"]["thing"] == {"a": 1, "b": 2}
            await desk.closed(number)
        assert (await first(transport, server, "{ plain }"))["data"] == {"plain": 1}
    opened = 3 if desk.is_awaited else 2
    assert (len(desk.opened), desk.whole, desk.cut) == (opened, opened, 0)


@any_transport
async def test_it_is_closed_when_a_resolver_fails(
    transport: str, clock: MovedClock, desk: Desk
) -> None:
    async with serve(clock, desk) as server:
        answer = await first(transport, server, "{ thing { used fails } }")
        assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
        await desk.closed(1)
    assert (desk.whole, desk.cut) == (1, 0)


@any_transport
async def test_an_operation_that_takes_too_long_keeps_it_until_its_resolvers_have_ended(
    transport: str, clock: MovedClock, desk: Desk
) -> None:
    async with serve(clock, desk) as server:
        answering = asyncio.create_task(first(transport, server, "{ thing { hangs } }"))
        await until(lambda: desk.holding == 1)
        clock.move(OPERATION_SECONDS)
        assert (await answering)["errors"][0]["extensions"]["code"] == "TIMEOUT"
        assert desk.open == 1
        desk.held.set()
        await desk.closed(1)
    assert (desk.opened[0].uses, desk.whole, desk.cut) == (2, 0, 1)


async def test_an_operation_that_its_client_ends_closes_it(clock: MovedClock, desk: Desk) -> None:
    desk.held.set()
    async with serve(clock, desk) as server, WebSocketClient.open(server.url) as client:
        await client.init()
        await client.subscribe("1", "{ thing { hangs } }")
        await until(lambda: desk.holding == 1)
        await client.send({"type": "complete", "id": "1"})
        await desk.closed(1)
    assert (desk.whole, desk.cut) == (0, 1)


@every_transport
async def test_parts_that_come_later_still_have_it(
    transport: str, clock: MovedClock, desk: Desk
) -> None:
    query = "{ thing { used ... @defer { later: used } } }"
    async with serve(clock, desk) as server:
        async with asked(transport, server.url, query) as parts:
            found = [part async for part in parts]
        await desk.closed(1)
    assert merged(found) == {"data": {"thing": {"used": 1, "later": 2}}}
    assert (desk.whole, desk.cut) == (1, 0)


@every_transport
async def test_each_event_has_its_own_and_so_has_the_resolver(
    transport: str, clock: MovedClock, desk: Desk
) -> None:
    query = "subscription { things { used } }"
    async with serve(clock, desk) as server, live(transport, server, query) as client:
        await server.followed(1)
        for number in (1, 2, 3):
            await server.publish(f"{number}")
            await client.until(number)
            await until(lambda: desk.open == 1)  # the resolver's, which is open for all of it
        assert [each["used"] for each in client.values("things")] == [1, 1, 1]
    await desk.closed(4)
    assert [each.uses for each in desk.opened] == [1, 1, 1, 1]


@every_transport
async def test_an_event_whose_resolver_fails_or_takes_too_long_closes_its_own(
    transport: str, clock: MovedClock, desk: Desk
) -> None:
    for field, code in (("fails", "INTERNAL"), ("hangs", "TIMEOUT")):
        mine = type(desk)()
        query = f"subscription {{ things {{ {field} }} }}"
        async with serve(clock, mine) as server, live(transport, server, query) as client:
            await server.followed(1)
            await server.publish("1")
            if field == "hangs":
                await until(lambda: mine.holding == 1)  # noqa: B023
                clock.move(EVENT_SECONDS)
            await client.until(1)
            assert client.answers[0]["errors"][0]["extensions"]["code"] == code
            mine.held.set()
            await until(lambda: len(mine.opened) == 2 and mine.open == 1)  # noqa: B023
        await mine.closed(2)


class Hears(SchemaExtension):
    """Hears of each event's answer."""

    async def on_stream_result(self, _result: Any) -> AsyncIterator[None]:
        yield


async def test_an_event_that_an_extension_hears_of_keeps_its_own_until_its_resolvers_have_ended(
    clock: MovedClock, desk: Desk
) -> None:
    schema = strawberry.Schema(Query, subscription=Subscription, extensions=[Hears])
    query = "subscription { things { hangs } }"
    async with serve(clock, desk, schema) as server, live("sse", server, query) as client:
        await server.followed(1)
        await server.publish("1")
        await until(lambda: desk.holding == 1)
        clock.move(EVENT_SECONDS)
        await client.until(1)
        assert [each.is_open for each in desk.opened] == [True, True]
        desk.held.set()
        await until(lambda: desk.open == 1)
    await desk.closed(2)


ENDINGS = {
    "its token expires": "TOKEN_EXPIRED",
    "its session is revoked": "TOKEN_REVOKED",
    "the subscriber leaves": None,
}


@every_transport
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("members", [1, 3], ids=["alone", "in a group"])
async def test_however_a_subscription_ends_all_are_closed(
    transport: str, ending: str, members: int, clock: MovedClock, desk: Desk
) -> None:
    query = "subscription { things { used } }"
    async with serve(clock, desk) as server, AsyncExitStack() as stack:
        entering = [live(transport, server, query, "ann_s1") for _ in range(members)]
        clients = [await stack.enter_async_context(each) for each in entering]
        await server.followed(members)
        await until(lambda: members == 1 or server.pipeline.groups.sizes == [members])
        await server.publish("1")
        for client in clients:
            await client.until(1)
        assert desk.open
        match ending:
            case "its token expires":
                clock.move(LIFE)
            case "its session is revoked":
                await server.happen(session_revoked("ann", "s1"))
            case _:
                await stack.aclose()
        for client in clients if ENDINGS[ending] else []:
            assert await client.ended() == ENDINGS[ending]
        await until(lambda: not desk.open)


@every_transport
async def test_a_resolver_that_fails_closes_all(
    transport: str, clock: MovedClock, desk: Desk
) -> None:
    query = "subscription { fails { used } }"
    async with serve(clock, desk) as server, live(transport, server, query) as client:
        await server.followed(1)
        await server.publish("1", "bad")
        await until(lambda: client.refusal == "INTERNAL")
        await desk.closed(2)
