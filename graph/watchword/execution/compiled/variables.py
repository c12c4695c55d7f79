"""Coerces variables of the five scalars that every schema has. All other variables are left to graphql-core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    is_non_null_type,
    type_from_ast,
)
from graphql.utilities import coerce_input_literal

Values = dict[str, Any]


def _is_int(value: Any) -> bool:
    return type(value) is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT


def _is_text(value: Any) -> bool:
    return type(value) is str


_FITS: list[tuple[Any, Callable[[Any], bool]]] = [
    (GraphQLString, _is_text),
    (GraphQLID, _is_text),
    (GraphQLInt, _is_int),
    (GraphQLFloat, lambda value: type(value) is float and value - value == 0.0),
    (GraphQLBoolean, lambda value: value is True or value is False),
]


class _Variable(NamedTuple):
    name: str
    fits: Callable[[Any], bool]
    is_required: bool
    absent: Any


class Variables:
    """The variables that an operation declares."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        declared = [_read(schema, each) for each in operation.variable_definitions or ()]
        self._declared = [each for each in declared if each is not None]
        self._are_simple = len(declared) == len(self._declared)

    def coerce(self, given: Values | None) -> Values | None:
        """Return the coerced values if each is already what its type makes of it; None if any is not."""
        if not self._are_simple:
            return None
        made: Values = {}
        for name, fits, is_required, absent in self._declared:
            value = absent if given is None else given.get(name, absent)
            if value is Undefined:
                if is_required:
                    return None
                continue
            if value is None:
                if is_required:
                    return None
            elif not fits(value):
                return None
            made[name] = value
        return made


def _read(schema: GraphQLSchema, definition: Any) -> _Variable | None:
    kind: Any = type_from_ast(schema, definition.type)
    is_required = is_non_null_type(kind)
    plain = kind.of_type if is_required else kind
    absent: Any = Undefined
    if definition.default_value is not None:
        absent = coerce_input_literal(definition.default_value, kind)
        if absent is Undefined:
            return None
    for known, fits in _FITS:
        if plain is known:
            return _Variable(definition.variable.name.value, fits, is_required, absent)
    return None
