"""A session of a real pool is closed after the resolvers that go on when one beside them has failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import strawberry
from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from tests.conformance.live import every_transport, live
from tests.support.clients import TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.toy_schema import STREAM
from tests.support.toy_server import ToyServer, toy_server, until
from watchword.context import Context, Info
from watchword.domain import Domain
from watchword.permissions.field import Public

SECONDS = 5.0


@strawberry.type
class Row:
    @strawberry.field
    def opens(self, info: strawberry.Info) -> bool:
        """Let the session be opened before a field fails."""
        return bool(info.context["db"])

    @strawberry.field
    async def waits(self, info: strawberry.Info) -> int:
        try:
            await info.context["go"].wait()
        finally:
            found = await info.context["db"].scalar(select(literal(1)))
            info.context["found"].append(found)
        return int(found)

    @strawberry.field
    def fails(self) -> int:
        raise RuntimeError("the resolver fails")


@strawberry.type
class RowQuery:
    @strawberry.field(permission_classes=[Public])
    def row(self) -> Row:
        return Row()


@strawberry.type
class RowSubscription:
    @strawberry.subscription(permission_classes=[Public])
    async def rows(self, info: Info) -> AsyncIterator[Row]:
        async for _ in info.context.follow(STREAM):
            yield Row()


ROWS = strawberry.Schema(RowQuery, subscription=RowSubscription)


class Pooled:
    """Sessions of a real pool. Resolvers wait for `go` before they use theirs, and note in `found` what they find."""

    def __init__(self, path: Path) -> None:
        self.engine = create_async_engine(
            f"sqlite+aiosqlite:///{path}", poolclass=AsyncAdaptedQueuePool
        )
        self.go = asyncio.Event()
        self.found: list[Any] = []
        self.opened = self.closed = 0

    async def context(self, context: Context) -> AsyncIterator[dict[str, Any]]:
        async with AsyncSession(self.engine) as db:
            self.opened += 1
            yield {"db": db, "go": self.go, "found": self.found}
        self.closed += 1

    @property
    def held(self) -> int:
        return self.engine.pool.checkedout()  # type: ignore[attr-defined,no-any-return]

    async def over(self) -> None:
        """Wait until the resolver has used its session, and no session holds a connection."""
        await until(lambda: self.found == [1] and self.closed == self.opened == 1)
        assert self.held == 0


@pytest.fixture
async def pooled(tmp_path: Path) -> AsyncIterator[Pooled]:
    made = Pooled(tmp_path / "rows.db")
    yield made
    await made.engine.dispose()


async def answered(transport: str, server: ToyServer, query: str) -> Any:
    async with aclosing(TRANSPORTS[transport](server.url, query)) as answers:  # type: ignore[type-var]
        return await anext(answers)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
async def test_a_resolver_that_goes_on_when_one_beside_it_has_failed_keeps_it(
    transport: str, execution: str, clock: MovedClock, pooled: Pooled
) -> None:
    domain = Domain(context=pooled.context)
    async with toy_server(clock, ROWS, domain=domain, execution=execution) as server:
        answer = await answered(transport, server, "{ row { opens waits fails } }")
        assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert (pooled.opened, pooled.closed) == (1, 0)
        pooled.go.set()
        await pooled.over()


async def test_a_resolver_that_goes_on_for_too_long_is_cancelled_before_it_is_closed(
    clock: MovedClock, pooled: Pooled
) -> None:
    domain = Domain(context=pooled.context)
    async with toy_server(clock, ROWS, domain=domain, event_seconds=SECONDS) as server:
        await answered("http", server, "{ row { opens waits fails } }")
        assert (pooled.opened, pooled.closed) == (1, 0)
        clock.move(SECONDS)
        await until(lambda: pooled.found == [1] and pooled.held == 0)


@every_transport
async def test_so_does_one_of_an_event(transport: str, clock: MovedClock, pooled: Pooled) -> None:
    query = "subscription { rows { opens waits fails } }"
    async with (
        toy_server(clock, ROWS, domain=Domain(context=pooled.context)) as server,
        live(transport, server, query) as client,
    ):
        await server.followed(1)
        await server.publish("1")
        await client.until(1)
        assert client.answers[0]["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert (pooled.opened, pooled.closed) == (1, 0)
        pooled.go.set()
        await pooled.over()
