"""The root field `_entities` of a federated schema: each reference asks the permission of its type.

A router finds objects by their keys through `_entities`, past the root fields that guard the way to them. So a type
with a key must declare a permission, as a root field must.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import strawberry
from graphql import GraphQLField
from strawberry import federation
from strawberry.permission import BasePermission, PermissionExtension

from watchword.libraries.graphql_masking import MaskedSchema
from watchword.libraries.strawberry_federation import (
    EntityType,
    entities_field,
    resolve_reference,
    strawberry_info,
    type_in_entities,
)
from watchword.libraries.strawberry_parts import is_awaitable
from watchword.permissions.references import read

# The parameters of a permission beside the arguments.
_TAKEN = frozenset({"self", "next_", "source", "info"})


def guard(
    schema: strawberry.Schema,
    types: Mapping[str, EntityType],
    permissions: Mapping[str, Sequence[type[BasePermission]]],
) -> None:
    """Let `_entities` ask permissions. The schema must have Strawberry's `_entities`; doing so twice is harmless."""
    field = entities_field(schema)
    assert field is not None, "Strawberry has made it"
    field.resolve = Entities(cast(federation.Schema, schema), field, types, permissions).resolve


class Entities:
    """Resolves `_entities`. An error of one reference leaves the others."""

    def __init__(
        self,
        schema: federation.Schema,
        field: GraphQLField,
        types: Mapping[str, EntityType],
        permissions: Mapping[str, Sequence[type[BasePermission]]],
    ) -> None:
        """`permissions` has those of each type. A reference to an interface asks those of all its types."""
        self._schema = schema
        self._field = field
        self._types = types
        self._asking = {
            name: PermissionExtension(
                [each() for each in _together(permissions[member] for member in kind.members)],
                use_directives=False,
            )
            for name, kind in types.items()
        }

    def resolve(self, _source: Any, info: Any, representations: Sequence[Any]) -> list[Any]:
        """Return the object of each reference, an awaitable, or the error, as graphql-core takes them."""
        made = strawberry_info(self._schema, self._field, info)
        types = self._types
        if isinstance(info.schema, MaskedSchema):
            types = _shown(types, info.schema)
        return [self._find(made, each, types) for each in representations]

    def _find(self, info: Any, representation: Any, types: Mapping[str, EntityType]) -> Any:
        try:
            kind, fields = read(representation, types)
            return self._ask(info, kind, fields)
        except Exception as error:
            return error

    def _ask(self, info: Any, kind: EntityType, fields: dict[str, Any]) -> Any:
        asking = self._asking[kind.name]
        arguments = {name: value for name, value in fields.items() if name not in _TAKEN}

        def find(*_: Any, **__: Any) -> Any:
            found = resolve_reference(self._schema, info, kind.name, fields)
            return later(found) if is_awaitable(found) else self._checked(info, kind, found)

        async def later(found: Any) -> Any:
            return self._checked(info, kind, await found)

        async def find_later(*_: Any, **__: Any) -> Any:
            found = find()
            return await found if is_awaitable(found) else found

        if asking.supports_sync:
            return asking.resolve(find, None, info, **arguments)
        return asking.resolve_async(find_later, None, info, **arguments)

    def _checked(self, info: Any, kind: EntityType, found: Any) -> Any:
        """Return an object that a reference has found.

        Raises `TypeError` if it is of another type: that type's permission was not asked.
        """
        if found is None or isinstance(found, Exception):
            return found
        name = type_in_entities(self._schema, info, found)
        if name not in kind.members:
            raise TypeError(
                f"{kind.name}.resolve_reference returned an object of the type {name}, whose permission was not asked."
                f" It may return {' or '.join(kind.members)}."
            )
        return found


def _shown(types: Mapping[str, EntityType], schema: MaskedSchema) -> dict[str, EntityType]:
    """Return the types, with the fields that the caller is told of, whose objects can be found by these fields."""
    shown: dict[str, Any] = schema.shown.type_map
    return {
        name: replace(kind, definition=shown[name])
        for name, kind in types.items()
        if schema.shows(name) and kind.needs <= shown[name].fields.keys()
    }


def _together(classes: Iterable[Sequence[type[BasePermission]]]) -> list[type[BasePermission]]:
    return list(dict.fromkeys(each for those in classes for each in those))
