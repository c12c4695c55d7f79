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
    is_union_type,
)

from watchword.errors import BadUserInput
from watchword.libraries.strawberry_federation import Asked, EntityType

# A name in a message is cut off here.
LONGEST_NAME = 100


def read(representation: Any, types: Mapping[str, EntityType]) -> tuple[EntityType, dict[str, Any]]:
    """Return the type that a reference is of, and the reference's fields, in the types that are declared.

    A reference has `__typename`, the fields of one of the type's keys, and those that `@requires` names (Apollo
    Federation, subgraph specification, "Resolve requests for entities"). Other fields are refused, because an
    object that is made of a reference would have them from the caller. Raises `BadUserInput`.
    """
    if not isinstance(representation, dict):
        raise BadUserInput("A reference must be an object with __typename and the fields of a key.")
    given = dict(representation)
    name = given.pop("__typename", None)
    kind = types.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadUserInput(f"This subgraph finds no objects of {_shown(name)} by reference.")
    fields = {name: _read_field(kind, name, value) for name, value in given.items()}
    _check_keys(kind, fields)
    return kind, fields


def _read_field(kind: EntityType, name: str, value: Any) -> Any:
    declared = kind.definition.fields
    if name not in declared or name not in (kind.asked if kind.takes is None else kind.takes):
        raise BadUserInput(f"A reference to {kind.name} has no field {_shown(name)}.")
    try:
        return _coerced(declared[name].type, value, kind.asked.get(name))
    except _Unfit:
        raise BadUserInput(
            f"In a reference to {kind.name}, {name} must be of type {declared[name].type}.", [name]
        ) from None


def _check_keys(kind: EntityType, fields: dict[str, Any]) -> None:
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


class _Unfit(Exception):
    """JSON is no value of a type."""


def _coerced(kind: GraphQLOutputType, value: Any, asked: Asked | None) -> Any:
    """Return JSON as a value of a type: a number for an ID becomes a text. Scalars of one's own are left to the resolver.

    Objects have only the fields that are `asked` for; any of their fields if it is None or empty. Raises `_Unfit`.
    """
    plain: Any = get_nullable_type(kind)
    if value is None:
        return _checked(value, not is_non_null_type(kind))
    if is_list_type(plain):
        _checked(value, isinstance(value, list))
        return [_coerced(plain.of_type, each, asked) for each in value]
    if is_enum_type(plain):
        return _checked(value, isinstance(value, str) and value in plain.values)
    if is_object_type(plain) or is_interface_type(plain):
        _checked(value, isinstance(value, dict))
        return {name: _member(plain, name, each, asked) for name, each in value.items()}
    if is_union_type(plain):
        return _checked(value, isinstance(value, dict))
    return _scalar(plain, value) if is_specified_scalar_type(plain) else value


def _member(kind: Any, name: str, value: Any, asked: Asked | None) -> Any:
    if name == "__typename":
        return _checked(value, isinstance(value, str))
    _checked(value, name in kind.fields and (not asked or name in asked))
    return _coerced(kind.fields[name].type, value, asked and asked.get(name))


def _scalar(kind: Any, value: Any) -> Any:
    try:
        return kind.coerce_input_value(value)
    except Exception as error:
        raise _Unfit from error


def _checked(value: Any, is_fit: bool) -> Any:
    if not is_fit:
        raise _Unfit
    return value


def _shown(name: Any) -> str:
    return repr(name[:LONGEST_NAME]) if isinstance(name, str) else "a type without a name"
