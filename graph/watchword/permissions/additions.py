"""The permissions that a domain adds to a schema, and what may be given them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import strawberry
from graphql import GraphQLField, GraphQLObjectType
from strawberry.permission import BasePermission

from watchword.errors import Unsafe
from watchword.libraries.strawberry_federation import entities_field, entity_types
from watchword.libraries.strawberry_parts import class_of, definition
from watchword.libraries.strawberry_permissions import is_made_by_strawberry
from watchword.permissions.coordinates import declares, inputs_of
from watchword.permissions.field import Public
from watchword.permissions.guarded import Classes, guards_of
from watchword.permissions.guards import permissions_of
from watchword.permissions.nested import NestedField, nested_fields
from watchword.permissions.observed import covers

Coverage = Literal["strict", "roots"]
"""Whether every field must have a permission, or only root fields and types with a key."""


@dataclass(frozen=True, slots=True)
class Additions:
    """The permissions that a domain adds: to what it names, and to all else that declares none."""

    named: Mapping[str, Classes]
    default: Classes
    coverage: Coverage

    def to(self, name: str) -> Classes:
        """Return the permissions of a root field, or of a type with a key: the named ones, or the default ones too if
        those only observe."""
        named = self.named.get(name, ())
        return named if covers(named) else (*named, *self.default)

    def to_nested(self, field: NestedField) -> Classes:
        """Return the permissions of a field below the root: those of its type and its own, or the default ones."""
        named = (*self.named.get(field.kind.name, ()), *self.named.get(field.name, ()))
        if covers(named) or field.is_covered or self.coverage == "roots":
            return named
        return (*named, *self.default)

    def is_default(self, field: NestedField) -> bool:
        """Tell whether a field below the root gets the default permissions."""
        named = (*self.named.get(field.kind.name, ()), *self.named.get(field.name, ()))
        return self.to_nested(field) != named

    def __str__(self) -> str:
        named = [f"{name!r}: [{names(classes)}]" for name, classes in self.named.items()]
        added = f"permissions={{{', '.join(named)}}}, default_permissions=[{names(self.default)}]"
        return f"{added}, coverage {self.coverage}"


class Places:
    """What permissions may be added to: root fields that declare none, types with a key, and fields below the root."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.schema = schema
        self.roots = root_fields(schema)
        self.fields = uncovered(schema)
        self.entities = entity_types(schema)
        self.nested = nested_fields(schema)

    @property
    def asking(self) -> list[str]:
        """The names of root fields and types with a key that must ask permissions. An interface asks those of its types."""
        return [
            *self.fields,
            *(name for name, kind in self.entities.items() if name in kind.members),
        ]

    def guards(self, name: str) -> Classes:
        """Return the permissions that a type with a key declares by itself."""
        kind = self.entities.get(name)
        origin = None if kind is None else class_of(kind.definition)
        return () if origin is None else guards_of(origin)

    def check(self, additions: Additions) -> None:
        """Raise `Unsafe` if additions cannot be made, or leave something without a permission."""
        self._check_names(additions.named)
        self._check_roots(additions)
        self._check_nested(additions)
        self._check_made(additions)
        for kind in self.entities.values():
            if unnamed := sorted(kind.needs - kind.definition.fields.keys()):
                raise Unsafe(
                    f"{kind.name}.resolve_reference needs {', '.join(unnamed)}, which is no field of {kind.name}."
                    " Name its parameters as the fields are named in GraphQL."
                )

    def _check_names(self, named: Mapping[str, Classes]) -> None:
        inputs = inputs_of(definition(self.schema)) if named else {}
        nested = {each.name: each for each in self.nested}
        types = {each.kind.name for each in self.nested}
        known = {*self.fields, *self.entities, *types, *nested, *inputs}
        for name in sorted({*named} - known):
            if self.roots.get(name, entities_field(self.schema)) is not entities_field(self.schema):
                raise Unsafe(f"{name} declares a permission. Take it out of Domain.permissions.")
            raise Unsafe(
                f"Domain.permissions names {name!r}. It may name root fields, such as Query.viewer, types, such as"
                " Incident, their fields, such as Incident.title, and what clients send: Query.people(first:), Filter,"
                " Filter.salary, Level.BOARD."
            )
        declared = (
            *(name for name, each in nested.items() if covers(permissions_of(each.field))),
            *(name for name, each in inputs.items() if declares(each)),
        )
        for name in sorted({*named}.intersection(declared)):
            raise Unsafe(f"{name} declares a permission. Take it out of Domain.permissions.")
        for name, kind in self.entities.items():
            if name in named and name not in kind.members:
                raise Unsafe(
                    f"Domain.permissions names the interface {name}. Name its types: {', '.join(kind.members)}."
                )

    def _check_roots(self, additions: Additions) -> None:
        forgotten = [
            name for name in self.asking if not covers((*additions.to(name), *self.guards(name)))
        ]
        if forgotten:
            raise Unsafe(
                f"{', '.join(forgotten)}: no permission is declared. Add permission_classes=[...] to the field,"
                " or [Public] if everybody may. A field that you did not write, and a type with a key, is named in"
                f" the schema's Domain. Paste this into it, and choose:\n{_pasted(self._named(forgotten, additions))}\n"
                "Domain(default_permissions=[SignedIn]) is for all that declare none."
            )

    def _check_nested(self, additions: Additions) -> None:
        if forgotten := self._forgotten_nested(additions):
            raise Unsafe(_advice(forgotten, self.nested))

    def _forgotten_nested(self, additions: Additions) -> list[NestedField]:
        if additions.coverage == "roots":
            return []
        return [
            each
            for each in self.nested
            if not (each.is_covered or covers(additions.to_nested(each)))
        ]

    def _named(self, forgotten: list[str], additions: Additions) -> Iterator[str]:
        """Yield the lines of a domain for root fields and types with keys, and for all fields below them."""
        yield from (f'"{name}": [SignedIn],' for name in forgotten)
        below = self._forgotten_nested(additions)
        named = [each for each in below if each.kind.name not in forgotten]
        yield from _lines(named, self.nested)

    def _check_made(self, additions: Additions) -> None:
        odd = [name for name, field in self.fields.items() if not is_made_by_strawberry(field)]
        odd += [
            each.name
            for each in self.nested
            if each.lacks(additions.to_nested(each)) and not is_made_by_strawberry(each.field)
        ]
        if odd:
            raise Unsafe(
                f"{', '.join(odd)}: the function of the field was replaced after Strawberry had made it, so no"
                " permission can be added. Declare permission_classes=[...] on the field."
            )


def uncovered(schema: strawberry.Schema) -> dict[str, GraphQLField]:
    """Return the root fields that declare no permission, by their names, for example `Query.viewer`.

    `_entities` is not among them: it asks the permissions of types.
    """
    guarded = entities_field(schema)
    return {
        name: field
        for name, field in root_fields(schema).items()
        if not covers(permissions_of(field)) and field is not guarded
    }


def root_fields(schema: strawberry.Schema) -> dict[str, GraphQLField]:
    """Return the fields of Query, Mutation and Subscription, by their names, for example `Query.viewer`."""
    made = definition(schema)
    roots = (made.query_type, made.mutation_type, made.subscription_type)
    return {
        f"{root.name}.{name}": field
        for root in roots
        if isinstance(root, GraphQLObjectType)
        for name, field in root.fields.items()
    }


def names(classes: Iterable[type[BasePermission]]) -> str:
    """Return the names of permission classes as an author writes them."""
    return ", ".join("Public" if each is Public else each.__name__ for each in classes)


def _advice(forgotten: list[NestedField], nested: list[NestedField]) -> str:
    """Return a message with lines that an author can paste into the domain."""
    lines = _pasted(_lines(forgotten, nested))
    return (
        f"{len(forgotten)} fields below the root do not say who may read them. Write @guarded_by(...) above the classes"
        " of their types, with [Public] for a type that everybody may read, or paste this into the schema's Domain and"
        f" choose:\n{lines}\nWATCHWORD_COVERAGE=roots asks it of root fields only."
    )


def _pasted(lines: Iterable[str]) -> str:
    """Return lines of a domain's permissions as an author pastes them."""
    indented = "\n".join(f"    {line}" for line in lines)
    return f"permissions={{\n{indented}\n}}"


def _lines(forgotten: list[NestedField], nested: list[NestedField]) -> Iterator[str]:
    for kind, fields in groupby(forgotten, lambda each: each.kind):
        own = [each.name for each in fields]
        if len(own) == sum(each.kind is kind for each in nested):
            shown = ", ".join(name.partition(".")[2] for name in own)
            yield f'"{kind.name}": [SignedIn],  # {shown}'
        else:
            yield from (f'"{name}": [SignedIn],' for name in own)
