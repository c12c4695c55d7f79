"""A check at the start: every root field must declare a permission. The error names those that do not."""

from __future__ import annotations

import strawberry
from graphql import GraphQLObjectType

from watchword.errors import Unsafe
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.guards import permissions_of


def uncovered(schema: strawberry.Schema) -> list[str]:
    """Return the names of the root fields that declare no permission, for example `Query.viewer`."""
    made = definition(schema)
    roots = (made.query_type, made.mutation_type, made.subscription_type)
    return [
        f"{root.name}.{name}"
        for root in roots
        if isinstance(root, GraphQLObjectType)
        for name, field in root.fields.items()
        if not permissions_of(field)
    ]


def check(schema: strawberry.Schema) -> None:
    """Raise `Unsafe` when a root field declares no permission."""
    if names := uncovered(schema):
        raise Unsafe(
            f"{', '.join(names)}: no permission is declared. Add permission_classes=[...] to the field,"
            " or [Public] if everybody may."
        )
