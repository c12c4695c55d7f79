"""The private and undocumented parts of graphql-core's execution that compiled operations share with it."""

from __future__ import annotations

from typing import Any, cast

from graphql import (
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution import Executor, VariableValues
from graphql.execution.collect_fields import (
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.executor import CollectedErrors, collect_iterator_awaitables
from graphql.execution.values import VariableValueSource, get_argument_values
from graphql.pyutils import Path, is_iterable
from graphql.pyutils.is_awaitable import is_async_iterable
from graphql.type.introspection import TypeNameMetaFieldDef

__all__ = [
    "OWN_PARTS",
    "CollectedErrors",
    "Path",
    "SentVariables",
    "TypeNameMetaFieldDef",
    "VariableValueSource",
    "collect_iterator_awaitables",
    "fields_of",
    "get_argument_values",
    "is_async_iterable",
    "is_iterable",
    "keep_sources",
    "release_executor",
    "subfields_of",
    "variables_of",
]

OWN_PARTS = GraphQLResolveInfo._fields.index("path") + 1
"""The number of parts of an info that concern the field; all others, which follow, concern the execution."""


class SentVariables(dict[str, Any]):
    """The coerced variables of an execution, which resolvers read, with the `sources` that they were coerced from."""

    def __init__(self, values: VariableValues) -> None:
        super().__init__(values.coerced)
        self.sources = values.sources


def keep_sources(executor: Executor[Any]) -> None:
    """Let each `info` of an execution tell how its variables were sent: Strawberry's has only their coerced values."""
    values = executor.variable_values
    if values.coerced:
        executor.variable_values = values._replace(coerced=SentVariables(values))


def release_executor(executor: Executor[Any]) -> None:
    """Let go of what holds an executor that has executed: otherwise only a collection of garbage could release it."""
    executor.async_helpers = cast(Any, None)


def variables_of(raw: Any) -> VariableValues:
    """Return the variables of an execution, as graphql-core has them, from a field's raw `info`.

    Raises `RuntimeError` if their sources were not kept, because something else than Watchword runs the schema.
    """
    given = raw.variable_values
    if isinstance(given, VariableValues):
        # A schema with an executor of its own has graphql-core's info.
        given = given.coerced
    if isinstance(given, SentVariables):
        return VariableValues(given.sources, given)
    if given:
        raise RuntimeError("it is not known how the variables of this execution were sent")
    return VariableValues({}, {})


Fields = dict[str, list[Any]]
"""The fields of a selection by their keys in the answer, each with the selections that are merged into it."""


def _fragments(fragments: dict[str, FragmentDefinitionNode]) -> dict[str, FragmentDetails]:
    return {name: FragmentDetails(node) for name, node in fragments.items()}


def fields_of(
    schema: GraphQLSchema,
    fragments: dict[str, FragmentDefinitionNode],
    values: VariableValues,
    kind: GraphQLObjectType,
    operation: OperationDefinitionNode,
) -> Fields:
    """Collect the root fields of an operation, as graphql-core does. `values` decide @skip and @include."""
    return collect_fields(schema, _fragments(fragments), values, kind, operation).grouped_field_set


def subfields_of(
    schema: GraphQLSchema,
    fragments: dict[str, FragmentDefinitionNode],
    values: VariableValues,
    kind: GraphQLObjectType,
    operation: OperationDefinitionNode,
    details: list[Any],
) -> Fields:
    """Collect what is selected on one type below merged fields, as graphql-core does."""
    return collect_subfields(
        schema, _fragments(fragments), values, operation, kind, details
    ).grouped_field_set
