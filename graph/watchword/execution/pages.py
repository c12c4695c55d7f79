"""The length of the page that a field asks for, by a number, by a list of ids, or by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputType,
    GraphQLSchema,
    Undefined,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    visit,
)
from graphql.execution import VariableValues
from graphql.utilities import coerce_input_literal

from watchword.libraries.graphql_core import default_value
from watchword.libraries.strawberry_parts import page_size
from watchword.relay.page import DEFAULT, MAXIMUM

# The number of items that a list field without such an argument counts as.
PLAIN_LIST = 10
# The names of arguments, and of members of input objects, that set the length of a page.
SIZES = frozenset(
    {
        *("first", "last", "limit", "take", "top", "count", "size"),
        *("pageSize", "perPage", "page_size", "per_page"),
    }
)


class Pages:
    """Finds the lengths of the pages that a document's fields ask for, with these variables.

    Without variables, it collects the names of the variables that set page lengths in `set_by`.
    """

    def __init__(self, schema: GraphQLSchema, variables: VariableValues | None) -> None:
        self.set_by: set[str] = set()
        self._schema = schema
        self._variables = variables

    def length(self, field: GraphQLField, node: FieldNode) -> int | None:
        """Return the length of the page that the field asks for; None if it has no such argument."""
        sizing = {name: each for name, each in field.args.items() if _can_size(name, each.type)}
        if not sizing:
            return None
        given = {each.name.value: each.value for each in node.arguments or ()}
        found = [
            _extent(name, argument.type, self._value(argument, given.get(name)))
            for name, argument in sizing.items()
        ]
        sizes = [size for size, _ in found if size is not None]
        items = [items for _, items in found if items is not None]
        if sizes:
            return max(sizes)
        if any(_names_size(name, each.type) for name, each in sizing.items()):
            return max([self._default(field), *items])
        return max([PLAIN_LIST, *items])

    def _value(self, argument: GraphQLArgument, given: ValueNode | None) -> Any:
        if given is not None and self._variables is None and (names := _variables(given)):
            self.set_by |= names
            return Undefined
        if isinstance(given, VariableNode):
            assert self._variables is not None, "without variables, it is not known"
            if given.name.value in self._variables.coerced:
                return self._variables.coerced[given.name.value]
            given = None
        if given is None:
            return default_value(argument)
        return coerce_input_literal(given, argument.type, self._variables)

    def _default(self, field: GraphQLField) -> int:
        size = page_size(self._schema, field)
        return DEFAULT if size is None else size


def _can_size(name: str, kind: GraphQLInputType) -> bool:
    return _has_list(kind, frozenset()) or _names_size(name, kind)


def _names_size(name: str, kind: GraphQLInputType, seen: frozenset[str] = frozenset()) -> bool:
    """Tell whether an argument is the length of a page, or an input object that contains one."""
    plain: Any = get_named_type(kind)
    if not is_input_object_type(plain):
        return name in SIZES
    return plain.name not in seen and any(
        _names_size(member, field.type, seen | {plain.name})
        for member, field in plain.fields.items()
    )


def _has_list(kind: GraphQLInputType, seen: frozenset[str]) -> bool:
    plain: Any = get_nullable_type(kind)
    if not is_input_object_type(plain):
        return is_list_type(plain)
    return plain.name not in seen and any(
        _has_list(field.type, seen | {plain.name}) for field in plain.fields.values()
    )


Extent = tuple[int | None, int | None]
"""The largest page length in a value, and the number of items in its longest list."""


def _extent(name: str, kind: GraphQLInputType, value: Any) -> Extent:
    plain: Any = get_nullable_type(kind)
    if value is None or value is Undefined:
        return None, None
    if is_list_type(plain):
        items = value if isinstance(value, list | tuple) else [value]
        inner = [_extent(name, plain.of_type, item) for item in items]
        sizes = [size for size, _ in inner if size is not None]
        return (sum(sizes) if sizes else None), sum(count or 1 for _, count in inner)
    if is_input_object_type(plain):
        return _extent_of_members(plain.fields, value)
    return (_size(value) if name in SIZES else None), None


def _extent_of_members(fields: Mapping[str, Any], value: Any) -> Extent:
    if not isinstance(value, Mapping):
        return None, None
    found = [
        _extent(name, field.type, value.get(field.out_name or name))
        for name, field in fields.items()
    ]
    sizes = [size for size, _ in found if size is not None]
    items = [count for _, count in found if count is not None]
    return max(sizes, default=None), max(items, default=None)


def _size(value: Any) -> int:
    try:
        return max(int(value), 0)
    except (TypeError, ValueError, OverflowError):
        return MAXIMUM


class _FindVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)


def _variables(node: ValueNode) -> set[str]:
    finder = _FindVariables()
    visit(node, finder)
    return finder.names
