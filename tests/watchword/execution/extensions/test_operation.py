"""Hooks around one query or mutation: what they may change, and what stays as it is whatever they do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, GraphQLError
from strawberry.extensions import (
    SchemaExtension,
)

from tests.support.asking import LIMITS, Asking, Query, hook
from tests.support.clock import MovedClock
from watchword.context import Context, Services
from watchword.errors import Internal, TimedOut
from watchword.execution.engine import Engine
from watchword.execution.plan import Refused
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, SharedPrincipal


async def test_a_hook_may_change_the_query_and_the_variables(services: Services) -> None:
    def change(seen: Any) -> None:
        seen.query = "query($n: Int) { twice(number: $n) }"
        seen.variables = {"n": 21}

    ask = Asking(services, hook("on_operation", change))
    for _ in range(3):
        assert await ask("{ twice }") == {"data": {"twice": 42}}


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_result_that_a_hook_gives_is_the_answer(
    is_streamed: bool, services: Services
) -> None:
    def give(seen: Any) -> None:
        seen.result = ExecutionResult(None, [GraphQLError("Not today.", extensions={"a": 1})])

    ask = Asking(services, hook("on_execute", give))
    answer = await ask("mutation { save }", is_streamed=is_streamed)
    error = {"message": "Not today.", "extensions": {"a": 1}}
    assert answer == {"data": None, "errors": [error]}


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_what_a_mutation_did_is_not_taken_for_refused(
    is_streamed: bool, services: Services
) -> None:
    class Failing(SchemaExtension):
        def on_execute(self) -> Iterator[None]:
            yield
            raise GraphQLError("Afterwards.")

    answer = await Asking(services, Failing)("mutation { save }", is_streamed=is_streamed)
    assert answer["data"] is None
    assert answer["errors"][0]["message"] == "Afterwards."


class Never(SchemaExtension):
    def on_operation(self) -> Iterator[None]:
        yield from ()


class Twice(SchemaExtension):
    def on_parse(self) -> Iterator[None]:
        yield
        yield


@pytest.mark.parametrize("extension", [Never, Twice])
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_hook_that_is_no_hook_is_an_internal_error(
    extension: Any, is_streamed: bool, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Internal):
        await Asking(services, extension)("{ twice }", is_streamed=is_streamed)
    assert "RuntimeError: generator didn't" in caplog.text


async def test_a_slow_hook_is_stopped_with_the_operation(
    services: Services, clock: MovedClock
) -> None:
    ended = []

    class Slow(SchemaExtension):
        async def on_validate(self) -> AsyncIterator[None]:
            try:
                await asyncio.Event().wait()
                yield
            finally:
                ended.append(True)

    running = asyncio.create_task(Asking(services, Slow)("{ twice }"))
    await asyncio.sleep(0)
    clock.move(services.settings.operation_seconds + 1)
    with pytest.raises(TimedOut):
        await running
    await asyncio.sleep(0)
    assert ended == [True]


async def test_hooks_that_were_entered_are_left_if_a_later_one_fails(services: Services) -> None:
    left: list[str] = []

    class First(SchemaExtension):
        async def on_operation(self) -> AsyncIterator[None]:
            try:
                yield
            except GraphQLError as error:
                left.append(error.message)
                raise

    def fail(_: Any) -> None:
        raise GraphQLError("No.")

    with pytest.raises(Refused, match=r"^No\.$"):
        await Asking(services, First, hook("on_operation", fail))("{ twice }")
    assert left == ["No."]


async def test_extensions_say_in_the_answer_what_json_can_hold(services: Services) -> None:
    class Saying(SchemaExtension):
        async def get_results(self) -> dict[str, Any]:
            return {"day": date(2026, 1, 2), "odd": {1, 2}, "object": object}

    answer = await Asking(services, Saying)("{ twice }")
    assert answer["extensions"]["odd"] == [1, 2]
    assert "object" in answer["extensions"]["object"]
    with pytest.raises(Refused) as refused:
        await Asking(services, Saying)("{ colour }")
    assert refused.value.extensions == answer["extensions"]


@pytest.mark.parametrize("name", ["on_operation", "on_parse", "on_validate", "on_execute"])
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_shared_execution_has_no_identity_for_a_hook_either(
    name: str, is_streamed: bool, services: Services
) -> None:
    ask = Asking(services, hook(name, lambda seen: seen.context.principal.subject))
    with pytest.raises(IdentityAsked):
        shared = SharedPrincipal(Grants(), True)
        await ask("{ twice }", principal=shared, is_streamed=is_streamed)
    assert await ask("{ twice }", is_streamed=is_streamed) == {"data": {"twice": 2}}


async def test_an_error_after_a_streamed_answer_costs_no_answer(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            yield
            raise RuntimeError("too late")

    answer = await Asking(services, Failing)("{ twice }", is_streamed=True)
    assert answer == {"data": {"twice": 2}}
    assert "RuntimeError: too late" in caplog.text


async def test_fields_that_extensions_wrap_are_compiled(
    services: Services,
) -> None:
    class Adding(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, **arguments: Any) -> Any:
            return _next(root, info, **arguments) + 1

    ask = Asking(services, Adding)
    for _ in range(3):
        assert await ask("{ twice(number: 4) }") == {"data": {"twice": 9}}
    assert not ask.engine.fallbacks
    assert ask.engine.programs_kept == 1


async def test_state_on_an_extension_is_of_one_request(services: Services) -> None:
    class Counting(SchemaExtension):
        def __init__(self) -> None:
            self.count = 0

        def on_operation(self) -> Iterator[None]:
            self.count += 1
            yield

        def get_results(self) -> dict[str, Any]:
            return {"count": self.count}

    ask = Asking(services, Counting)
    for _ in range(2):
        assert (await ask("{ twice }"))["extensions"] == {"count": 1}


async def test_the_schema_still_hears_of_each_error_once(services: Services) -> None:
    heard: list[str] = []

    class Hearing(strawberry.Schema):
        def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
            heard.extend(error.message for error in errors)

    schema = Hearing(Query, extensions=[hook("on_execute", lambda _: None)])
    engine = Engine(schema, LIMITS, 10)
    context = Context(services, ANONYMOUS)
    for query in ("{ crash }", "{ colour }", "{", "{ twice(number: 99999999999) }"):
        with suppress(Refused):
            await engine.execute(engine.plan(query, None), None, context)
        assert len(heard) == 1, query
        heard.clear()


def test_no_request_of_an_extension_is_logged_by_strawberry(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    Engine(strawberry.Schema(Query, extensions=[Never]), LIMITS, 10).plan("{ colour }", None)
    assert caplog.text == ""


async def test_a_resolver_cannot_hide_from_extensions_that_it_asked_who_asks(
    services: Services,
) -> None:
    ask = Asking(services, hook("on_execute", lambda _: None))
    with pytest.raises(IdentityAsked):
        await ask("{ swallow }", principal=SharedPrincipal(Grants(), True))
