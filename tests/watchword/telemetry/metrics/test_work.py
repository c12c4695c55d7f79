"""Caches, fallbacks, the pool and background tasks are read as they are."""

from __future__ import annotations

import asyncio

from tests.support.clock import MovedClock
from tests.support.metrics import values
from tests.support.shop import shop
from tests.support.toy_server import toy_pipeline, until
from watchword.context import Context
from watchword.principal import ANONYMOUS
from watchword.telemetry.metrics.work import POOL, read_documents, read_execution, read_process

ITEM = "{ item { price } }"


async def test_plans_programs_and_fallbacks_are_counted(clock: MovedClock) -> None:
    async with toy_pipeline(clock) as (pipeline, _):
        engine = pipeline.engine

        async def ask(query: str) -> None:
            await engine.execute(
                engine.plan(query, None), None, Context(pipeline.services, ANONYMOUS)
            )

        for _ in range(3):
            await ask("{ hello }")
            await ask("{ __schema { queryType { name } } }")
        found = values(read_execution(engine, pipeline.shared, pipeline.services.budgets))
        assert found["watchword.plans",] == 2
        assert found["watchword.plans.made",] == 2
        assert found["watchword.programs",] == 1
        assert sum(n for key, n in found.items() if key[0] == "watchword.fallbacks") == 2


async def test_shared_answers_are_counted_by_how_they_were_served(clock: MovedClock) -> None:
    async with shop(clock) as opened:
        for _ in range(4):
            await opened.ask(ITEM)
        found = values(
            read_execution(opened.shared._engine, opened.shared, opened.pipeline.services.budgets)
        )
        assert found["watchword.answers", "begun"] == 2
        assert found["watchword.answers", "kept"] == 2
        assert found["watchword.answers.kept",] == 1
        assert found["watchword.answers.kept.size",] > 0


async def test_requests_with_documents_of_no_manifest_are_counted_by_client(
    clock: MovedClock,
) -> None:
    async with toy_pipeline(clock) as (pipeline, _):
        pipeline.documents.untrusted["web"] += 3
        found = values(read_documents(pipeline.documents))
        assert found["watchword.documents.untrusted", "web"] == 3


async def test_what_observed_permissions_would_refuse_is_counted_by_field_and_rule(
    clock: MovedClock,
) -> None:
    async with toy_pipeline(clock) as (pipeline, _):
        Context(pipeline.services, ANONYMOUS).would_refuse("Toy.price", "scope a", "Toys")
        found = values(read_process(pipeline.services))
        assert found["watchword.permission.observed", "Toy.price", "scope a"] == 1


async def test_the_pool_shows_connections_in_use_and_free(clock: MovedClock) -> None:
    async with toy_pipeline(clock, database_pool_size=7) as (pipeline, _):
        database = pipeline.services.database
        async with database.read() as db:
            await db.connection()
            found = values(read_process(pipeline.services))
            used = found["db.client.connection.count", POOL, "used"]
        after = values(read_process(pipeline.services))
        assert used >= 1
        assert after["db.client.connection.count", POOL, "used"] == used - 1
        assert after["db.client.connection.count", POOL, "idle"] >= 1
        assert after["db.client.connection.max", POOL] == 7


async def test_a_task_that_fails_is_not_healthy_until_it_succeeds(clock: MovedClock) -> None:
    async with toy_pipeline(clock) as (pipeline, _):
        services, faults = pipeline.services, [ValueError("no")]

        async def turn() -> None:
            while faults:
                raise faults.pop()

        services.background.every(1, "the trial", turn)
        assert values(read_process(services))["watchword.background.task.healthy", "the trial"] == 1
        # The task takes its first step, and waits for its time.
        await asyncio.sleep(0)
        clock.move(1)
        await until(lambda: bool(services.background.unwell))
        found = values(read_process(services))
        assert found["watchword.background.task.healthy", "the trial"] == 0
        assert found["watchword.background.task.failures", "the trial"] == 1
        clock.move(1)
        await until(lambda: not services.background.unwell)
        assert values(read_process(services))["watchword.background.task.healthy", "the trial"] == 1
