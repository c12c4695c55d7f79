"""What a schema says of costs: the weights of its types, fields, arguments and input fields, and the sizes of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    is_interface_type,
    is_list_type,
    is_object_type,
)

from watchword.errors import Unsafe
from watchword.execution.cost.directives import Cost, ListSize
from watchword.execution.cost.formula import Number
from watchword.libraries.strawberry_parts import directives_of

# An object costs 1, and a value nothing: reading an attribute takes little. What the schema says of itself is at hand.
OBJECT = 1
INTROSPECTION = 0.1


class Weights:
    """The weights of one schema. Raises `Unsafe` for directives that name what does not exist."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._types: dict[str, Number] = {}
        self._inputs: dict[str, bool] = {}
        self.marked: dict[str, frozenset[str]] = {}
        """For each object type, its fields that say something of costs, if there are any."""
        for name, kind in schema.type_map.items():
            fields = kind.fields if is_object_type(kind) or is_interface_type(kind) else {}
            for field in fields:
                _check_sizes(schema, f"{name}.{field}", fields[field])
            marked = frozenset(each for each in fields if _is_marked(fields[each]))
            if marked and is_object_type(kind):
                self.marked[name] = marked

    def of_type(self, kind: GraphQLNamedType) -> Number:
        """Return what an object or a value of a type costs by itself; of an abstract type, what it costs at most."""
        if kind.name not in self._types:
            self._types[kind.name] = self._weigh(kind)
        return self._types[kind.name]

    def _weigh(self, kind: GraphQLNamedType) -> Number:
        if kind.name.startswith("__"):
            return INTROSPECTION if is_composite_type(kind) else 0
        if is_abstract_type(kind):
            return max(map(self.of_type, self.schema.get_possible_types(kind)), default=OBJECT)
        own = weight_of(kind)
        return (OBJECT if is_composite_type(kind) else 0) if own is None else own

    def of_value(self, given: Any, kind: Any, value: Any) -> Number:
        """Return what an argument or an input field costs that has this value, with all that is in it."""
        own = weight_of(given)
        inner = self.in_value(kind, value) if self.can_weigh(kind) else 0
        return (own or 0) + inner

    def in_value(self, kind: Any, value: Any) -> Number:
        """Return what a value of an input type costs, with all that is in it."""
        if value is None:
            return 0
        if hasattr(kind, "of_type"):
            if is_list_type(kind) and isinstance(value, list | tuple):
                return sum(self.in_value(kind.of_type, item) for item in value)
            return self.in_value(kind.of_type, value)
        total = weight_of(kind) or 0
        if is_input_object_type(kind) and isinstance(value, Mapping):
            for name, field in kind.fields.items():
                found = field.out_name or name
                if found in value:
                    total += self.of_value(field, field.type, value[found])
        return total

    def can_weigh(self, kind: Any) -> bool:
        """Tell whether a value of an input type can cost something."""
        plain: Any = get_named_type(kind)
        if plain.name not in self._inputs:
            # Input types may be circular: one that is asked for while it is looked at has said nothing yet.
            self._inputs[plain.name] = False
            self._inputs[plain.name] = self._has_weight(plain, set())
        return self._inputs[plain.name]

    def _has_weight(self, kind: GraphQLNamedType, seen: set[str]) -> bool:
        if weight_of(kind):
            return True
        if not isinstance(kind, GraphQLInputObjectType) or kind.name in seen:
            return False
        seen.add(kind.name)
        return any(
            weight_of(each) or self._has_weight(get_named_type(each.type), seen)
            for each in kind.fields.values()
        )


def weight_of(element: Any) -> Number | None:
    """Return the weight in an element's `@cost`; None if it has none."""
    for directive in directives_of(element, Cost):
        weight = float(directive.weight)
        return int(weight) if weight.is_integer() else weight
    return None


def list_size_of(field: GraphQLField) -> ListSize | None:
    """Return a field's `@listSize`; None if it has none."""
    return next(iter(directives_of(field, ListSize)), None)


def _is_marked(field: GraphQLField) -> bool:
    arguments: Sequence[Any] = list(field.args.values())
    return (
        weight_of(field) is not None
        or list_size_of(field) is not None
        or any(weight_of(each) is not None for each in arguments)
    )


def _check_sizes(schema: GraphQLSchema, name: str, field: GraphQLField) -> None:
    """Raise `Unsafe` if a field's `@listSize` names an argument or a field that does not exist."""
    sizes = list_size_of(field)
    if sizes is None:
        return
    for path in sizes.slicing_arguments or ():
        members: Mapping[str, Any] = field.args
        for part in path.split("."):
            if part not in members:
                raise Unsafe(
                    f"{name}: list_size(slicing_arguments=…) names {path!r}, which the field does not take. Write"
                    " the argument as clients do, such as 'pageSize' or 'input.first'."
                )
            members = getattr(get_named_type(members[part].type), "fields", {})
    returned: Any = get_named_type(field.type)
    for each in sizes.sized_fields or ():
        if each not in getattr(returned, "fields", {}):
            raise Unsafe(
                f"{name}: list_size(sized_fields=…) names {each!r}, which is no field of {returned.name}."
            )
