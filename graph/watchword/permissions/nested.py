"""The fields below the root: what they ask beside their own permissions, and whether somebody has said it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType
from strawberry.permission import BasePermission

from watchword.libraries.strawberry_parts import class_of, definition, owner_of
from watchword.permissions.field import Public
from watchword.permissions.guarded import Classes, guards_of, is_open
from watchword.permissions.guards import permissions_of
from watchword.permissions.observed import covers

# Fields of these packages are the structure around objects: pages of connections, ids, the SDL of a subgraph.
_STRUCTURE = ("strawberry.", "watchword.relay.")


@dataclass(frozen=True, slots=True)
class NestedField:
    """A field of an object type that is no root. Its `name` is, for example, `Incident.title`.

    `guard` has the permissions that its type and the interfaces of its type add to its own. `is_covered` says whether
    anything, `Public` included, says who may read it.
    """

    name: str
    kind: GraphQLObjectType
    field: GraphQLField
    guard: tuple[BasePermission, ...]
    is_covered: bool

    def lacks(self, classes: Iterable[type[BasePermission]]) -> list[BasePermission]:
        """Return the permissions that it must be given: those of its guard, and new ones of these classes."""
        asked = permissions_of(self.field)
        lacking: list[BasePermission] = []
        for each in (*(kind() for kind in classes), *self.guard):
            if type(each) is not Public and not _has((*asked, *lacking), each):
                lacking.append(each)
        return lacking


def nested_fields(schema: strawberry.Schema) -> list[NestedField]:
    """Return the fields of all object types but the roots and those of introspection."""
    made = definition(schema)
    roots = (made.query_type, made.mutation_type, made.subscription_type)
    return [
        _nested(kind, name, field)
        for kind in made.type_map.values()
        if isinstance(kind, GraphQLObjectType) and kind not in roots
        if not kind.name.startswith("__")
        for name, field in kind.fields.items()
    ]


def _nested(kind: GraphQLObjectType, name: str, field: GraphQLField) -> NestedField:
    origin, owner = class_of(kind), owner_of(field)
    classes: Classes = () if origin is None else guards_of(origin)
    inherited = [
        permission
        for interface in kind.interfaces
        if name in interface.fields
        for permission in permissions_of(interface.fields[name])
    ]
    guard = (*(each() for each in classes), *inherited)
    is_open_to_all = origin is not None and is_open(origin, owner)
    return NestedField(
        f"{kind.name}.{name}",
        kind,
        field,
        guard,
        covers((*guard, *permissions_of(field))) or is_open_to_all or _is_structure(owner),
    )


def _is_structure(owner: type | None) -> bool:
    return owner is not None and f"{owner.__module__}.".startswith(_STRUCTURE)


def _has(permissions: Sequence[BasePermission], wanted: BasePermission) -> bool:
    return any(
        type(each) is type(wanted) and _state(each) == _state(wanted) for each in permissions
    )


def _state(permission: BasePermission) -> dict[str, Any]:
    # Strawberry keeps the directive that it made of a permission in the permission.
    return {name: value for name, value in vars(permission).items() if name != "_schema_directive"}
