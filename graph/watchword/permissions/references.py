"""Reads the references of a router: JSON objects that no type of GraphQL's describes, so they are checked here.

A resolver trusts that an argument has its declared type. Without the check, `{"id": {"$ne": null}}` would reach it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLOutputType,
    SelectionSetNode,
    get_nullable_type,
    is_enum_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_specified_scalar_type,
)

from watchword.errors import BadUserInput
from watchword.libraries.strawberry_federation import EntityType

# A name in a message is cut off here.
LONGEST_NAME = 100


def read(representation: Any, types: Mapping[str, EntityType]) -> tuple[EntityType, dict[str, Any]]:
    """Return the type that a reference is of, and the reference's fields.

    A reference has `__typename`, the fields of one of the type's keys, and those that `@requires` names (Apollo
    Federation, subgraph specification, "Resolve requests for entities"). Raises `BadUserInput`.
    """
    if not isinstance(representation, dict):
        raise BadUserInput("A reference must be an object with __typename and the fields of a key.")
    fields = dict(representation)
    name = fields.pop("__typename", None)
    kind = types.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadUserInput(f"This subgraph finds no objects of {_shown(name)} by reference.")
    _check(kind, fields)
    return kind, fields


def _check(kind: EntityType, fields: dict[str, Any]) -> None:
    declared = kind.definition.fields
    for name, value in fields.items():
        if name not in declared or not (kind.takes is None or name in kind.takes):
            raise BadUserInput(f"A reference to {kind.name} has no field {_shown(name)}.")
        if not _fits(declared[name].type, value):
            raise BadUserInput(
                f"In a reference to {kind.name}, {name} must be of type {declared[name].type}.",
                [name],
            )
    if not any(_holds(fields, key) for key in kind.keys):
        raise BadUserInput(f"A reference to {kind.name} must have all fields of one of its keys.")
    if lacking := sorted(kind.needs - fields.keys()):
        raise BadUserInput(f"A reference to {kind.name} must have {', '.join(lacking)}.", lacking)


def _holds(value: Any, key: SelectionSetNode) -> bool:
    """Tell whether an object, or each object of a list, has all fields of a key."""
    if isinstance(value, list):
        return all(_holds(each, key) for each in value)
    return isinstance(value, dict) and all(
        node.name.value in value  # type: ignore[attr-defined]
        and (
            node.selection_set is None  # type: ignore[attr-defined]
            or _holds(value[node.name.value], node.selection_set)  # type: ignore[attr-defined]
        )
        for node in key.selections
    )


def _fits(kind: GraphQLOutputType, value: Any) -> bool:
    """Tell whether JSON may be a value of a type. Scalars of one's own are left to the resolver."""
    plain: Any = get_nullable_type(kind)
    if value is None:
        return not is_non_null_type(kind)
    if is_list_type(plain):
        return isinstance(value, list) and all(_fits(plain.of_type, each) for each in value)
    if is_enum_type(plain):
        return isinstance(value, str) and value in plain.values
    if is_object_type(plain) or is_interface_type(plain):
        return isinstance(value, dict) and all(
            name == "__typename" or (name in plain.fields and _fits(plain.fields[name].type, each))
            for name, each in value.items()
        )
    return not is_specified_scalar_type(plain) or _is_accepted(plain, value)


def _is_accepted(scalar: Any, value: Any) -> bool:
    try:
        scalar.coerce_input_value(value)
    except Exception:
        return False
    return True


def _shown(name: Any) -> str:
    return repr(name[:LONGEST_NAME]) if isinstance(name, str) else "a type without a name"
