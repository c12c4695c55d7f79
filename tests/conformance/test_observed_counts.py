"""What an observed permission counts: operations and events, and not what is shared, kept, or decided once for all events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import strawberry

from tests.conformance.live import live
from tests.conformance.test_persisted_queries import by_post
from tests.support.clock import MovedClock
from tests.support.toy_schema import STREAM
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.context import Info
from watchword.events.sources import reads
from watchword.permissions.field import HasScope, Public, condition, observe
from watchword.permissions.guarded import guarded_by
from watchword.permissions.rules import Question


@condition("to have a key")
def never(question: Question) -> bool:
    return question.arguments is None


@reads()
@guarded_by(Public)
@strawberry.type
class Tick:
    id: strawberry.ID
    price: int = strawberry.field(default=1, permission_classes=[observe(HasScope("price"))])


@strawberry.type
class Query:
    @reads(STREAM)
    @strawberry.field(permission_classes=[Public, observe(HasScope("tick"))])
    def tick(self) -> Tick:
        return Tick(id=strawberry.ID("now"))


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public, observe(HasScope("ticks"))])
    async def ticks(self, info: Info) -> AsyncIterator[Tick]:
        async for event in info.context.follow(STREAM):
            yield Tick(id=strawberry.ID(event.key))

    @strawberry.subscription(permission_classes=[Public, observe(never)])
    async def tocks(self, info: Info) -> AsyncIterator[Tick]:
        async for event in info.context.follow(STREAM):
            yield Tick(id=strawberry.ID(event.key))


SCHEMA = strawberry.Schema(Query, subscription=Subscription)
TICKS, TOCKS = "subscription { ticks { price } }", "subscription { tocks { id } }"
OPENED, EVENT = ("Subscription.ticks", "scope ticks"), ("Tick.price", "scope price")


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    async with toy_server(clock, SCHEMA) as made:
        await made.pipeline.services.hub.look()
        yield made


async def test_fields_count_for_each_event_and_rules_over_grants_of_the_root_when_it_opens(
    server: ToyServer,
) -> None:
    counts = server.pipeline.services.observed.counts
    async with live("websocket", server, TICKS, "ann") as client:
        await server.followed(1)
        await server.publish("a", "b", "c")
        await client.until(3)
    assert counts == {OPENED: 1, EVENT: 3}


async def test_a_rule_of_the_root_that_reads_more_counts_when_it_opens_and_for_each_event(
    server: ToyServer,
) -> None:
    async with live("websocket", server, TOCKS, "ann") as client:
        await server.followed(1)
        await server.publish("a", "b")
        await client.until(2)
    assert server.pipeline.services.observed.counts == {("Subscription.tocks", "to have a key"): 3}


async def test_an_event_counts_once_for_all_members_of_a_group(server: ToyServer) -> None:
    counts = server.pipeline.services.observed.counts
    async with (
        live("websocket", server, TICKS, "ann") as first,
        live("websocket", server, TICKS, "bob") as second,
    ):
        await until(lambda: server.pipeline.groups.sizes == [2])
        # Both have opened it, and then the group has.
        assert counts == {OPENED: 3}
        await server.publish("a")
        await first.until(1)
        await second.until(1)
    assert counts == {OPENED: 3, EVENT: 1}


async def test_a_kept_answer_does_not_count(server: ToyServer) -> None:
    counts, asked = server.pipeline.services.observed.counts, {"query": "{ tick { price } }"}
    # An answer is kept from the second time on.
    for expected in (1, 2, 2, 2):
        assert await by_post(server, asked) == {"data": {"tick": {"price": 1}}}
        assert counts == {("Query.tick", "scope tick"): expected, EVENT: expected}
    await server.publish("a")
    await by_post(server, asked)
    assert counts[EVENT] == 3
