"""Adds permissions to a field of a schema that is built already, as if its author had declared them."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import strawberry
from graphql import GraphQLField
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema import schema_converter
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

_BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF
_ADDED = "watchword-added-permissions"


class _Applied(FieldExtension):
    """Stands in for an extension of a field while the field's resolver is made a second time.

    Strawberry lets each extension change the field first, and some can do so only once.
    """

    def __init__(self, extension: FieldExtension) -> None:
        self.resolve = extension.resolve  # type: ignore[method-assign]
        self.resolve_async = extension.resolve_async  # type: ignore[method-assign]
        self.supports_sync = extension.supports_sync
        self.supports_async = extension.supports_async


def is_permission_class(given: object) -> bool:
    """Tell whether something may stand in `permission_classes`."""
    return isinstance(given, type) and issubclass(given, BasePermission)


def is_made_by_strawberry(field: GraphQLField) -> bool:
    """Tell whether Strawberry made the function that resolves a field, or that opens its subscription."""
    function = field.subscribe or field.resolve
    is_made = getattr(function, "__module__", "") == schema_converter.__name__
    return is_made and isinstance(field.extensions.get(_BACKREF), StrawberryField)


def has_added_permissions(field: GraphQLField) -> bool:
    """Tell whether a field asks permissions that its author has not declared."""
    return _ADDED in field.extensions


def add_permissions(
    schema: strawberry.Schema,
    field: GraphQLField,
    permissions: Sequence[BasePermission],
    *,
    inside: bool = False,
) -> None:
    """Let a field ask permissions before all else, or `inside` of those that it asks already.

    Only for a field that `is_made_by_strawberry`.

    It changes this schema's field, and no other schema that is made of the same classes.
    """
    given: StrawberryField = field.extensions[_BACKREF]
    asking = PermissionExtension([*permissions], use_directives=False)
    made = copy.copy(given)
    at = _inside(given) if inside else len(given.extensions)
    made.extensions = [*map(_Applied, given.extensions)]
    made.extensions.insert(at, asking)
    function = schema.schema_converter.from_resolver(made)
    # Programs, guards and the conversion of arguments read the extensions themselves.
    made.extensions = [*given.extensions]
    made.extensions.insert(at, asking)
    field.extensions = {**field.extensions, _BACKREF: made, _ADDED: True}
    if made.is_subscription:
        field.subscribe = function
    else:
        field.resolve = function


def _inside(field: StrawberryField) -> int:
    """Return the place right inside of a field's permissions; the outermost one if it has none."""
    extensions = field.extensions
    # Strawberry calls the last extension first.
    return next(
        (at for at, each in enumerate(extensions) if isinstance(each, PermissionExtension)),
        len(extensions),
    )
