"""What of a schema's inputs asks permissions: arguments, input fields, input types and enum values.

Names are schema coordinates (GraphQL specification, section 3.14): `Query.people(filter:)`, `Filter.salary`,
`Level.SECRET`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)
from strawberry.permission import BasePermission

from watchword.errors import Unsafe
from watchword.libraries.strawberry_parts import class_of, directives_of, permission_extensions
from watchword.permissions.field import Public, rule_of
from watchword.permissions.guarded import Classes, GuardedBy, guards_of
from watchword.permissions.rules import Rule


@dataclass(frozen=True, slots=True)
class Guarded:
    """Something that clients send and that asks rules: its schema coordinate, and the rules in their order."""

    name: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class GuardedArgument:
    """An argument that asks rules (`guard`), or whose type has fields or values that do (`kind`), or both."""

    guard: Guarded | None
    kind: GraphQLInputType | None


class Inputs:
    """The guarded inputs of a schema. Raises `Unsafe` for permissions that inputs cannot ask."""

    def __init__(self, schema: GraphQLSchema, named: Mapping[str, Classes] | None = None) -> None:
        """`named` are the permissions that a domain adds, by the coordinates of what asks them."""
        kinds = list(schema.type_map.values())
        self._schema = schema
        self._named = named or {}
        self.types: dict[str, Guarded] = {}
        """The guarded input types, by their names."""
        self.fields: dict[tuple[str, str], Guarded] = {}
        """The guarded input fields, by the names of their type and their own."""
        self.values: dict[tuple[str, str], Guarded] = {}
        """The guarded enum values, by the names of their type and their own."""
        for kind in kinds:
            if isinstance(kind, GraphQLInputObjectType):
                self._read_input(kind)
            elif isinstance(kind, GraphQLEnumType) and not kind.name.startswith("__"):
                self._read_enum(kind)
        self._leading = _leading(kinds, self._own())
        self._check_directives()

    def of_field(self, kind: GraphQLNamedType, name: str, field: GraphQLField) -> Arguments:
        """Return the arguments of a field that are guarded, or lead to something that is, by their names."""
        found = {}
        for each, argument in field.args.items():
            guard = self._guard(
                f"{kind.name}.{name}({each}:)",
                (*_declared(argument), *self._inherited(kind, name, each)),
            )
            leads = self.leads(argument.type)
            if guard is not None or leads:
                found[each] = GuardedArgument(guard, argument.type if leads else None)
        return found

    def leads(self, kind: Any) -> bool:
        """Tell whether something at or below an input type is guarded."""
        return get_named_type(kind).name in self._leading

    def __iter__(self) -> Iterator[Guarded]:
        """Yield the guarded input types, their fields, and the enum values."""
        yield from (*self.types.values(), *self.fields.values(), *self.values.values())

    def _own(self) -> set[str]:
        return {*self.types, *(kind for kind, _ in (*self.fields, *self.values))}

    def _read_input(self, kind: GraphQLInputObjectType) -> None:
        if guard := self._guard(kind.name, _of_class(kind)):
            self.types[kind.name] = guard
        for name, field in kind.fields.items():
            if permission_extensions(field):
                raise Unsafe(
                    f"{kind.name}.{name}: an input field does not ask permission_classes. Write"
                    " strawberry.field(directives=[guarded_by(…)]) instead."
                )
            if guard := self._guard(f"{kind.name}.{name}", _declared(field)):
                self.fields[kind.name, name] = guard

    def _read_enum(self, kind: GraphQLEnumType) -> None:
        whole = (*_of_class(kind), *self._named.get(kind.name, ()))
        for name, value in kind.values.items():
            if guard := self._guard(f"{kind.name}.{name}", (*whole, *_declared(value))):
                self.values[kind.name, name] = guard

    def _guard(self, name: str, classes: Iterable[type[BasePermission]]) -> Guarded | None:
        every = dict.fromkeys((*classes, *self._named.get(name, ())))
        asked = [each for each in every if each is not Public]
        rules = [rule_of(each()) for each in asked]
        for each, rule in zip(asked, rules, strict=True):
            if rule is None:
                raise Unsafe(
                    f"{name}: {each.__name__} is for fields. An input asks permissions of Watchword,"
                    " such as HasScope(…), and those that condition(…) or permission(…) makes."
                )
        return Guarded(name, tuple(each for each in rules if each is not None)) if asked else None

    def _inherited(
        self, kind: GraphQLNamedType, name: str, argument: str
    ) -> Iterator[type[BasePermission]]:
        """Yield the permissions of an argument in the interfaces of a type: an implementation cannot drop them."""
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return
        for interface in kind.interfaces:
            field = interface.fields.get(name)
            found: GraphQLArgument | None = None if field is None else field.args.get(argument)
            if found is not None:
                yield from _declared(found)
                yield from self._named.get(f"{interface.name}.{name}({argument}:)", ())

    def _check_directives(self) -> None:
        for directive in self._schema.directives:
            for name, argument in directive.args.items():
                if _declared(argument) or self.leads(argument.type):
                    raise Unsafe(
                        f"@{directive.name}({name}:) takes something that guarded_by guards, and directives of"
                        " operations ask no permissions. Take it out of the directive's arguments."
                    )


Arguments = Mapping[str, GuardedArgument]


def _of_class(kind: GraphQLNamedType) -> Classes:
    origin = class_of(kind)
    return () if origin is None else guards_of(origin)


def _declared(element: Any) -> list[type[BasePermission]]:
    found = directives_of(element, GuardedBy)
    return [each for directive in found for each in directive.permissions]


def _leading(kinds: Sequence[GraphQLNamedType], own: set[str]) -> set[str]:
    """Return the names of the types in `own`, and of the input types with a field of such a type at any depth."""
    leading, inputs = set(own), [each for each in kinds if isinstance(each, GraphQLInputObjectType)]
    size = -1
    while len(leading) > size:
        size = len(leading)
        leading.update(
            kind.name
            for kind in inputs
            if any(get_named_type(field.type).name in leading for field in kind.fields.values())
        )
    return leading
