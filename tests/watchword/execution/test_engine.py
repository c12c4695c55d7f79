"""The engine runs plans, each event of a subscription in a context of its own."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable

import pytest
import strawberry
from graphql.execution import Executor

from tests.support import toy_schema
from tests.support.away import away
from tests.support.settled import settled
from watchword.context import Context, Info, Services
from watchword.errors import NotFound
from watchword.events.event import Event
from watchword.execution.compiled.promise import Promise
from watchword.execution.compiled.rows import Row
from watchword.execution.compiled.run import Run
from watchword.execution.engine import Engine, Execution
from watchword.execution.limits import Limits
from watchword.execution.plan import Refused
from watchword.execution.source import DatabaseUnavailable
from watchword.loader import Loader
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, SharedPrincipal
from watchword.process.eager import Eager

LIMITS = Limits(1000, 10, 10, 1000)


async def test_variables_that_do_not_fit_are_refused(services: Services) -> None:
    engine = Engine(toy_schema.schema, LIMITS, 10)
    plan = engine.plan("query($n: Int!) { count(below: $n) }", None)
    context = Context(services, ANONYMOUS)
    with pytest.raises(Refused):
        await engine.execute(plan, {"n": "many"}, context)


@pytest.mark.parametrize("execution", ["compiled", "graphql-core"])
async def test_both_ways_of_execution_give_the_same_answer(
    services: Services, execution: Execution
) -> None:
    engine = Engine(toy_schema.schema, LIMITS, 10, execution)
    for _ in range(3):
        plan = engine.plan("{ hello }", None)
        answer = await engine.execute(plan, None, Context(services, ANONYMOUS))
        assert answer == {"data": {"hello": "hello world"}}


@strawberry.type
class Asking:
    @strawberry.field(permission_classes=[Public])
    def task(self) -> bool:
        return asyncio.current_task() is not None


async def test_a_resolver_runs_in_a_task_even_if_the_request_has_none(services: Services) -> None:
    engine = Engine(strawberry.Schema(Asking), LIMITS, 10)
    plan = engine.plan("{ task }", None)
    answers: list[object] = []

    def ask() -> None:
        begun = Eager(engine.execute(plan, None, Context(services, ANONYMOUS)))
        assert begun.is_done
        answers.append(begun.result())

    # Once by graphql-core, and then compiled.
    for _ in range(3):
        asyncio.get_running_loop().call_soon(ask)
        await asyncio.sleep(0)
    assert answers == [{"data": {"task": True}}] * 3


@strawberry.type
class Happening:
    @strawberry.field
    def context(self, info: Info) -> bool:
        seen.append(info.context)
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def events(self, info: Info) -> AsyncIterator[Happening]:
        seen.append(info.context)
        yield Happening()
        yield Happening()


seen: list[Context] = []


async def test_each_event_has_the_context_that_it_is_given(services: Services) -> None:
    seen.clear()
    engine = Engine(strawberry.Schema(toy_schema.Query, None, Subscription), LIMITS, 10)
    contexts = [Context(services, ANONYMOUS) for _ in range(3)]
    plan = engine.plan("subscription { events { context } }", None)
    source = await engine.subscribe(plan, None, contexts[0])
    answers = [
        await settled(source.answer(event, context))
        for context, event in zip(
            contexts[1:], [event async for event in source.events], strict=True
        )
    ]
    assert answers == [{"data": {"events": {"context": True}}}] * 2
    assert seen == contexts


async def test_a_compiled_event_needs_no_executor_of_graphql_core(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(strawberry.Schema(toy_schema.Query, None, Subscription), LIMITS, 10)
    plan = engine.plan("subscription { events { context } }", None)
    context = Context(services, ANONYMOUS)
    source = await engine.subscribe(plan, None, context)
    assert await settled(source.answer(Happening(), context)) == {
        "data": {"events": {"context": True}}
    }
    monkeypatch.setattr(Executor, "build_per_event_executor", None)
    assert source.answer(Happening(), context) == {"data": {"events": {"context": True}}}


@strawberry.type
class Away:
    @strawberry.field
    def field(self) -> str:
        raise away(ConnectionRefusedError())


@strawberry.type
class Troubled:
    @strawberry.subscription(permission_classes=[Public])
    async def events(self, info: Info) -> AsyncIterator[Away]:
        yield Away()


async def test_a_database_that_is_away_is_no_answer(services: Services) -> None:
    engine = Engine(strawberry.Schema(toy_schema.Query, None, Troubled), LIMITS, 10)
    context = Context(services, ANONYMOUS)
    source = await engine.subscribe(
        engine.plan("subscription { events { field } }", None), None, context
    )
    with pytest.raises(DatabaseUnavailable):
        await settled(source.answer(await anext(source.events), context))


async def test_many_events_leave_no_more_in_memory_than_one(services: Services) -> None:
    engine = Engine(
        strawberry.Schema(toy_schema.Query, None, Subscription), LIMITS, 10, "graphql-core"
    )
    context = Context(services, ANONYMOUS)
    source = await engine.subscribe(
        engine.plan("subscription { events { context } }", None), None, context
    )
    event = await anext(source.events)
    _, opened = source._execute.args
    sizes = []
    for _ in range(3):
        assert await settled(source.answer(event, context)) == {
            "data": {"events": {"context": True}}
        }
        sizes.append(len(opened.executor._relevant_sub_fields))
    assert sizes[0] == sizes[2]


async def load_numbers(_context: Context, keys: list[int]) -> list[int]:
    await asyncio.sleep(0)
    return [2 * key for key in keys]


@strawberry.type
class Loaded:
    number: int

    @strawberry.field(permission_classes=[Public], graphql_type=int)
    def double(self, info: Info) -> Awaitable[int]:
        return info.context.loader(load_numbers).load(self.number)

    @strawberry.field(permission_classes=[Public])
    async def fourfold(self, info: Info) -> int:
        return 2 * await info.context.loader(load_numbers).load(self.number)


@strawberry.type
class Loading:
    @strawberry.field(permission_classes=[Public])
    def loaded(self) -> list[Loaded | None]:
        return [Loaded(number=number) for number in range(5)]


@pytest.mark.parametrize("fields", ["number double", "double fourfold", "one: double two: double"])
async def test_nothing_of_an_operation_is_left_to_be_collected(
    fields: str, services: Services
) -> None:
    engine = Engine(strawberry.Schema(Loading), LIMITS, 10)
    plan = engine.plan(f"{{ loaded {{ {fields} }} }}", None)

    async def execute() -> None:
        await engine.execute(plan, None, Context(services, ANONYMOUS))
        # Callbacks of the event loop hold what they are about.
        for _ in range(5):
            await asyncio.sleep(0)

    def existing() -> list[str]:
        kinds = (Context, Loader, Loaded, Promise, Row, Run)
        return [type(each).__name__ for each in gc.get_objects() if type(each) in kinds]

    for _ in range(3):
        await execute()
    gc.collect()
    gc.disable()
    try:
        before = existing()
        await execute()
        assert existing() == before
    finally:
        gc.enable()


@strawberry.type
class Nosy:
    @strawberry.field(permission_classes=[Public])
    def asks(self, info: Info) -> str:
        return info.context.principal.subject

    @strawberry.field(permission_classes=[Public])
    def asks_and_catches(self, info: Info) -> str:
        try:
            return info.context.principal.subject
        except IdentityAsked:
            return "somebody"

    @strawberry.field(permission_classes=[Public])
    def reads_a_variable(self) -> str:
        return toy_schema.unset.get()

    @strawberry.field(permission_classes=[Public])
    def plain(self) -> str:
        return "plain"


@pytest.mark.parametrize("name", ["asks", "asksAndCatches", "readsAVariable"])
async def test_a_shared_execution_that_asks_for_an_identity_is_refused(
    services: Services, name: str
) -> None:
    engine = Engine(strawberry.Schema(Nosy), LIMITS, 10)
    for _ in range(3):
        shared = Context(services, SharedPrincipal(Grants(), is_anonymous=True))
        plan = engine.plan(f"{{ plain {name} }}", None)
        with pytest.raises(IdentityAsked):
            await engine.execute(plan, None, shared)
    shared = Context(services, SharedPrincipal(Grants(), is_anonymous=True))
    assert await engine.execute(engine.plan("{ plain }", None), None, shared) == {
        "data": {"plain": "plain"}
    }


@strawberry.type
class Writes:
    @strawberry.mutation(permission_classes=[Public])
    async def writes(self, info: Info, fails: bool) -> str | None:
        async with info.context.write() as unit:
            unit.publish(Event("toys", "bear", "made"))
        if fails:
            raise NotFound("Gone.")
        return "done"


@pytest.mark.parametrize("fails", [True, False])
async def test_the_answer_of_a_mutation_has_a_cursor_for_each_stream_that_it_wrote(
    services: Services, fails: bool
) -> None:
    engine = Engine(strawberry.Schema(Nosy, Writes), LIMITS, 10)
    plan = engine.plan("mutation($fails: Boolean!) { writes(fails: $fails) }", None)
    for _ in range(3):
        answer = await engine.execute(plan, {"fails": fails}, Context(services, ANONYMOUS))
        [(stream, cursor)] = answer["extensions"]["cursors"].items()
        head = (await services.event_log.heads(["toys"]))["toys"]
        assert services.event_log.cursors.read_named(cursor) == ("toys", None, head)
        assert ("errors" in answer) is fails
        assert stream == "toys"
