"""At the start: every root field must ask a permission, its own or one that the schema's `Domain` gives to it.

The error names those that ask none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType
from strawberry.permission import BasePermission

from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.libraries.strawberry_parts import definition
from watchword.libraries.strawberry_permissions import add_permissions, is_made_by_strawberry
from watchword.permissions.guards import permissions_of

log = logging.getLogger("watchword.permissions")

# Where a schema says which permissions were added to its fields.
_ADDED = "watchword-added-permissions"


def cover(schema: strawberry.Schema, domain: Domain) -> None:
    """Add `Domain.default_permissions` to the root fields that declare no permission, and log their names.

    Raises `Unsafe`, and changes nothing, if a root field would ask no permission. The schema's fields change for
    every server in this process, so `Unsafe` too if another server has added other permissions to them.
    """
    made, wanted = definition(schema), tuple(domain.default_permissions)
    added = made.extensions.get(_ADDED)
    if added is not None:
        if added != wanted:
            raise Unsafe(_twice(added, wanted))
        return
    fields = uncovered(schema)
    if not fields:
        return
    _check(fields, wanted)
    for field in fields.values():
        add_permissions(schema, field, wanted)
    made.extensions = {**made.extensions, _ADDED: wanted}
    log.info("default_permissions=[%s] covers %s", _names(wanted), ", ".join(fields))


def uncovered(schema: strawberry.Schema) -> dict[str, GraphQLField]:
    """Return the root fields that declare no permission, by their names, for example `Query.viewer`."""
    made = definition(schema)
    roots = (made.query_type, made.mutation_type, made.subscription_type)
    return {
        f"{root.name}.{name}": field
        for root in roots
        if isinstance(root, GraphQLObjectType)
        for name, field in root.fields.items()
        if not permissions_of(field)
    }


def _check(fields: dict[str, GraphQLField], wanted: tuple[type[BasePermission], ...]) -> None:
    if not wanted:
        raise Unsafe(
            f"{', '.join(fields)}: no permission is declared. Add permission_classes=[...] to the field,"
            " or [Public] if everybody may. Domain(default_permissions=[SignedIn]) is for all that declare none."
        )
    if odd := [name for name, field in fields.items() if not is_made_by_strawberry(field)]:
        raise Unsafe(
            f"{', '.join(odd)}: the function of the field was replaced after Strawberry had made it, so"
            " default_permissions cannot be added. Declare permission_classes=[...] on the field."
        )


def _twice(added: Iterable[Any], wanted: Iterable[Any]) -> str:
    return (
        f"The schema is mounted already with default_permissions=[{_names(added)}], and now with"
        f" [{_names(wanted)}]. Make a strawberry.Schema for each, from the same classes."
    )


def _names(classes: Iterable[type]) -> str:
    return ", ".join(each.__name__ for each in classes)
