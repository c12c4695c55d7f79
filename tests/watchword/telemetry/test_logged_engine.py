"""Lines of resolvers say which operation they belong to."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
import strawberry

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline
from watchword.context import Context, Info
from watchword.execution.limits import Limits
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS
from watchword.process import log_context
from watchword.telemetry.logged_engine import LoggedEngine

LIMITS = Limits(1000, 10, 10, 1000)
seen: list[dict[str, str]] = []


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    async def said(self) -> bool:
        seen.append(log_context.fields())
        return True

    @strawberry.field(permission_classes=[Public])
    def failed(self) -> bool | None:
        raise RuntimeError("the secret ingredient is love")


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def numbers(self, info: Info) -> AsyncIterator[int]:
        for number in range(2):
            seen.append(log_context.fields())
            yield number


SCHEMA = strawberry.Schema(Query, subscription=Subscription)


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


async def test_a_query_is_named_while_it_is_executed(clock: MovedClock) -> None:
    async with toy_pipeline(clock) as (pipeline, _):
        engine = LoggedEngine(SCHEMA, LIMITS, 10)
        for query in ("query First { said }", "query Second { said }"):
            await engine.execute(
                engine.plan(query, None), None, Context(pipeline.services, ANONYMOUS)
            )
            assert "operation_id" not in log_context.fields()
    assert [each["operation_name"] for each in seen] == ["First", "Second"]
    assert len({each["operation_id"] for each in seen}) == 2


async def test_an_unexpected_error_is_logged_with_its_operation(
    clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[dict[str, str]] = []

    class Noting(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            told.append(log_context.fields())
            return True

    async with toy_pipeline(clock) as (pipeline, _):
        engine, noting = LoggedEngine(SCHEMA, LIMITS, 10), Noting()
        caplog.handler.addFilter(noting)
        plan = engine.plan("query Bad { failed }", None)
        answer = await engine.execute(plan, None, Context(pipeline.services, ANONYMOUS))
        caplog.handler.removeFilter(noting)
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert {each.get("operation_name") for each in told} == {"Bad"}


async def test_a_subscription_is_named_for_each_of_its_events(clock: MovedClock) -> None:
    async with toy_pipeline(clock) as (pipeline, _):
        engine = LoggedEngine(SCHEMA, LIMITS, 10)
        plan = engine.plan("subscription Count { numbers }", None)
        source = await engine.subscribe(plan, None, Context(pipeline.services, ANONYMOUS))
        async for _ in source.events:
            pass
        await source.close()
    assert [each["operation_name"] for each in seen] == ["Count", "Count"]
    assert len({each["operation_id"] for each in seen}) == 1
