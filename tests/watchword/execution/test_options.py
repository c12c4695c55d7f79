"""Every option of StrawberryConfig and every hook of Schema is honoured, or refused by name at the start."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, NewType

import pytest
import strawberry
from graphql import GraphQLError
from strawberry import federation
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

from tests.support import toy_schema
from watchword.context import Context, Info, Services
from watchword.delivery.run import Operation, Run
from watchword.errors import NotFound, Unsafe
from watchword.events.follow import Follow
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.plan import Refused
from watchword.libraries.strawberry_parts import BYPASSED
from watchword.permissions.field import Public
from watchword.principal import ANONYMOUS, IdentityAsked

LIMITS = Limits(1000, 10, 10, 1000)
Big = NewType("Big", int)


class Numbered(strawberry.Info):
    number = 7


@strawberry.type
class Sold:
    message: str


@strawberry.type
class Thing:
    long_name: str = "thing"


class Handler(strawberry.ExceptionHandler[NotFound, Sold]):
    def handle(self, exception: NotFound, *, field: Any, info: Any) -> Sold:
        return Sold(message=exception.message)


Outcome = Annotated[Thing | Sold, strawberry.union("Outcome")]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def plain(self) -> str:
        return "plain"

    @strawberry.field(permission_classes=[Public])
    def thing(self) -> Thing:
        return Thing()

    @strawberry.field(permission_classes=[Public])
    def long_name(self, big: Big | None = None) -> str:
        return "long"

    @strawberry.field(permission_classes=[Public])
    def info_number(self, info: strawberry.Info) -> int:
        return getattr(info, "number", 0)

    @strawberry.field(permission_classes=[Public])
    def outcome(self) -> Outcome:
        raise NotFound("Sold.")

    @strawberry.field(permission_classes=[Public])
    def broken(self) -> str | None:
        raise NotFound("There is none.")

    @strawberry.field(permission_classes=[Public])
    def asks(self) -> str | None:
        raise IdentityAsked("who?")


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def thing(self, info: Info) -> AsyncIterator[str | None]:
        yield GraphQLError("an answer")  # type: ignore[misc]
        raise NotFound("the end")


class Shouting(NameConverter):
    def get_graphql_name(self, obj: Any) -> str:
        return super().get_graphql_name(obj).upper()


# The effect of each option of StrawberryConfig on a query, or its refusal.
OPTIONS: dict[str, tuple[Any, str | None, Any]] = {
    "auto_camel_case": (False, "{ long_name }", {"long_name": "long"}),
    "name_converter": (Shouting(), "{ LONGNAME }", {"LONGNAME": "long"}),
    "default_resolver": (lambda _, name: name, "{ thing { longName } }", {"thing": {"longName": "long_name"}}),
    "relay_max_results": (5, "{ plain }", {"plain": "plain"}),
    "relay_use_legacy_global_id": (True, "{ plain }", {"plain": "plain"}),
    "disable_field_suggestions": (True, "{ plane }", "Cannot query field 'plane' on type 'Query'."),
    "info_class": (Numbered, "{ infoNumber }", {"infoNumber": 7}),
    "enable_experimental_incremental_execution": (
        True,
        "{ ... @defer { plain } }",
        {"plain": "plain"},
    ),
    "_unsafe_disable_same_type_validation": (True, "{ plain }", {"plain": "plain"}),
    "scalar_map": (
        {Big: strawberry.scalar(name="Large", serialize=int, parse_value=int)},
        '{ __type(name: "Large") { kind } }',
        {"__type": {"kind": "SCALAR"}},
    ),
    "batching_config": ({"max_operations": 5}, "{ plain }", {"plain": "plain"}),
    "sort_schema": (
        True,
        '{ __type(name: "Query") { fields { name } } }',
        {"__type": {"fields": [{"name": name} for name in sorted(
            ["asks", "broken", "infoNumber", "longName", "outcome", "plain", "thing"]
        )]}},
    ),
}  # fmt: skip


def test_every_option_of_the_installed_strawberry_is_known_here() -> None:
    assert set(inspect.signature(StrawberryConfig).parameters) == set(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS)
async def test_an_option_is_honoured_or_refused_by_name(option: str, services: Services) -> None:
    value, query, expected = OPTIONS[option]
    config = StrawberryConfig(**{"scalar_map": {Big: BIG}, option: value})
    schema = strawberry.Schema(Query, config=config)
    if query is None:
        with pytest.raises(Unsafe, match=expected):
            Engine(schema, LIMITS, 10)
        return
    engine = Engine(schema, LIMITS, 10)
    if isinstance(expected, str):
        with pytest.raises(Refused, match=f"^{re.escape(expected)}$"):
            engine.plan(query, None)
        return
    plan = engine.plan(query, None)
    answer = await engine.execute(plan, None, Context(services, ANONYMOUS))
    assert answer == {"data": expected}


BIG = strawberry.scalar(name="Big", serialize=int, parse_value=int)
CONFIG = StrawberryConfig(scalar_map={Big: BIG})


@pytest.mark.parametrize(
    "query",
    ["{ plane }", "{ longName(bog: 1) }", "query($a: Bog) { longName(big: $a) }", "{ outcome { ... on Thong { a } } }"],
)  # fmt: skip
def test_suggestions_are_shown_or_hidden_whatever_was_misspelt(query: str) -> None:
    messages = []
    for hidden in (False, True):
        config = StrawberryConfig(scalar_map={Big: BIG}, disable_field_suggestions=hidden)
        with pytest.raises(Refused) as refused:
            Engine(strawberry.Schema(Query, config=config), LIMITS, 10).plan(query, None)
        messages.append(" ".join(error.message for error in refused.value.errors))
    assert ["Did you mean" in message for message in messages] == [True, False]


@strawberry.type
class Ship(strawberry.relay.Node):
    id: strawberry.relay.NodeID[int]


@strawberry.type
class Fleet:
    @strawberry.relay.connection(strawberry.relay.ListConnection[Ship], permission_classes=[Public])
    def ships(self) -> list[Ship]:
        return []

    @strawberry.relay.connection(
        strawberry.relay.ListConnection[Ship], permission_classes=[Public], max_results=7
    )
    def few(self) -> list[Ship]:
        return []


def test_the_page_of_a_connection_of_strawberry_is_as_long_as_the_schema_allows() -> None:
    schema = strawberry.Schema(Fleet, config=StrawberryConfig(relay_max_results=300))
    engine = Engine(schema, Limits(1000, 10, 10, 1), 10)
    for field, objects in (("ships", 601), ("few", 15), ("few(first: 3)", 7)):
        with pytest.raises(Refused, match=f"^The operation costs {objects};"):
            engine.plan(f"{{ {field} {{ edges {{ node {{ id }} }} }} }}", None)


@pytest.mark.parametrize("name", BYPASSED)
def test_a_method_that_is_not_called_may_not_be_overridden(name: str) -> None:
    kind = type("Mine", (strawberry.Schema,), {name: lambda self: None})
    with pytest.raises(Unsafe, match=f"^Mine overrides {name}, "):
        Engine(kind(Query, config=CONFIG), LIMITS, 10)


async def test_what_an_override_did_can_be_done_as_the_refusal_says(services: Services) -> None:
    class Told(SchemaExtension):
        def on_execute(self) -> Iterator[None]:
            told.append("executed")
            yield

    class Theirs(strawberry.Schema):
        def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
            told.extend(error.message for error in errors)

        async def execute(self, *arguments: Any, **options: Any) -> Any:
            raise AssertionError("it is not called")

    told: list[str] = []
    advice = (
        r"^Theirs overrides execute, .* SchemaExtension \(Schema\(extensions=\[…\]\)\), and what"
    )
    with pytest.raises(Unsafe, match=advice):
        Engine(Theirs(Query, config=CONFIG), LIMITS, 10)
    # The advice can be followed.
    del Theirs.execute
    engine = Engine(Theirs(Query, config=CONFIG, extensions=[Told]), LIMITS, 10)
    await engine.execute(engine.plan("{ broken }", None), None, Context(services, ANONYMOUS))
    assert told == ["executed", "There is none."]


def test_a_schema_of_strawberry_federation_overrides_nothing_of_ours() -> None:
    Engine(federation.Schema(toy_schema.Query), LIMITS, 10)


async def test_an_exception_handler_makes_a_result_of_an_exception(services: Services) -> None:
    schema = strawberry.Schema(Query, config=CONFIG, exception_handlers=[Handler()])
    engine = Engine(schema, LIMITS, 10)
    plan = engine.plan("{ outcome { ... on Sold { message } } }", None)
    answer = await engine.execute(plan, None, Context(services, ANONYMOUS))
    assert answer == {"data": {"outcome": {"message": "Sold."}}}


class Hearing(strawberry.Schema):
    heard: list[tuple[str, Any, Any]]

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        for error in errors:
            self.heard.append((error.message, execution_context.query, execution_context.context))
            error.message = f"Heard: {error.message}"


def hearing() -> tuple[Hearing, Engine]:
    schema = Hearing(Query, None, Subscription, config=CONFIG)
    schema.heard = []
    return schema, Engine(schema, LIMITS, 10)


async def test_the_schema_hears_of_each_error_and_may_change_it(services: Services) -> None:
    schema, engine = hearing()
    context = Context(services, ANONYMOUS)
    for query in ("{", "{ plane }"):
        with pytest.raises(Refused, match=r"^(Syntax|Cannot)") as refused:
            engine.plan(query, None)
        assert refused.value.errors[0].message.startswith("Heard: ")
        assert schema.heard.pop()[1:] == (query, None)
    query = "query($n: Big!) { longName(big: $n) }"
    with pytest.raises(Refused):
        await engine.execute(engine.plan(query, None), {}, context)
    assert schema.heard.pop()[1:] == (query, context)
    answer = await engine.execute(engine.plan("{ broken plain }", None), None, context)
    assert answer["data"] == {"broken": None, "plain": "plain"}
    assert answer["errors"][0]["message"] == "Heard: There is none."
    assert schema.heard.pop() == ("There is none.", "{ broken plain }", context)


async def test_the_schema_hears_of_the_errors_of_a_subscription(services: Services) -> None:
    schema, engine = hearing()
    query = "subscription { thing }"
    operation = Operation(engine.plan(query, None), None)
    follow = Follow(services.hub, services.event_log)

    class Holder:
        principal = ANONYMOUS

    with pytest.raises(NotFound):
        async for _ in Run(engine, services, Holder(), operation, follow).answers():
            pass
    assert [heard[:2] for heard in schema.heard] == [("an answer", query), ("the end", query)]


async def test_a_hook_that_fails_costs_no_answer(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    schema, engine = hearing()
    monkeypatch.setattr(schema, "heard", None)
    context = Context(services, ANONYMOUS)
    answer = await engine.execute(engine.plan("{ broken plain }", None), None, context)
    assert answer["data"] == {"broken": None, "plain": "plain"}
    assert "process_errors failed" in caplog.text


async def test_an_identity_that_was_asked_for_is_no_error_of_the_schema(
    services: Services,
) -> None:
    schema, engine = hearing()
    await engine.execute(engine.plan("{ asks }", None), None, Context(services, ANONYMOUS))
    assert schema.heard == []


async def test_strawberry_logs_no_errors_beside_us(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine = Engine(strawberry.Schema(Query, config=CONFIG), LIMITS, 10)
    await engine.execute(engine.plan("{ broken }", None), None, Context(services, ANONYMOUS))
    assert not [record for record in caplog.records if record.name.startswith("strawberry")]
