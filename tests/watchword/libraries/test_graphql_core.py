"""The parts of graphql-core that no documentation promises are still there, and still do what is relied on."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, Undefined, parse
from graphql.execution import Executor, create_source_event_stream, values

from watchword.libraries.graphql_core import (
    checking_executor,
    default_value,
    event_executor,
    is_meant_for_clients,
    repeating_executor,
)
from watchword.libraries.strawberry_parts import definition


@strawberry.type
class Query:
    @strawberry.field
    def fails(self) -> str:
        raise GraphQLError("for the client")

    @strawberry.field
    def awaited(self) -> str:
        return "x"

    @strawberry.field
    def number(self, needed: int, of: int = 3) -> int:
        return "a secret"  # type: ignore[return-value]


@strawberry.type
class Inner:
    value: int = 1


@strawberry.type
class Thing:
    @strawberry.field
    def inner(self) -> Inner:
        return Inner()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def things(self) -> AsyncIterator[Thing]:
        for _ in range(3):
            yield Thing()


SCHEMA = definition(strawberry.Schema(Query, subscription=Subscription))


def built(text: str, kind: type[Executor[Any]] = Executor) -> Executor[Any]:
    made = kind.build(SCHEMA, parse(text))
    assert isinstance(made, Executor)
    return made


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("complete_leaf_value", ["return_type", "result"]),
        ("complete_value", None),
        ("complete_awaitable_value", None),
        ("complete_awaitable_list_item_value", None),
        ("with_abort_signal", None),
        (
            "execute_collected_root_fields",
            [
                "self",
                "root_type",
                "root_value",
                "grouped_field_set",
                "serially",
                "new_defer_usages",
            ],
        ),
        ("build_per_event_executor", ["self", "payload"]),
        ("execute_operation", ["self", "serially"]),
    ],
)
def test_graphql_core_still_has_the_executors_method(
    method: str, parameters: list[str] | None
) -> None:
    found = inspect.signature(getattr(Executor, method))
    assert parameters is None or list(found.parameters) == parameters


def test_graphql_core_still_has_the_cache_of_sub_fields() -> None:
    assert built("{ awaited }")._relevant_sub_fields == {}


def test_graphql_core_still_reads_arguments_in_the_module_values() -> None:
    assert values.__name__ == "graphql.execution.values"
    assert inspect.isfunction(values.get_argument_values)


def test_graphql_core_still_coerces_default_values() -> None:
    number = SCHEMA.query_type.fields["number"]  # type: ignore[union-attr]
    assert default_value(number.args["of"]) == 3
    assert default_value(number.args["needed"]) is Undefined


def test_only_the_errors_of_resolvers_are_meant_for_clients() -> None:
    for text, is_meant in (("{ fails }", True), ("{ number(needed: 1) }", False)):
        result: Any = built(text).execute_operation()
        [error] = result.errors
        assert is_meant_for_clients(error.original_error or error) is is_meant


def test_the_checking_executor_refuses_a_value_that_json_cannot_hold() -> None:
    executor = checking_executor(Executor)
    integer: Any = SCHEMA.type_map["Int"]
    assert executor.complete_leaf_value(integer, 7) == 7
    with pytest.raises(Exception, match="."):
        executor.complete_leaf_value(integer, object())


async def test_the_repeating_executor_collects_fields_only_for_the_first_event() -> None:
    executor = built("subscription { things { inner { value } } }", repeating_executor(Executor))
    events: Any = create_source_event_stream(executor)
    events = await events if inspect.isawaitable(events) else events
    sizes = []
    async for event in events:
        answer: Any = event_executor(executor, event, "context").execute_operation(serially=False)
        answer = await answer if inspect.isawaitable(answer) else answer
        assert answer.data == {"things": {"inner": {"value": 1}}}
        sizes.append(len(executor._relevant_sub_fields))
    assert len(set(sizes)) == 1
    assert sizes[0] > 0


def test_an_event_has_a_context_of_its_own() -> None:
    executor = built("subscription { things { inner { value } } }")
    assert event_executor(executor, None, "its own").context_value == "its own"
    assert executor.context_value is None
