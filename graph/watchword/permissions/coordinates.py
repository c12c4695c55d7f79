"""What clients send, by its schema coordinate, so that a domain can guard what its author did not write.

Names are those of the table of access: `Query.people(first:)`, `Filter`, `Filter.salary`, `Level`, `Level.BOARD`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
)

from watchword.libraries.strawberry_directives import add_directive
from watchword.libraries.strawberry_parts import directives_of
from watchword.permissions.guarded import Classes, GuardedBy

Element = Any
"""An argument, an input field or an enum value, or an input type or enum: each as graphql-core has it."""


def inputs_of(schema: GraphQLSchema) -> dict[str, Element]:
    """Return all that clients send to a schema, by its coordinates."""
    return {
        name: element
        for kind in schema.type_map.values()
        if not kind.name.startswith("__")
        for name, element in _of_kind(kind)
    }


def declares(element: Element) -> bool:
    """Tell whether an argument, an input field or an enum value declares permissions by itself."""
    return bool(directives_of(element, GuardedBy))


def tell(schema: GraphQLSchema, named: Mapping[str, Classes]) -> None:
    """Let the SDL of a schema show what a domain guards of its arguments, input fields and enum values."""
    elements = inputs_of(schema)
    for name, classes in named.items():
        element = elements.get(name)
        if element is not None and not isinstance(element, GraphQLNamedType):
            add_directive(element, GuardedBy(classes))


def _of_kind(kind: GraphQLNamedType) -> Iterator[tuple[str, Element]]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for field, made in kind.fields.items():
            for name, argument in made.args.items():
                yield f"{kind.name}.{field}({name}:)", argument
    elif isinstance(kind, GraphQLInputObjectType | GraphQLEnumType):
        yield kind.name, kind
        members = kind.values if isinstance(kind, GraphQLEnumType) else kind.fields
        for name, member in members.items():
            yield f"{kind.name}.{name}", member
