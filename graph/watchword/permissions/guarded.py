"""Permissions of a whole type, and of what clients send: `guarded_by`.

Each field of a guarded object type asks the permissions, wherever the type appears. Arguments, input fields and enum
values have them among their directives (`inputs.py`, `enum_values.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import strawberry
from strawberry.permission import BasePermission
from strawberry.schema_directive import Location

from watchword.errors import Unsafe
from watchword.libraries.strawberry_permissions import is_permission_class
from watchword.permissions.field import Public
from watchword.permissions.observed import words_of
from watchword.permissions.words import together

# The attribute of a class that holds the permissions which `guarded_by` gave to it, and not to its bases.
_DECLARED = "__watchword_guards__"

Classes = tuple[type[BasePermission], ...]
Kind = TypeVar("Kind", bound=type)


@strawberry.schema_directive(
    name="guardedBy",
    description="What a caller needs to send this, and to receive this value.",
    locations=[Location.ARGUMENT_DEFINITION, Location.ENUM_VALUE, Location.INPUT_FIELD_DEFINITION],
)
class _Guard:
    needs: str


class GuardedBy(_Guard):
    """What `guarded_by` makes: a decorator of classes, and a directive of arguments, input fields and enum values."""

    def __init__(self, permissions: Classes) -> None:
        super().__init__(needs=together(map(_words, permissions)))
        self.permissions = permissions

    def __call__(self, kind: Kind) -> Kind:
        """Let a class ask the permissions."""
        setattr(kind, _DECLARED, self.permissions)
        return kind


def guarded_by(*permissions: type[BasePermission]) -> GuardedBy:
    """Let every field of an object type or interface ask permissions, before those of the field.

    Write it above or below `@strawberry.type`: `@guarded_by(HasScope("salaries:read"))`, or `@guarded_by(Public)` for a
    type with fields that everybody may read on any object they get. A class that inherits from a guarded one asks the
    permissions of both: an implementation may add to the guard of its interface, and cannot drop it. `Public` is for
    the fields of the class and its bases, and not for those that a class derived from it adds.

    An argument, an input field and an enum value take it as a directive:
    `Annotated[int, strawberry.argument(directives=[guarded_by(HasRole("admin"))])]`,
    `strawberry.field(directives=[guarded_by(…)])`, `strawberry.enum_value("secret", directives=[guarded_by(…)])`.
    Above an input class or an enum, it is for each object and each value of it. An operation that sends what is
    guarded, null too, is refused in that field, before the resolver runs; what the schema has as a default is not
    sent. A guarded enum value in an answer is null, with an error in its place. Raises `Unsafe` for what is no
    permission class.
    """
    if not permissions or not all(map(is_permission_class, permissions)):
        raise Unsafe("guarded_by takes permission classes, for example @guarded_by(SignedIn).")
    return GuardedBy(permissions)


def guards_of(kind: type) -> Classes:
    """Return the permissions that all fields of a class ask, those of its bases first."""
    asked = (each for _, classes in _declared(kind) for each in classes if each is not Public)
    return tuple(dict.fromkeys(asked))


def is_open(kind: type, owner: type | None) -> bool:
    """Tell whether a class declares `Public` for a field that was written in the class `owner`."""
    return owner is not None and any(
        Public in classes and issubclass(each, owner) for each, classes in _declared(kind)
    )


def _declared(kind: type) -> Iterator[tuple[type, Classes]]:
    for each in reversed(kind.__mro__):
        if _DECLARED in vars(each):
            yield each, vars(each)[_DECLARED]


def _words(permission: type[BasePermission]) -> str:
    rule = getattr(permission, "rule", None)
    return permission.__name__ if rule is None else words_of(rule)
