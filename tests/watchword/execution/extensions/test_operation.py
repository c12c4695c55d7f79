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
from graphql import ExecutionResult, FieldNode, GraphQLError, ValidationRule, parse
from strawberry.extensions import (
    AddValidationRules,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
)

from tests.support.clock import MovedClock
from watchword.context import Context, Info, Services
from watchword.errors import Internal, TimedOut
from watchword.execution import plan as plan_module
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.masking import format_error
from watchword.execution.plan import Draft, Refused
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS, Grants, IdentityAsked, SharedPrincipal

LIMITS = Limits(1000, 10, 10, 1000, characters=20_000)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def twice(self, number: int = 1) -> int:
        return 2 * number

    @strawberry.field(permission_classes=[Public])
    def crash(self) -> int | None:
        raise RuntimeError("a secret")

    @strawberry.field(permission_classes=[Public])
    def swallow(self, info: Info) -> str:
        try:
            return info.context.principal.subject
        except Exception:
            return "nobody"


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    def save(self) -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def numbers(self, info: Info) -> AsyncIterator[int]:
        yield 1


class Asking:
    """An engine with extensions, which is asked as a transport asks it."""

    def __init__(self, services: Services, *extensions: Any) -> None:
        schema = strawberry.Schema(Query, Mutation, Subscription, extensions=extensions)
        self.engine = Engine(schema, LIMITS, 10)
        self._services = services

    async def __call__(self, query: str, variables: Any = None, **options: Any) -> Any:
        principal = options.pop("principal", ANONYMOUS)
        plan = self.engine.plan(query, None)
        context = Context(self._services, principal)
        return await self.engine.execute(plan, variables, context, **options)


def hook(name: str, act: Any) -> type[SchemaExtension]:
    """Make an extension whose hook does something before its step."""

    def run(self: SchemaExtension) -> Iterator[None]:
        act(self.execution_context)
        yield

    return type("Hooked", (SchemaExtension,), {name: run})


async def test_a_hook_may_change_the_query_and_the_variables(services: Services) -> None:
    def change(seen: Any) -> None:
        seen.query = "query($n: Int) { twice(number: $n) }"
        seen.variables = {"n": 21}

    ask = Asking(services, hook("on_operation", change))
    for _ in range(3):
        assert await ask("{ twice }") == {"data": {"twice": 42}}


async def test_a_hook_may_give_the_document_and_is_held_to_the_limits(services: Services) -> None:
    texts = ["{ a: twice }", "{ colour }", "{" + " ".join(f"a{n}: twice" for n in range(11)) + "}"]
    documents = [parse(text) for text in texts]
    asked = iter(documents)
    ask = Asking(
        services, hook("on_parse", lambda seen: setattr(seen, "graphql_document", next(asked)))
    )
    assert await ask("{ twice }") == {"data": {"a": 2}}
    for message in ("Cannot query field 'colour'", "aliases"):
        with pytest.raises(Refused, match=message):
            await ask("{ twice }")


async def test_a_document_of_an_extension_is_planned_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = parse("{ a: twice }")
    ask = Asking(
        services, hook("on_parse", lambda seen: setattr(seen, "graphql_document", document))
    )
    await ask("{ twice }")
    monkeypatch.setattr(plan_module, "validate", None)
    for _ in range(3):
        assert await ask("{ twice }") == {"data": {"a": 2}}


@pytest.mark.parametrize(
    "extension", [ParserCache, lambda: MaxTokensLimiter(100), lambda: QueryDepthLimiter(5)]
)
async def test_what_depends_on_the_document_only_is_done_once(
    extension: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Asking(services, extension)
    assert await ask("{ twice }") == {"data": {"twice": 2}}
    for name in ("validate", "parse"):
        monkeypatch.setattr(plan_module, name, None)
    assert await ask("{ twice }") == {"data": {"twice": 2}}


async def test_a_rule_that_may_look_at_the_request_is_asked_each_time(services: Services) -> None:
    asked = []

    class Rule(ValidationRule):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            asked.append(node.name.value)
            if len(asked) > 2:
                self.report_error(GraphQLError("Too many requests.", node))

    ask = Asking(services, lambda: AddValidationRules([Rule]))
    for _ in range(2):
        assert await ask("{ twice }") == {"data": {"twice": 2}}
    with pytest.raises(Refused, match="Too many requests"):
        await ask("{ twice }")


async def test_a_query_stays_a_query(services: Services) -> None:
    for other in ("mutation { save }", "subscription { numbers }"):
        change = hook("on_operation", lambda seen, other=other: setattr(seen, "query", other))
        with pytest.raises(Refused, match="An extension made a"):
            await Asking(services, change)("{ twice }")


async def test_a_document_that_cannot_be_run_may_be_replaced(services: Services) -> None:
    """As extensions do that look documents up by an id."""
    store = {"7": "{ twice }", "8": "mutation { save }", "9": "subscription { numbers }"}
    look_up = hook("on_operation", lambda seen: setattr(seen, "query", store[seen.query]))
    ask = Asking(services, look_up)
    assert await ask("7") == {"data": {"twice": 2}}
    assert await ask("8") == {"data": {"save": True}}
    with pytest.raises(Refused, match="made a subscription"):
        await ask("9")
    draft = ask.engine.plan("8", None)
    assert isinstance(draft, Draft)
    draft.is_safe_only = True  # it came with GET
    with pytest.raises(Refused, match="made a mutation"):
        await ask.engine.execute(draft, None, Context(services, ANONYMOUS))


async def test_a_document_above_the_limits_reaches_no_extension_that_parses(
    services: Services,
) -> None:
    parsed: list[str] = []
    ask = Asking(services, hook("on_parse", lambda seen: parsed.append(seen.query)))
    for query in ("{ " + "twice " * 1100 + "}", "{ twice }" + " " * 20_000, "#\n" * 1100 + "{"):
        with pytest.raises(Refused):
            await ask(query)
    assert parsed == []
    await ask("{ twice }")
    assert parsed == ["{ twice }"]


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


async def test_what_graphql_core_refuses_keeps_its_code(services: Services) -> None:
    ask = Asking(services, hook("on_execute", lambda _: None))
    for query, variables in (
        ("query($n: Int!) { twice(number: $n) }", {"n": "x"}),
        ("{ no }", None),
    ):
        with pytest.raises(Refused) as refused:
            await ask(query, variables)
        for error in refused.value.errors:
            assert format_error(error)["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_document_that_an_extension_parses_itself_is_the_one_that_is_kept(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse_again = hook(
        "on_parse", lambda seen: setattr(seen, "graphql_document", parse(seen.query))
    )
    ask = Asking(services, parse_again)
    await ask("{ twice }")
    monkeypatch.setattr(plan_module, "validate", None)
    for _ in range(3):
        assert await ask("{ twice }") == {"data": {"twice": 2}}
    assert ask.engine.plan("{ twice }", None).program is not None
