"""How many items a field returns, by `@listSize`, by a number or a list of ids in its arguments, or by default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Sizing:
    """The arguments of a field that say how many items it returns, and whether one of them is the length of a page."""

    arguments: Mapping[str, GraphQLArgument]
    is_paged: bool


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
        # The fields live as long as the schema.
        self._of_fields: dict[int, Sizing] = {}

    def read(self, field: GraphQLField, node: FieldNode) -> Reading | None:
        """Return how the number of a field's items is read; None if the field says nothing about it."""
        declared = list_size_of(field)
        if declared is not None:
            return self._declared(declared, field, node)
        sizing = self._sizing(field)
        if not sizing.arguments:
            return None
        given = _given(node)

        def read(variables: VariableValues) -> int:
            found = [
                _extent(name, each.type, value_of(each, given.get(name), variables))
                for name, each in sizing.arguments.items()
            ]
            return self._longest(field, sizing, found)

        return Reading(read, names_in(given[name] for name in sizing.arguments if name in given))

    def _sizing(self, field: GraphQLField) -> Sizing:
        found = self._of_fields.get(id(field))
        if found is None:
            sizing = {
                name: each
                for name, each in field.args.items()
                if _names_size(name, each.type) or _has_list(name, each.type)
            }
            is_paged = any(_names_size(name, each.type) for name, each in sizing.items())
            found = self._of_fields[id(field)] = Sizing(sizing, is_paged)
        return found

    def _longest(self, field: GraphQLField, sizing: Sizing, found: list[Extent]) -> int:
        sizes = [size for size, _ in found if size is not None]
        items = [items for _, items in found if items is not None]
        if sizes:
            return max(sizes)
        if sizing.is_paged:
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


def _names_size(name: str, kind: GraphQLInputType) -> bool:
    """Tell whether an argument is the length of a page, or an input object that contains one."""
    return any(
        member in SIZES and not is_input_object_type(get_named_type(each))
        for member, each in _within(name, kind)
    )


def _has_list(name: str, kind: GraphQLInputType) -> bool:
    return any(is_list_type(get_nullable_type(each)) for _, each in _within(name, kind))


def _within(name: str, kind: GraphQLInputType) -> Iterator[tuple[str, GraphQLInputType]]:
    """Yield an argument, and the members of all input objects that it may contain: those of each type once.

    Generated filters contain each other, so that there are millions of ways from one to another.
    """
    waiting, seen = [(name, kind)], set[str]()
    while waiting:
        member, each = waiting.pop()
        yield member, each
        plain: Any = get_named_type(each)
        if is_input_object_type(plain) and plain.name not in seen:
            seen.add(plain.name)
            waiting.extend((name, field.type) for name, field in plain.fields.items())


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
