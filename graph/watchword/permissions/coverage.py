"""At the start: every root field must ask a permission, its own or one that the schema's `Domain` gives to it.

So must every type with a key, whose objects routers find by `_entities`. The error names those that ask none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import strawberry
from graphql import GraphQLField, GraphQLObjectType
from strawberry.permission import BasePermission

from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.libraries.strawberry_federation import EntityType, entities_field, entity_types
from watchword.libraries.strawberry_parts import definition
from watchword.libraries.strawberry_permissions import add_permissions, is_made_by_strawberry
from watchword.permissions import entities
from watchword.permissions.field import Public
from watchword.permissions.guards import permissions_of

log = logging.getLogger("watchword.permissions")

# Where a schema says which permissions were added to it.
_ADDED = "watchword-permissions"

Classes = tuple[type[BasePermission], ...]


@dataclass(frozen=True, slots=True)
class _Additions:
    """The permissions that a domain adds: to what it names, and to all else that declares none."""

    named: dict[str, Classes]
    default: Classes

    def to(self, name: str) -> Classes:
        return self.named.get(name, self.default)

    def __str__(self) -> str:
        named = [f"{name!r}: [{_names(classes)}]" for name, classes in self.named.items()]
        return f"permissions={{{', '.join(named)}}}, default_permissions=[{_names(self.default)}]"


def cover(schema: strawberry.Schema, domain: Domain) -> None:
    """Add the permissions of a domain to what declares none, and log the names of those that get the default ones.

    These are root fields, by names such as `Query.viewer`, and types with a key. Raises `Unsafe`, and changes
    nothing, if one is left without a permission or the domain names another thing. The schema changes for every
    server in this process, so `Unsafe` too if other permissions were added to it before.
    """
    named = {name: tuple(classes) for name, classes in domain.permissions.items()}
    additions = _Additions(named, tuple(domain.default_permissions))
    extensions = definition(schema).extensions
    before = extensions.get(_ADDED)
    if before is not None:
        if before != additions:
            raise Unsafe(
                f"The schema is mounted already with {before}, and now with {additions}."
                " Make a strawberry.Schema for each, from the same classes."
            )
        return
    fields, types = uncovered(schema), entity_types(schema)
    _check(schema, fields, types, additions)
    for name, field in fields.items():
        add_permissions(schema, field, additions.to(name))
    has_entities = entities_field(schema) is not None
    if has_entities:
        entities.guard(schema, types, {name: additions.to(name) for name in types})
    if fields or has_entities:
        extensions[_ADDED] = additions
    if covered := [name for name in _asking(fields, types) if name not in named]:
        log.info(
            "default_permissions=[%s] covers %s", _names(additions.default), ", ".join(covered)
        )


def uncovered(schema: strawberry.Schema) -> dict[str, GraphQLField]:
    """Return the root fields that declare no permission, by their names, for example `Query.viewer`.

    `_entities` is not among them: it asks the permissions of types.
    """
    guarded = entities_field(schema)
    return {
        name: field
        for name, field in _root_fields(schema).items()
        if not permissions_of(field) and field is not guarded
    }


def _root_fields(schema: strawberry.Schema) -> dict[str, GraphQLField]:
    made = definition(schema)
    roots = (made.query_type, made.mutation_type, made.subscription_type)
    return {
        f"{root.name}.{name}": field
        for root in roots
        if isinstance(root, GraphQLObjectType)
        for name, field in root.fields.items()
    }


def _asking(fields: dict[str, GraphQLField], types: dict[str, EntityType]) -> list[str]:
    """Return the names of all that asks permissions of its own. An interface asks those of its types."""
    return [*fields, *(name for name, kind in types.items() if name in kind.members)]


def _check(
    schema: strawberry.Schema,
    fields: dict[str, GraphQLField],
    types: dict[str, EntityType],
    additions: _Additions,
) -> None:
    """Raise `Unsafe` if additions cannot be made, or leave something without a permission."""
    _check_names(schema, fields, types, additions)
    if forgotten := [name for name in _asking(fields, types) if not additions.to(name)]:
        raise Unsafe(
            f"{', '.join(forgotten)}: no permission is declared. Add permission_classes=[...] to the field,"
            " or [Public] if everybody may. A field that you did not write, and a type with a key, is named in"
            f' the schema\'s Domain: permissions={{"{forgotten[-1]}": [SignedIn]}}.'
            " Domain(default_permissions=[SignedIn]) is for all that declare none."
        )
    if odd := [name for name, field in fields.items() if not is_made_by_strawberry(field)]:
        raise Unsafe(
            f"{', '.join(odd)}: the function of the field was replaced after Strawberry had made it, so no"
            " permission can be added. Declare permission_classes=[...] on the field."
        )
    for kind in types.values():
        if unnamed := sorted(kind.needs - kind.definition.fields.keys()):
            raise Unsafe(
                f"{kind.name}.resolve_reference needs {', '.join(unnamed)}, which is no field of {kind.name}."
                " Name its parameters as the fields are named in GraphQL."
            )


def _check_names(
    schema: strawberry.Schema,
    fields: dict[str, GraphQLField],
    types: dict[str, EntityType],
    additions: _Additions,
) -> None:
    for name in sorted(additions.named.keys() - fields.keys() - types.keys()):
        if name in _root_fields(schema) and not _is_entities(schema, name):
            raise Unsafe(f"{name} declares a permission. Take it out of Domain.permissions.")
        raise Unsafe(
            f"Domain.permissions names {name!r}. It may name root fields, such as Query.viewer, and types with"
            " a key."
        )
    for name, kind in types.items():
        if name in additions.named and name not in kind.members:
            raise Unsafe(
                f"Domain.permissions names the interface {name}. Name its types: {', '.join(kind.members)}."
            )


def _is_entities(schema: strawberry.Schema, name: str) -> bool:
    return _root_fields(schema)[name] is entities_field(schema)


def _names(classes: Iterable[type]) -> str:
    return ", ".join("Public" if each is Public else each.__name__ for each in classes)
