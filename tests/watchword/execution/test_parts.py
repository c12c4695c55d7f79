"""The parts of an answer, put together, are the whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from tests.support.clock import MovedClock
from tests.support.parts_schema import Query as PartsQuery
from tests.support.parts_schema import closed_gates, gates, merged, schema
from tests.support.toy_server import principal, toy_pipeline
from watchword import Info, Public, SignedIn
from watchword.context import Context
from watchword.execution.engine import Engine
from watchword.execution.parts import AnswerParts, Part
from watchword.execution.plan import Plan
from watchword.transports.pipeline import Pipeline


@pytest.fixture
async def pipeline(clock: MovedClock) -> AsyncIterator[Pipeline]:
    closed_gates()
    for name in ("a", "a's other", "a0", "a1", "0", "1", "2", "item 0", "item 1", "item 2"):
        gates.open[name].set()
    # One error for each place: a part can tell only of its own places.
    async with toy_pipeline(clock, schema, refusals="each") as (made, _):
        yield made


def context(pipeline: Pipeline) -> Context:
    return Context(pipeline.services, principal("alice", pipeline.services.clock.now()))


async def in_parts(
    pipeline: Pipeline, plan: Plan, variables: Any = None, engine: Engine | None = None
) -> list[Part]:
    sent: list[Part] = []

    async def send(part: Part) -> None:
        sent.append(part)

    engine = engine or pipeline.engine
    await engine.execute_in_parts(plan, variables, context(pipeline), AnswerParts(send))
    return sent


DOCUMENTS = [
    "{ ... @defer { item { name } } }",
    "{ item { ... @defer { name late } ... @defer { other { name } } } }",
    "{ item { ... @defer { name other { ... @defer { late other { name } } } } } }",
    "{ item { ...F @defer ...F @defer(label: \"b\") } } fragment F on Item { late other { late } }",
    "{ item { others { name ... @defer { late } } } }",
    "{ items @stream { name } }",
    "{ items @stream(initialCount: 2, label: \"s\") { name ... @defer { late } } }",
    "{ items(count: 0) @stream { name } }",
    "{ numbers @stream(initialCount: 1) }",
    "{ item { ... @defer { others @stream(initialCount: 1) { late } } } }",
    "{ item { name ... @defer { broken price } other { ... @defer { broken late } } } }",
    "{ items @stream(initialCount: 1) { name price } }",
    "{ ... @defer { items { name late } } numbers }",
]  # fmt: skip


def errors(answer: Part) -> list[Any]:
    """Return where and which errors there are; an unexpected one has an id of its own each time."""
    return sorted((each["path"], each["extensions"]["code"]) for each in answer.get("errors", []))


@pytest.mark.parametrize("query", DOCUMENTS)
async def test_the_parts_make_the_whole_answer(query: str, pipeline: Pipeline) -> None:
    plan = pipeline.engine.plan(query, None)
    parts = merged(await in_parts(pipeline, plan))
    for _ in range(3):
        # At the second use the operation without the directives is compiled.
        whole = await pipeline.engine.execute(plan, None, context(pipeline))
        assert (parts["data"], errors(parts)) == (whole["data"], errors(whole))


@pytest.mark.parametrize("query", DOCUMENTS)
async def test_the_parts_are_those_of_strawberrys_own_execution(
    query: str, pipeline: Pipeline
) -> None:
    plan = pipeline.engine.plan(query, None)
    ours = merged(await in_parts(pipeline, plan))
    result: Any = await schema.execute(query, context_value=context(pipeline))
    theirs = [result.initial_result.formatted]
    theirs += [part.formatted async for part in result.subsequent_results]
    assert merged(theirs)["data"] == ours["data"]


async def test_a_fragment_that_cannot_be_null_fails_alone(pipeline: Pipeline) -> None:
    query = "{ item { name ... @defer { exactPrice } ... @defer { late } } }"
    first, *later = await in_parts(pipeline, pipeline.engine.plan(query, None))
    ended = {each["id"]: each for part in later for each in part["completed"]}
    refused = [each for each in ended.values() if "errors" in each]
    assert len(ended) == 2
    assert [error["extensions"]["code"] for error in refused[0]["errors"]] == ["FORBIDDEN"]
    entries = [each for part in later for each in part.get("incremental", [])]
    assert [each["data"] for each in entries] == [{"late": "late a"}]
    assert first["data"] == {"item": {"name": "a"}}


async def test_an_answer_that_fails_before_its_first_part_is_one_part(pipeline: Pipeline) -> None:
    query = "{ item { missing ... @defer { late } } }"
    [only] = await in_parts(pipeline, pipeline.engine.plan(query, None))
    assert only["data"] is None
    assert "hasNext" not in only


async def test_what_is_pending_ends_with_the_errors_of_the_end(pipeline: Pipeline) -> None:
    seen: list[Any] = []

    async def send(part: Part) -> None:
        seen.append(parts.failed([{"message": "stop"}]))

    parts = AnswerParts(send)
    assert not parts.has_begun
    query = "{ item { ... @defer { name } ... @defer { others { ... @defer { late } } } } }"
    plan = pipeline.engine.plan(query, None)
    await pipeline.engine.execute_in_parts(plan, None, context(pipeline), parts)
    assert parts.has_begun
    begun, *_, last = seen
    assert begun["hasNext"] is False
    assert [each["id"] for each in begun["completed"]] == ["0", "1"]
    assert begun["completed"][0]["errors"] == [{"message": "stop"}]
    # After the last part there is nothing to end.
    assert last is None


async def test_a_plan_in_parts_is_never_compiled_and_is_counted(pipeline: Pipeline) -> None:
    plan = pipeline.engine.plan("{ item { name ... @defer { late } } }", None)
    assert plan.whole is not None
    for _ in range(4):
        await in_parts(pipeline, plan)
    assert plan.program is None
    assert pipeline.engine.fallbacks == {"@defer or @stream": 4}
    for _ in range(3):
        await pipeline.engine.execute(plan, None, context(pipeline))
    assert plan.whole.program is not None
    assert pipeline.engine.fallbacks == {"@defer or @stream": 4}


async def test_other_plans_come_in_one_piece(pipeline: Pipeline) -> None:
    assert pipeline.engine.plan("{ item { name } }", None).whole is None
    query = "subscription { item { ... @defer(if: false) { name } } }"
    assert not pipeline.engine.plan(query, None).gives_parts


async def test_hooks_of_extensions_run_around_all_parts_and_those_of_fields_in_each(
    clock: MovedClock,
) -> None:
    seen: list[str] = []

    class Hearing(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            seen.append("begin")
            yield
            seen.append("end")

        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(info.field_name)
            return _next(root, info, *args, **kwargs)

        def get_results(self) -> dict[str, Any]:
            return {"heard": True}

    made = strawberry.Schema(FragileQuery, config=schema.config, extensions=[Hearing])
    query = "query($is: Boolean!) { fragile { name ... @defer(if: $is) { mine } } }"
    async with toy_pipeline(clock, made) as (pipeline, _):
        plan = pipeline.engine.plan(query, None)
        first, last = await in_parts(pipeline, plan, {"is": True})
        assert first["extensions"] == {"heard": True}
        assert merged([first, last]) == {"data": {"fragile": {"name": "fragile", "mine": "alice"}}}
        assert seen == ["begin", "fragile", "name", "mine", "end"]
        [whole] = await in_parts(pipeline, plan, {"is": False})
        assert whole["data"] == {"fragile": {"name": "fragile", "mine": "alice"}}
        for _ in range(3):
            answer = await pipeline.engine.execute(plan, {"is": True}, context(pipeline))
            assert answer == whole


async def test_an_extension_that_refuses_leaves_nothing_behind(clock: MovedClock) -> None:
    class Failing(SchemaExtension):
        def on_execute(self) -> Iterator[None]:
            yield
            raise GraphQLError("not today")

    gates = closed_gates()
    gates.open["item 0"].set()
    made = strawberry.Schema(PartsQuery, config=schema.config, extensions=[Failing])
    async with toy_pipeline(clock, made) as (pipeline, _):
        plan = pipeline.engine.plan("{ items @stream(initialCount: 1) { name } }", None)
        [only] = await in_parts(pipeline, plan)
    assert [error["message"] for error in only["errors"]] == ["not today"]
    # The generator behind the list was closed.
    assert gates.reached["the end of items"].is_set()


@strawberry.type
class Fragile:
    name: str = "fragile"

    @strawberry.field
    async def waits(self) -> str | None:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        future.cancel()
        return await future

    @strawberry.field(permission_classes=[SignedIn])
    async def mine(self, info: Info) -> str:
        return info.context.principal.subject


@strawberry.type
class FragileQuery:
    @strawberry.field(permission_classes=[Public])
    def fragile(self) -> Fragile:
        return Fragile()

    @strawberry.field(permission_classes=[Public])
    async def breaks(self) -> strawberry.Streamable[int]:
        yield 1
        raise RuntimeError("a secret")


@pytest.fixture
async def fragile(clock: MovedClock) -> AsyncIterator[Pipeline]:
    made = strawberry.Schema(FragileQuery, config=schema.config)
    async with toy_pipeline(clock, made) as (pipeline, _):
        yield pipeline


async def test_a_list_that_breaks_ends_with_a_masked_error(
    fragile: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    plan = fragile.engine.plan("{ breaks @stream(initialCount: 1) }", None)
    *_, last = await in_parts(fragile, plan)
    [ended] = last["completed"]
    assert ended["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "a secret" not in str(last)
    assert "a secret" in caplog.text


async def test_a_resolver_that_waits_for_something_cancelled_ends_only_its_part(
    fragile: Pipeline,
) -> None:
    plan = fragile.engine.plan(
        "{ fragile { name ... @defer { waits } ... @defer { mine } } }", None
    )
    async with asyncio.timeout(10):
        _, last = await in_parts(fragile, plan)
    [failed, ended] = last["completed"]
    assert last["incremental"] == [{"id": "1", "data": {"mine": "alice"}}]
    assert ended == {"id": "1"}
    [error] = failed["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["fragile"], "INTERNAL")
