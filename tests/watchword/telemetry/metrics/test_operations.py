"""Operations are recorded by name, type and outcome, errors by code; nobody can make up series without end."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from time import perf_counter

import pytest

from tests.support.clock import MovedClock
from tests.support.parts_schema import closed_gates
from tests.support.parts_schema import schema as PARTS
from tests.support.shop import schema as SHOP
from tests.support.shop import shop
from tests.support.toy_schema import schema
from tests.support.toy_server import toy_pipeline
from watchword.context import Context, Services
from watchword.errors import TimedOut
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.parts import AnswerParts
from watchword.execution.plan import Refused
from watchword.principal import ANONYMOUS
from watchword.telemetry.metrics.histogram import OTHER
from watchword.telemetry.metrics.metric import Distribution
from watchword.telemetry.metrics.operations import (
    CODES,
    LONGEST_NAME,
    MOST_COSTS,
    MOST_TALLIES,
    NAMES,
    UNNAMED,
    MeasuredAnswers,
    MeasuredEngine,
    Operations,
)

LIMITS = Limits(1000, 10, 10, 1000)


def recorded(operations: Operations) -> dict[tuple[str, ...], int]:
    found = {}
    for point in operations.durations.points:
        assert isinstance(point.value, Distribution)
        found[point.attributes] = sum(point.value.counts)
    return found


async def begun() -> None:
    """Let what was started take its first steps."""
    for _ in range(5):
        await asyncio.sleep(0)


async def ask(
    engine: MeasuredEngine,
    services: Services,
    query: str,
    variables: dict[str, object] | None = None,
) -> object:
    plan = engine.plan(query, None)
    return await engine.execute(plan, variables, Context(services, ANONYMOUS))


async def test_an_answer_is_recorded_by_type_name_and_outcome(services: Services) -> None:
    operations = Operations()
    engine = MeasuredEngine(schema, LIMITS, 10, operations=operations)
    for query in (
        "{ hello }",
        "query Greeting { hello }",
        "query Greeting { hello }",
        "query Key { secret }",
    ):
        with suppress(Refused):
            await ask(engine, services, query)
    await ask(engine, services, "query Guarded { me }")
    found = recorded(operations)
    assert found["query", UNNAMED, "ok"] == 1
    assert found["query", "Greeting", "ok"] == 2
    assert found["query", "Guarded", "error"] == 1
    # What cannot be planned has no name of its own.
    assert ("query", "Key", "error") not in found
    assert operations.errors["BAD_USER_INPUT"] == 1
    assert sum(operations.errors.values()) == 2


async def test_variables_that_do_not_fit_are_an_error(services: Services) -> None:
    operations = Operations()
    engine = MeasuredEngine(schema, LIMITS, 10, operations=operations)
    with pytest.raises(Refused):
        await ask(engine, services, "query Q($n: Int!) { count(below: $n) }", {"n": "many"})
    assert recorded(operations) == {("query", "Q", "error"): 1}
    assert operations.errors == {"BAD_USER_INPUT": 1}


async def test_an_answer_that_many_share_is_recorded_once_for_each_request(
    clock: MovedClock,
) -> None:
    async with shop(clock) as opened:
        services, operations = opened.pipeline.services, Operations()
        engine = MeasuredEngine(SHOP, LIMITS, 10, operations=operations)
        answers = MeasuredAnswers(engine, services, operations=operations)
        plan = engine.plan("query Shared { item { price } }", None)
        for _ in range(5):
            assert await answers.answer(plan, None, ANONYMOUS) is not None
        assert answers.counts == {"begun": 2, "kept": 3}
        assert recorded(operations) == {("query", "Shared", "ok"): 5}
        alone = engine.plan("query Alone { undeclared }", None)
        assert await answers.answer(alone, None, ANONYMOUS) is None
        assert ("query", "Alone", "ok") not in recorded(operations)


async def test_an_operation_that_takes_too_long_is_recorded_with_its_code(
    services: Services, clock: MovedClock
) -> None:
    operations = Operations()
    engine = MeasuredEngine(schema, LIMITS, 10, operations=operations)
    plan = engine.plan("query Slow { slow(seconds: 1000) }", None)
    asked = asyncio.ensure_future(engine.execute(plan, None, Context(services, ANONYMOUS)))
    await begun()
    clock.move(services.settings.operation_seconds + 1)
    with pytest.raises(TimedOut):
        await asked
    assert recorded(operations) == {("query", "Slow", "error"): 1}
    assert operations.errors == {"TIMEOUT": 1}


async def test_an_operation_whose_client_went_away_is_cancelled(services: Services) -> None:
    operations = Operations()
    engine = MeasuredEngine(schema, LIMITS, 10, operations=operations)
    plan = engine.plan("query Slow { slow(seconds: 1000) }", None)
    asked = asyncio.ensure_future(engine.execute(plan, None, Context(services, ANONYMOUS)))
    await begun()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert recorded(operations) == {("query", "Slow", "cancelled"): 1}
    assert operations.errors == Counter()


async def test_names_that_callers_make_up_are_bounded_and_lose_no_measurement(
    services: Services,
) -> None:
    operations = Operations()
    engine = MeasuredEngine(schema, LIMITS, 10, operations=operations)
    for number in range(2 * NAMES):
        await ask(engine, services, f"query N{number} {{ hello }}")
    long = "L" * (LONGEST_NAME + 1)
    await ask(engine, services, f"query {long} {{ hello }}")
    for _ in range(5):
        await ask(engine, services, "query Real { hello }")
    found = recorded(operations)
    assert len({name for _, name, _ in found}) == NAMES + 1
    assert found["query", "Real", "ok"] > 0
    assert ("query", long, "ok") not in found
    assert found["query", OTHER, "ok"] >= NAMES
    assert sum(found.values()) == 2 * NAMES + 6


def test_codes_that_a_schema_makes_up_are_bounded() -> None:
    operations = Operations()
    for number in range(10 * CODES):
        operations.erred(f"CODE_{number}")
    assert len(operations.errors) == CODES + 1
    assert sum(operations.errors.values()) == 10 * CODES


@pytest.mark.parametrize(("deferred", "outcome"), [("name", "ok"), ("broken", "error")])
async def test_an_answer_in_parts_is_recorded_once_with_the_errors_of_all_parts(
    deferred: str, outcome: str, services: Services
) -> None:
    operations = Operations()
    engine = MeasuredEngine(PARTS, LIMITS, 10, operations=operations)
    parts: list[object] = []

    async def send(part: object) -> None:
        parts.append(part)
        assert not recorded(operations), "it is not over"

    plan = engine.plan(f"query Parts {{ item {{ ... @defer {{ {deferred} }} }} }}", None)
    closed_gates().open["a"].set()
    context = Context(services, ANONYMOUS)
    await engine.execute_in_parts(plan, None, context, AnswerParts(send))
    assert len(parts) == 2
    assert recorded(operations) == {("query", "Parts", outcome): 1}


async def test_an_answer_in_parts_whose_client_leaves_is_recorded_as_cancelled(
    services: Services,
) -> None:
    operations = Operations()
    engine = MeasuredEngine(PARTS, LIMITS, 10, operations=operations)
    reached = asyncio.Event()

    async def send(_part: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    closed_gates()
    plan = engine.plan("query Parts { item { ... @defer { late } } }", None)
    context = Context(services, ANONYMOUS)
    running = asyncio.create_task(engine.execute_in_parts(plan, None, context, AnswerParts(send)))
    await reached.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert recorded(operations) == {("query", "Parts", "cancelled"): 1}


async def test_what_limits_are_measured_by_is_recorded_by_limit_and_operation(
    clock: MovedClock,
) -> None:
    operations = Operations()
    async with toy_pipeline(clock) as (pipeline, _):
        engine = MeasuredEngine(schema, LIMITS, 100, operations=operations)
        query = "query Mine($n: Int) { toys(first: $n) { a: id @skip(if: false) } hello }"
        for size in (1, 7):
            await ask(engine, pipeline.services, query, {"n": size})
    found = {}
    for point in operations.sizes.points:
        assert isinstance(point.value, Distribution)
        found[point.attributes] = point.value.sum
    assert found == {
        ("cost", "Mine"): 1 + 7,
        ("directives", "Mine"): 2,
        ("depth", "Mine"): 4,
        ("aliases", "Mine"): 2,
        ("root_fields", "Mine"): 4,
    }


def test_what_nobody_has_read_yet_is_bounded() -> None:
    operations, engine = Operations(), Engine(schema, LIMITS, 10)
    for number in range(2 * MOST_TALLIES):
        plan = engine.plan(f"query Same {{ a{number}: hello }}", None)
        operations.asked(plan, 1)
        operations.answered(plan, perf_counter(), "ok")
        assert len(operations._tallies) <= MOST_TALLIES
    plan = engine.plan("query Same { hello }", None)
    for cost in range(3 * MOST_COSTS):
        operations.asked(plan, cost)
        assert all(len(each.costs) <= MOST_COSTS for each in operations._tallies.values())
    assert recorded(operations) == {("query", "Same", "ok"): 2 * MOST_TALLIES}
    [costs] = [each.value for each in operations.sizes.points if each.attributes[0] == "cost"]
    assert isinstance(costs, Distribution)
    assert sum(costs.counts) == 2 * MOST_TALLIES + 3 * MOST_COSTS
    assert costs.sum == 2 * MOST_TALLIES + sum(range(3 * MOST_COSTS))


def test_reading_twice_counts_nothing_twice() -> None:
    operations, engine = Operations(), Engine(schema, LIMITS, 10)
    plan = engine.plan("query Same { hello }", None)
    for times in (1, 2):
        operations.asked(plan, 3)
        operations.answered(plan, perf_counter(), "ok")
        assert recorded(operations) == recorded(operations) == {("query", "Same", "ok"): times}
