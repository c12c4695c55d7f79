"""Refuses numbers in variables and in the document that a resolver would not receive as they were written.

A `Float` is by definition the double nearest to the written number. A custom scalar may need every digit, so
it gets the number exactly, or the number is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

from graphql import (
    FloatValueNode,
    GraphQLError,
    GraphQLFloat,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    ValidationRule,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    type_from_ast,
)

from watchword.formats.exact_json import Number, fits_float

# Every integer up to this one is exact as a double.
LONGEST_EXACT = 2**53
LARGEST_DOUBLE = 2**1023


class ExactNumbers(ValidationRule):
    """Validates that the type of each number in the document can hold it."""

    def enter_float_value(self, node: FloatValueNode, *_: Any) -> None:
        # Inside a custom scalar, such as JSON, a number has no type.
        if self._is_float() or fits_float(node.value):
            self.enter_int_value(node)
        else:
            self.report_error(GraphQLError(_words(node.value), node))

    def enter_int_value(self, node: FloatValueNode | IntValueNode, *_: Any) -> None:
        if self._is_float() and not isfinite(float(node.value)):
            self.report_error(GraphQLError(_words(node.value), node))

    def _is_float(self) -> bool:
        kind: Any = get_named_type(self.context.get_input_type())
        return kind is GraphQLFloat


def fit(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: dict[str, Any]
) -> tuple[dict[str, Any], list[GraphQLError]]:
    """Return the variables with a double wherever the schema has a `Float`, and a list of errors.

    There is one error for each variable with a number that the resolver would not get as it was written.
    """
    if not _has_long(variables):
        return variables, []
    fitted, errors = dict(variables), []
    for definition in operation.variable_definitions or ():
        name, changed = definition.variable.name.value, list[Number]()
        kind = type_from_ast(schema, definition.type)
        if name in variables and kind is not None:
            fitted[name] = _fit(kind, variables[name], changed)
        if changed:
            said = f"Variable '${name}': {_words(changed[0].text)}"
            errors.append(GraphQLError(said, definition))
    return fitted, errors


def _fit(kind: Any, value: Any, changed: list[Number]) -> Any:
    kind = get_nullable_type(kind)
    if is_list_type(kind):
        if isinstance(value, list):
            return [_fit(kind.of_type, item, changed) for item in value]
        return _fit(kind.of_type, value, changed)
    if is_input_object_type(kind) and isinstance(value, dict):
        fields = kind.fields
        return {
            name: _fit(fields[name].type, each, changed) if name in fields else each
            for name, each in value.items()
        }
    if kind is GraphQLFloat:
        return _double(value, changed)
    changed.extend(number for number in _leaves(value) if type(number) is Number)
    return value


def _double(value: Any, changed: list[Number]) -> Any:
    if type(value) is Number and not isfinite(value):
        changed.append(value)
    elif type(value) in (int, Number) and abs(value) < LARGEST_DOUBLE:
        return float(value)
    return value


def _has_long(variables: dict[str, Any]) -> bool:
    for leaf in _leaves(variables):
        kind = type(leaf)
        if kind is Number or (kind is int and not -LONGEST_EXACT <= leaf <= LONGEST_EXACT):
            return True
    return False


def _leaves(value: Any) -> Iterator[Any]:
    waiting: list[Any] = [(value,)]
    while waiting:
        for each in waiting.pop():
            kind = type(each)
            if kind is dict:
                waiting.append(each.values())
            elif kind is list:
                waiting.append(each)
            else:
                yield each


def _words(text: str) -> str:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return f"The number {shown} would not arrive as it is written. Send it as a string if the type takes one."
