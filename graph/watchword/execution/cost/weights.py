"""What a schema says of costs: the weights of its types, fields, arguments and input fields, and the sizes of lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    is_interface_type,
    is_list_type,
    is_object_type,
)
from strawberry import UNSET

from watchword.config.cost_directives import Cost, ListSize
from watchword.errors import Unsafe
from watchword.execution.cost.formula import Number
from watchword.libraries.strawberry_parts import directives_of, page_size

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
        """For each object type, its fields that say something of costs, if there are any, or whose interface does."""
        self._alike: dict[tuple[Any, ...], int] = {}
        # The fields live as long as the schema.
        self._of_fields: dict[int, int] = {}
        self._dearest: dict[tuple[str, str], Sequence[GraphQLObjectType]] = {}
        for name, kind in schema.type_map.items():
            _check_weight(kind)
            fields = kind.fields if is_object_type(kind) or is_interface_type(kind) else {}
            for field in fields:
                _check_sizes(schema, f"{name}.{field}", fields[field])
            if is_object_type(kind) and (marked := _marked(kind)):
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

    def alike(self, field: GraphQLField) -> int:
        """Return a number that two fields share if the same selection of them costs the same."""
        found = self._of_fields.get(id(field))
        if found is None:
            sizes = repr(list_size_of(field))
            key = str(field.type), weight_of(field), sizes, *self._arguments(field)
            found = self._of_fields[id(field)] = self._alike.setdefault(key, len(self._alike))
        return found

    def dearest(self, on: Any, name: str) -> Sequence[GraphQLObjectType]:
        """Return possible types of an abstract type. The field of one of them costs the most, whatever is selected of it.

        Only types whose field has a weight or a size are compared. If two fields differ only in weight and assumed size,
        and one has more of both, it stands for the other.
        """
        key = on.name, name
        if key not in self._dearest:
            marked = self.telling(on, name)
            groups: dict[tuple[Any, ...], list[_Sized]] = {}
            for kind in {self.alike(kind.fields[name]): kind for kind in marked}.values():
                rest, sized = self._sized(kind, kind.fields[name])
                groups.setdefault(rest, []).append(sized)
            self._dearest[key] = [kind for group in groups.values() for kind in _largest(group)]
        return self._dearest[key]

    def telling(self, on: Any, name: str) -> list[GraphQLObjectType]:
        """Return the possible types of an abstract one whose field of this name, or their interface's, says something of costs."""
        kinds: Any = self.schema.get_possible_types(on)
        return [kind for kind in kinds if name in self.marked.get(kind.name, ())]

    def _sized(
        self, kind: GraphQLObjectType, field: GraphQLField
    ) -> tuple[tuple[Any, ...], _Sized]:
        """Return the weight and the assumed size of a field, and before them all else that says what it costs."""
        declared, weight = list_size_of(field), weight_of(field) or 0
        rest, size = declared, 0
        if declared is not None and declared.assumed_size not in (None, UNSET):
            rest, size = replace(declared, assumed_size=-1), declared.assumed_size or 0
        return (str(field.type), repr(rest), *self._arguments(field)), _Sized(weight, size, kind)

    def _arguments(self, field: GraphQLField) -> tuple[Any, ...]:
        arguments = [
            (name, str(each.type), repr(each.default), weight_of(each))
            for name, each in field.args.items()
        ]
        return page_size(self.schema, field), *arguments

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
                # One that is null, which it mostly is by default, gives the resolver nothing to do.
                if value.get(found) is not None:
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


class _Sized(NamedTuple):
    weight: Number
    size: int
    kind: GraphQLObjectType


def _largest(group: Iterable[_Sized]) -> Iterator[GraphQLObjectType]:
    """Yield the types that no other type exceeds in both weight and size."""
    most = -1
    for _, size, kind in sorted(group, key=lambda each: each[:2], reverse=True):
        if size > most:
            most = size
            yield kind


def weight_of(element: Any) -> Number | None:
    """Return the weight in an element's `@cost`; None if it has none."""
    for directive in directives_of(element, Cost):
        weight = float(directive.weight)
        return int(weight) if weight.is_integer() else weight
    return None


def list_size_of(field: GraphQLField) -> ListSize | None:
    """Return a field's `@listSize`; None if it has none."""
    return next(iter(directives_of(field, ListSize)), None)


def _check_weight(kind: GraphQLNamedType) -> None:
    """Raise `Unsafe` for a weight that a type cannot have."""
    weight = weight_of(kind)
    if weight is None:
        return
    if is_abstract_type(kind):
        raise Unsafe(
            f"{kind.name}: cost({weight}) is for a union or an interface, whose objects cost what their types do. Give it"
            " to those types."
        )
    if weight < 0:
        raise Unsafe(
            f"{kind.name}: cost({weight}) is for a type. A weight below 0 is for an argument, an input field"
            " or a field: it takes from what the rest of the field costs."
        )


def _marked(kind: GraphQLObjectType) -> frozenset[str]:
    """Return the fields of a type that say something of costs, or that say nothing where one of its interfaces does."""
    declaring = (kind, *kind.interfaces)
    return frozenset(
        name for each in declaring for name, field in each.fields.items() if _is_marked(field)
    )


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
        if not is_list_type(get_nullable_type(returned.fields[each].type)):
            raise Unsafe(
                f"{name}: list_size(sized_fields=…) names {each!r}, which is no list. Name the list that has the size."
            )
