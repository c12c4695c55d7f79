"""Permissions of a whole type: each of its fields asks them, wherever the type appears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from strawberry.permission import BasePermission

from watchword.errors import Unsafe
from watchword.libraries.strawberry_permissions import is_permission_class
from watchword.permissions.field import Public

# The attribute of a class that holds the permissions which `guarded_by` gave to it, and not to its bases.
_DECLARED = "__watchword_guards__"

Classes = tuple[type[BasePermission], ...]
Kind = TypeVar("Kind", bound=type)


def guarded_by(*permissions: type[BasePermission]) -> Callable[[Kind], Kind]:
    """Let every field of an object type or interface ask permissions, before those of the field.

    Write it above or below `@strawberry.type`: `@guarded_by(HasScope("salaries:read"))`, or `@guarded_by(Public)` for a
    type with fields that everybody may read on any object they get. A class that inherits from a guarded one asks the
    permissions of both: an implementation may add to the guard of its interface, and cannot drop it. `Public` is for
    the fields of the class and its bases, and not for those that a class derived from it adds. Raises `Unsafe` for what
    is no permission class.
    """
    if not permissions or not all(map(is_permission_class, permissions)):
        raise Unsafe("guarded_by takes permission classes, for example @guarded_by(SignedIn).")

    def decorate(kind: Kind) -> Kind:
        setattr(kind, _DECLARED, permissions)
        return kind

    return decorate


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
