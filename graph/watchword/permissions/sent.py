"""Finds what of a field's guarded inputs an operation sends: in literals, in variables, and in their defaults.

Null is sent; what the schema has as a default is not. A variable without a value counts as left out, as in the
GraphQL specification, section 6.4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from graphql import (
    EnumValueNode,
    FieldNode,
    GraphQLInputType,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    VariableNode,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
)

from watchword.libraries.graphql_execution import VariableValueSource, is_iterable
from watchword.permissions.inputs import Arguments, Guarded, Inputs

Pending = list[tuple[GraphQLInputType, Any]]
"""Input types, each with what was given for it: a node of the document, or the JSON of a variable."""


class Values(Protocol):
    """The variables of an operation, as graphql-core's `VariableValues` has them."""

    @property
    def sources(self) -> Mapping[str, VariableValueSource]:
        """The variables as they were sent. It is read only for a variable in which something may be guarded."""

    @property
    def coerced(self) -> Mapping[str, Any]:
        """The values of the variables that have one."""


class Sent:
    """Finds what an operation sends to one field."""

    def __init__(self, inputs: Inputs, arguments: Arguments) -> None:
        self._inputs = inputs
        self._arguments = arguments

    @property
    def arguments(self) -> Arguments:
        """The arguments of the field that are guarded, or lead to something that is."""
        return self._arguments

    def may_have(self, node: FieldNode) -> bool:
        """Tell whether a field of a document gives any of the arguments. Without one, nothing has to be found."""
        return any(each.name.value in self._arguments for each in node.arguments or ())

    def found(self, node: FieldNode, values: Values) -> list[Guarded]:
        """Return the guarded inputs that a field of a document sends, each once."""
        return [*dict.fromkeys(self._found(node, values))]

    def _found(self, node: FieldNode, values: Values) -> Iterator[Guarded]:
        pending: Pending = []
        for each in node.arguments or ():
            argument = self._arguments.get(each.name.value)
            if argument is None or _is_left_out(each.value, values):
                continue
            if argument.guard is not None:
                yield argument.guard
            if argument.kind is not None:
                pending.append((argument.kind, each.value))
        # The loop appends to the list: nesting in variables must not use up Python's stack.
        for kind, given in pending:
            yield from self._in_value(get_nullable_type(kind), given, values, pending)

    def _in_value(
        self, kind: Any, given: Any, values: Values, pending: Pending
    ) -> Iterator[Guarded]:
        """Yield what is guarded right at a value, and append what is below it to `pending`."""
        if isinstance(given, VariableNode):
            pending.append((kind, _sent(given, values)))
        elif is_list_type(kind):
            pending += [(kind.of_type, each) for each in _items(given)]
        elif is_input_object_type(kind):
            yield from self._in_object(kind, given, values, pending)
        elif is_enum_type(kind):
            name = given.value if isinstance(given, EnumValueNode) else given
            if isinstance(name, str) and (guard := self._inputs.values.get((kind.name, name))):
                yield guard

    def _in_object(
        self, kind: Any, given: Any, values: Values, pending: Pending
    ) -> Iterator[Guarded]:
        members = _members(given, values)
        if members is None:
            return
        if guard := self._inputs.types.get(kind.name):
            yield guard
        for name, value in members.items():
            if guard := self._inputs.fields.get((kind.name, name)):
                yield guard
            if (field := kind.fields.get(name)) is not None and self._inputs.leads(field.type):
                pending.append((field.type, value))


def _is_left_out(given: Any, values: Values) -> bool:
    return isinstance(given, VariableNode) and given.name.value not in values.coerced


def _sent(node: VariableNode, values: Values) -> Any:
    """Return the JSON of a variable, or the node of its default; None if it has no value."""
    source = values.sources.get(node.name.value)
    if source is None:
        return None
    if source.value is not Undefined:
        return source.value
    default = source.signature.default
    return None if default is None else default.literal


def _items(given: Any) -> list[Any]:
    """Return the items of a list. One value stands for a list of it."""
    if isinstance(given, ListValueNode):
        return list(given.values)
    return list(given) if is_iterable(given) else [given]


def _members(given: Any, values: Values) -> dict[str, Any] | None:
    """Return the members of an object that are given; None for null."""
    if isinstance(given, ObjectValueNode):
        return {
            each.name.value: each.value
            for each in given.fields
            if not _is_left_out(each.value, values)
        }
    return given if isinstance(given, dict) else None
