"""What a request has in `extensions` reaches its resolvers as `info.input_extensions`, and no other request's."""

from __future__ import annotations

import asyncio
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
