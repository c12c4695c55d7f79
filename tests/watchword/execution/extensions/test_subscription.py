"""Hooks around one run of a subscription: they begin and end with it, in its own task, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaskErrors, SchemaExtension

from tests.support.clock import MovedClock
from tests.support.toy_server import until
from watchword.context import Context, Services
from watchword.delivery.run import Operation, Run
from watchword.errors import Internal, TimedOut
from watchword.events.follow import Follow
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.plan import Refused
from watchword.execution.response import Answer
from watchword.execution.source import Source
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, SharedPrincipal

LIMITS = Limits(1000, 10, 10, 1000)
span: ContextVar[str] = ContextVar("span", default="none")


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"


@strawberry.type
class Number:
    value: int

    @strawberry.field
    async def inside(self) -> str:
        return span.get()

    @strawberry.field
    def crash(self) -> int | None:
        raise RuntimeError("a secret")


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def numbers(self, to: int = 2) -> AsyncIterator[Number]:
        for value in range(to):
            yield Number(value=value)
        if to > 2:
            raise RuntimeError("a secret")

    @strawberry.subscription(permission_classes=[Public])
    async def never(self) -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 1


def engine(*extensions: Any) -> Engine:
    schema = strawberry.Schema(Query, None, Subscription, extensions=extensions)
    return Engine(schema, LIMITS, 10)


class Holder:
    principal = ANONYMOUS


async def run(services: Services, made: Engine, query: str) -> list[bytes]:
    """Run a subscription to its end; return its answers as JSON."""
    operation = Operation(made.plan(query, None), None)
    follow = Follow(services.hub, services.event_log)
    return [sent.json async for sent in Run(made, services, Holder(), operation, follow).answers()]


class Traced(SchemaExtension):
    """Sets a context variable for the length of the operation, as tracers do."""

    noted: list[str]

    def on_operation(self) -> Iterator[None]:
        token = span.set("open")
        self.noted.append("begin")
        yield
        # Raises if this is another task than the one that began.
        span.reset(token)
        result = self.execution_context.result
        self.noted.append(f"end {result.data if result else None}")


@pytest.fixture
def traced() -> type[Traced]:
    return type("Traced", (Traced,), {"noted": []})


async def test_the_operation_ends_with_the_run(services: Services, traced: type[Traced]) -> None:
    query = "subscription { numbers { value inside } }"
    answers = await run(services, engine(traced), query)
    assert len(answers) == 2
    assert all(b'"inside":"open"' in each for each in answers)
    assert traced.noted == ["begin", "end {'numbers': {'value': 1, 'inside': 'open'}}"]


async def test_it_ends_if_the_resolver_fails_or_nobody_listens(
    services: Services, traced: type[Traced]
) -> None:
    made = engine(traced)
    with pytest.raises(RuntimeError, match="secret"):
        await run(services, made, "subscription { numbers(to: 3) { value } }")
    assert [each[:3] for each in traced.noted] == ["beg", "end"]
    running = asyncio.create_task(run(services, made, "subscription { never }"))
    await until(lambda: len(traced.noted) == 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [each[:3] for each in traced.noted] == ["beg", "end"] * 2


async def open_source(
    services: Services, made: Engine, query: str, principal: Any = ANONYMOUS
) -> Source:
    context = Context(services, principal)
    return await made.subscribe(made.plan(query, None), None, context)


async def answer(source: Source, services: Services, principal: Any = ANONYMOUS) -> Answer:
    made = source.answer(await source.pull(), Context(services, principal))
    return made if isinstance(made, dict) else await made


async def test_masking_hides_errors_of_events_which_are_logged(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    source = await open_source(services, engine(MaskErrors), "subscription { numbers { crash } }")
    for number in (1, 2):
        [error] = (await answer(source, services))["errors"]
        assert error["message"] == "Unexpected error."
        assert "extensions" not in error
        assert caplog.text.count("RuntimeError: a secret") == number
    await source.close()


@pytest.mark.parametrize("name", ["on_operation", "on_parse", "on_validate", "on_execute"])
async def test_a_subscription_that_a_hook_refuses_is_not_opened(
    name: str, services: Services
) -> None:
    def refuse(self: Any) -> Iterator[None]:
        raise GraphQLError("Not today.")
        yield

    made = engine(type("Refusing", (SchemaExtension,), {name: refuse}))
    with pytest.raises(Refused, match=r"^Not today\.$"):
        await open_source(services, made, "subscription { numbers { value } }")


async def test_what_a_hook_raises_by_mistake_is_no_fault_of_the_client(services: Services) -> None:
    class Failing(SchemaExtension):
        def on_execute(self) -> Iterator[None]:
            yield
            raise RuntimeError("a secret")

    with pytest.raises(Internal):
        await open_source(services, engine(Failing), "subscription { numbers { value } }")


async def test_an_error_at_the_end_is_logged_and_costs_no_answer(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            yield
            raise RuntimeError("too late")

    assert len(await run(services, engine(Failing), "subscription { numbers { value } }")) == 2
    assert caplog.text.count("RuntimeError: too late") == 1


async def test_a_slow_hook_is_stopped_like_a_slow_resolver(
    services: Services, clock: MovedClock
) -> None:
    class Slow(SchemaExtension):
        async def on_operation(self) -> AsyncIterator[None]:
            await asyncio.Event().wait()
            yield

    query = "subscription { numbers { value } }"
    opening = asyncio.create_task(open_source(services, engine(Slow), query))
    await asyncio.sleep(0)
    clock.move(services.settings.operation_seconds + 1)
    with pytest.raises(TimedOut):
        await opening


async def test_the_results_of_extensions_come_with_each_event(services: Services) -> None:
    class Counting(SchemaExtension):
        count = 0

        async def on_stream_result(self, result: Any) -> AsyncIterator[None]:
            result.data["numbers"]["value"] += 10
            yield

        def get_results(self) -> dict[str, Any]:
            self.count += 1
            return {"count": self.count}

    source = await open_source(services, engine(Counting), "subscription { numbers { value } }")
    for number in (0, 1):
        shown = await answer(source, services)
        expected = {"numbers": {"value": 10 + number}}
        assert shown == {"data": expected, "extensions": {"count": number + 1}}
    await source.close()


@pytest.mark.parametrize("name", ["on_operation", "on_validate", "on_execute", "on_stream_result"])
async def test_a_shared_run_has_no_identity_for_a_hook(name: str, services: Services) -> None:
    def ask(self: Any, *_: Any) -> Iterator[None]:
        assert self.execution_context.context.principal.subject == ""
        yield

    made = engine(type("Asking", (SchemaExtension,), {name: ask}))
    shared, query = SharedPrincipal(Grants(), True), "subscription { numbers { value } }"
    with pytest.raises(IdentityAsked):
        await answer(await open_source(services, made, query, shared), services, shared)
    source = await open_source(services, made, query)
    assert await answer(source, services) == {"data": {"numbers": {"value": 0}}}
    await source.close()
