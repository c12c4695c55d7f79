"""How many items a field returns, by `@listSize`, by a number or a list of ids in its arguments, or by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputType,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
)
from graphql.execution import VariableValues
from graphql.utilities import coerce_input_literal
from strawberry import UNSET

from watchword.config.cost_directives import ListSize
from watchword.errors import BadUserInput
from watchword.execution.cost.weights import list_size_of
from watchword.libraries.graphql_core import default_value
from watchword.libraries.strawberry_parts import page_size
from watchword.relay.page import DEFAULT, MAXIMUM


@dataclass(frozen=True, slots=True)
class Reading:
    """How a number of items is read, and the names of the variables that decide it."""

    read: Callable[[VariableValues], int]
    names: frozenset[str]


# The number of items that a list field without such an argument counts as.
PLAIN_LIST = 10
# The names of arguments, and of members of input objects, that set the length of a page.
SIZES = frozenset(
    {
        *("first", "last", "limit", "take", "top", "count", "size"),
        *("pageSize", "perPage", "page_size", "per_page"),
    }
)


class Sizes:
    """Finds how many items the fields of a schema return, by what a document asks for.

    `plain` is the number that a list field without such an argument counts as.
    """

    def __init__(self, schema: GraphQLSchema, plain: int = PLAIN_LIST) -> None:
        self.plain = plain
        self._schema = schema

    def read(self, field: GraphQLField, node: FieldNode) -> Reading | None:
        """Return how the number of a field's items is read; None if the field says nothing about it."""
        declared = list_size_of(field)
        if declared is not None:
            return self._declared(declared, field, node)
        sizing = {name: each for name, each in field.args.items() if _can_size(name, each.type)}
        if not sizing:
            return None
        given = _given(node)

        def read(variables: VariableValues) -> int:
            found = [
                _extent(name, each.type, value_of(each, given.get(name), variables))
                for name, each in sizing.items()
            ]
            return self._longest(field, sizing, found)

        return Reading(read, names_in(given[name] for name in sizing if name in given))

    def _longest(
        self, field: GraphQLField, sizing: Mapping[str, GraphQLArgument], found: list[Extent]
    ) -> int:
        sizes = [size for size, _ in found if size is not None]
        items = [items for _, items in found if items is not None]
        if sizes:
            return max(sizes)
        if any(_names_size(name, each.type) for name, each in sizing.items()):
            return max([self._default(field), *items])
        return max([self.plain, *items])

    def _declared(self, declared: ListSize, field: GraphQLField, node: FieldNode) -> Reading:
        paths = [path.split(".") for path in declared.slicing_arguments or ()]
        given, tops = _given(node), {path[0] for path in paths}

        def read(variables: VariableValues) -> int:
            found = [_at(field, path, given, variables) for path in paths]
            sizes = [_size(value) for value in found if value is not None]
            if declared.require_one_slicing_argument and len(sizes) != 1:
                raise BadUserInput(
                    f"{node.name.value}: give exactly one of {', '.join(map('.'.join, paths))},"
                    " which says how many items you want."
                )
            if sizes:
                return max(sizes)
            return (
                self._default(field)
                if declared.assumed_size in (None, UNSET)
                else declared.assumed_size
            )

        return Reading(read, names_in(given[name] for name in tops if name in given))

    def _default(self, field: GraphQLField) -> int:
        size = page_size(self._schema, field)
        return DEFAULT if size is None else size


def value_of(argument: GraphQLArgument, given: ValueNode | None, variables: VariableValues) -> Any:
    """Return an argument's value as the resolver gets it, with its default; Undefined if it has none."""
    if isinstance(given, VariableNode):
        if given.name.value in variables.coerced:
            return variables.coerced[given.name.value]
        given = None
    if given is None:
        return default_value(argument)
    return coerce_input_literal(given, argument.type, variables)


def names_in(nodes: Iterable[ValueNode]) -> frozenset[str]:
    """Return the names of the variables in values of a document."""
    found: set[str] = set()
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        if isinstance(node, VariableNode):
            found.add(node.name.value)
        elif isinstance(node, ListValueNode):
            waiting.extend(node.values)
        elif isinstance(node, ObjectValueNode):
            waiting.extend(each.value for each in node.fields)
    return frozenset(found)


def _given(node: FieldNode) -> dict[str, ValueNode]:
    return {each.name.value: each.value for each in node.arguments or ()}


def _at(
    field: GraphQLField,
    path: Sequence[str],
    given: Mapping[str, ValueNode],
    variables: VariableValues,
) -> Any:
    """Return the value at a path of arguments and members of input objects; None if there is none."""
    top, *rest = path
    value: Any = value_of(field.args[top], given.get(top), variables)
    kind: Any = get_named_type(field.args[top].type)
    for name in rest:
        member = kind.fields[name]
        kind = get_named_type(member.type)
        value = value.get(member.out_name or name) if isinstance(value, Mapping) else None
    return None if value is Undefined else value


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
