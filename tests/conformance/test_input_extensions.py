"""What a request has in `extensions` reaches its resolvers as `info.input_extensions`, and no other request's."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from strawberry.scalars import JSON

from tests.support.clients import STREAMING, TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.toy_schema import STREAM
from tests.support.toy_server import toy_server, until
from watchword.context import Info
from watchword.permissions.field import Public


def region(info: Info) -> str:
    return (info.input_extensions or {}).get("region", "nowhere")  # type: ignore[no-any-return]


@strawberry.type
class Told:
    key: str

    @strawberry.field
    def region(self, info: Info) -> str:
        return region(info)

    @strawberry.field
    def all(self, info: Info) -> JSON:
        return {"given": info.input_extensions}  # type: ignore[return-value]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def region(self, info: Info) -> str:
        return region(info)


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def told(self, info: Info) -> AsyncIterator[Told]:
        async for event in info.context.follow(STREAM):
            yield Told(key=event.key)

    @strawberry.subscription(permission_classes=[Public])
    async def opened(self, info: Info) -> AsyncIterator[str]:
        yield region(info)


KEY = "of one client"
schema = strawberry.Schema(Query, subscription=Subscription)
# With the value that is expected of a subscriber's region.
TOLD = {"region": lambda region: region, "all": lambda region: {"given": {"region": region}}}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_query_reads_its_own(transport: str, clock: MovedClock) -> None:
    async with toy_server(clock, schema) as server:
        # The second time it is compiled.
        for given in ({"region": "eu"}, {"region": "us"}, None):
            rest = {"extensions": given} if given else {}
            [answer] = [
                each async for each in TRANSPORTS[transport](server.url, "{ region }", **rest)
            ]
            assert answer["data"] == {"region": given["region"] if given else "nowhere"}


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_subscription_reads_its_own_when_it_opens(
    transport: str, clock: MovedClock
) -> None:
    async with toy_server(clock, schema) as server:
        over = STREAMING[transport](
            server.url, "subscription { opened }", extensions={"region": "eu"}
        )
        assert [each["data"] async for each in over] == [{"opened": "eu"}]


@pytest.mark.parametrize("field", TOLD)
@pytest.mark.parametrize("transport", STREAMING)
async def test_subscribers_that_share_a_run_do_not_read_those_of_another(
    transport: str, field: str, clock: MovedClock
) -> None:
    query = f"subscription {{ told {{ key {field} }} }}"
    async with toy_server(clock, schema) as server:

        async def first(given: str) -> Any:
            over: Any = STREAMING[transport](server.url, query, extensions={"region": given})
            try:
                return (await anext(over))["data"]["told"]
            finally:
                await over.aclose()

        regions = ("eu", "us", "asia")
        reading = [asyncio.create_task(first(each)) for each in regions]
        await server.followed(len(regions))
        await until(lambda: server.pipeline.groups.sizes == [len(regions)])
        await server.publish("a")
        assert await asyncio.gather(*reading) == [
            {"key": "a", field: TOLD[field](each)} for each in regions
        ]


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_subscription_keeps_no_objects_of_its_client_while_it_shares_a_run(
    transport: str, clock: MovedClock
) -> None:
    query = "subscription { told { key } }"
    given: dict[str, Any] = {"mine": {KEY: [[] for _ in range(100)]}, "position": False}
    async with toy_server(clock, schema) as server:
        opened: list[Any] = [
            STREAMING[transport](server.url, query, extensions=given) for _ in range(2)
        ]
        reading = [asyncio.create_task(anext(each)) for each in opened]
        await server.followed(2)
        await until(lambda: server.pipeline.groups.sizes == [2])

        def kept() -> list[Any]:
            gc.collect()
            found = [each for each in gc.get_objects() if type(each) is dict]
            return [each for each in found if KEY in each and each is not given["mine"]]

        # The runs that the members had alone end a moment later.
        await until(lambda: not kept())
        await server.publish("a")
        await asyncio.gather(*reading)
        for each in opened:
            await each.aclose()


@pytest.mark.parametrize("transport", STREAMING)
async def test_what_watchword_reads_itself_is_not_kept(transport: str, clock: MovedClock) -> None:
    query = "subscription { told { all } }"
    given = {"region": "eu", "position": False, "traceparent": "none"}
    async with toy_server(clock, schema) as server:
        over: Any = STREAMING[transport](server.url, query, extensions=given)
        reading = asyncio.create_task(anext(over))
        await server.followed(1)
        await server.publish("a")
        assert (await reading)["data"]["told"]["all"] == {"given": {"region": "eu"}}
        await over.aclose()
