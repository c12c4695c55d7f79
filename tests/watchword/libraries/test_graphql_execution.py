"""The parts of graphql-core's execution that compiled operations share are still there."""

from __future__ import annotations

import inspect
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    build_schema,
    parse,
)
from graphql.execution import Executor, VariableValues
from graphql.pyutils import Path
from strawberry.schema.schema import _OperationContextAwareGraphQLResolveInfo

from watchword.libraries.graphql_execution import (
    OWN_PARTS,
    CollectedErrors,
    TypeNameMetaFieldDef,
    collect_iterator_awaitables,
    fields_of,
    subfields_of,
)

SCHEMA = build_schema("type Query { a: Query b: Int }")


def test_fields_are_collected_and_merged_in_order() -> None:
    document = parse("{ b x: a { b } x: a { c: b } a @skip(if: $s) { b } }")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    values = VariableValues({}, {"s": True})
    query = SCHEMA.query_type
    assert query is not None
    found = fields_of(SCHEMA, {}, values, query, operation)
    assert [(key, len(details)) for key, details in found.items()] == [("b", 1), ("x", 2)]
    below = subfields_of(SCHEMA, {}, values, query, operation, found["x"])
    assert [*below] == ["b", "c"]


def test_errors_below_what_is_null_already_are_not_collected() -> None:
    collected = CollectedErrors()
    collected.add(GraphQLError("first"), Path(None, "a", "Query"))
    collected.add(GraphQLError("below"), Path(Path(None, "a", "Query"), "b", "Query"))
    assert [error.message for error in collected.errors] == ["first"]


def test_an_iterator_is_drained() -> None:
    rest = iter([1, 2, 3])
    assert collect_iterator_awaitables(rest, lambda item: item == 2) == [2]
    assert next(rest, None) is None


def test_the_executor_has_the_methods_that_values_are_left_to() -> None:
    names: dict[str, list[str]] = {
        "complete_value": ["return_type", "field_details_list", "info", "path", "result"],
        "complete_awaitable_list_item_value": ["item", "item_type", "field_details_list", "info"],
        "ensure_valid_runtime_type": ["runtime_type_name", "return_type", "field_details_list"],
        "build_resolve_info": ["field_def", "field_nodes", "parent_type", "path"],
        "settle_in_background": ["awaitables"],
    }
    for name, expected in names.items():
        parameters: Any = inspect.signature(getattr(Executor, name)).parameters
        assert [*parameters][1 : len(expected) + 1] == expected
    assert {"collected_errors", "variable_values", "field_resolver"} <= {*Executor.__annotations__}


def test_the_parts_of_an_info_that_concern_the_field_are_the_first() -> None:
    expected = ("field_name", "field_nodes", "return_type", "parent_type", "path")
    for kind in (GraphQLResolveInfo, _OperationContextAwareGraphQLResolveInfo):
        assert kind._fields[:OWN_PARTS] == expected


def test_the_name_of_a_type_is_a_field_of_its_own() -> None:
    query = SCHEMA.query_type
    assert query is not None
    assert SCHEMA.get_field(query, "__typename") is TypeNameMetaFieldDef
