"""A class declares the permissions of all its fields, and derived classes can only add to them."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission

from watchword.errors import Unsafe
from watchword.permissions.field import HasRole, HasScope, Public, SignedIn
from watchword.permissions.guarded import guarded_by, guards_of, is_open


@guarded_by(SignedIn)
@strawberry.interface
class Document:
    title: str


@strawberry.type
@guarded_by(HasScope("bills"), SignedIn)
class Bill(Document):
    amount: int


@guarded_by(Public)
@strawberry.type
class Notice(Document):
    text: str


@guarded_by(Public)
@strawberry.interface
class Named:
    name: str


@strawberry.type
class Person(Named):
    address: str


class Unannounced:
    pass


def test_a_class_asks_the_permissions_of_its_bases_before_its_own_and_each_once() -> None:
    assert guards_of(Document) == (SignedIn,)
    assert guards_of(Bill) == (SignedIn, HasScope("bills"))
    assert guards_of(Unannounced) == ()


def test_a_class_cannot_drop_the_guard_of_its_base_by_being_public() -> None:
    assert guards_of(Notice) == (SignedIn,)


@pytest.mark.parametrize(
    ("kind", "owner", "is_said"),
    [
        (Named, Named, True),
        (Person, Named, True),
        (Person, Person, False),
        (Notice, Notice, True),
        (Notice, Document, True),
        (Bill, Bill, False),
        (Named, None, False),
    ],
)
def test_public_is_for_the_fields_of_the_class_and_its_bases_and_not_for_added_ones(
    kind: type, owner: type | None, is_said: bool
) -> None:
    assert is_open(kind, owner) is is_said


@pytest.mark.parametrize("given", [(), (SignedIn(),), ("SignedIn",), (object,)])
def test_what_is_no_permission_class_is_refused(given: Any) -> None:
    with pytest.raises(Unsafe, match=r"^guarded_by takes permission classes"):
        guarded_by(*given)


def test_a_permission_of_somebody_else_may_guard_a_type() -> None:
    class Mine(BasePermission):
        def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
            return True

    assert guards_of(guarded_by(Mine, HasRole("admin"))(Unannounced)) == (Mine, HasRole("admin"))
