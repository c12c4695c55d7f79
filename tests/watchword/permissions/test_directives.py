"""The SDL says what fields ask, in the words of Apollo Federation, and says it once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import and_, or_
from typing import Any

import pytest
import strawberry
from graphql import build_schema
from strawberry.permission import BasePermission

from watchword.domain import Domain
from watchword.permissions import words
from watchword.permissions.coverage import cover
from watchword.permissions.directives import MOST_CHOICES, Directives, directives_of
from watchword.permissions.field import (
    HasRole,
    HasScope,
    Owner,
    Permission,
    Public,
    SignedIn,
    condition,
)
from watchword.permissions.guarded import guarded_by


class Theirs(BasePermission):
    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        return True


@condition("to own it")
def owns(question: Any) -> bool:
    return True


def directives(*classes: type[Permission]) -> Directives:
    return directives_of((words.describe(each.rule.requires), each.rule) for each in classes)


A, B, C = map(HasScope, "abc")
ADMIN = HasRole("admin")


def cases() -> Iterator[tuple[tuple[Any, ...], Directives]]:
    yield (Public,), Directives(False, (), ())
    yield (SignedIn,), Directives(True, (), ())
    yield (A,), Directives(False, (("a",),), ())
    yield ((A & B) | C,), Directives(False, (("a", "b"), ("c",)), ())
    yield (A | B, A | C), Directives(False, (("a",), ("b", "c")), ())
    yield (A & (B | A),), Directives(False, (("a",),), ())
    yield (ADMIN,), Directives(False, (), (("role admin",),))
    yield (~A,), Directives(False, (), (("not (scope a)",),))
    yield (SignedIn & A & owns,), Directives(True, (("a",),), (("to own it",),))
    yield (A | ADMIN,), Directives(False, (), (("scope a",), ("role admin",)))
    yield ((A & SignedIn) | ADMIN,), Directives(False, (), (("scope a", "signed in"), ("role admin",)))  # fmt: skip
    yield (A | Public,), Directives(False, (), ())
    yield (A & (ADMIN | Public),), Directives(False, (("a",),), ())


@pytest.mark.parametrize(("classes", "expected"), [*cases()])
def test_rules_become_scopes_and_policies_as_an_or_of_ands(
    classes: tuple[type[Permission], ...], expected: Directives
) -> None:
    assert directives(*classes) == expected


def test_a_permission_class_of_others_is_a_policy_by_its_name() -> None:
    assert directives_of([("Theirs", None)]) == Directives(False, (), (("Theirs",),))


def test_rules_with_too_many_choices_are_one_choice() -> None:
    pairs = [HasScope(f"{n}a") | HasScope(f"{n}b") for n in range(60)]
    found = directives(SignedIn, reduce(and_, pairs), ADMIN)
    assert (found.authenticated, found.scopes, len(found.policies)) == (True, (), 1)
    assert found.policies[0][:2] == ("scope 0a or scope 0b", "scope 1a or scope 1b")
    assert found.policies[0][-1] == "role admin"
    many = [HasScope(str(n)) for n in range(MOST_CHOICES + 1)]
    assert len(directives(reduce(or_, many[1:])).scopes) == MOST_CHOICES
    assert directives(reduce(or_, many)).scopes == ()


@strawberry.interface
class Vessel:
    name: str = strawberry.field(permission_classes=[SignedIn])


@guarded_by(A)
@strawberry.type
class Ship(Vessel):
    captain: str = strawberry.field(permission_classes=[Owner("captain")])


@strawberry.type
class Boat(Vessel):
    oars: int


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Theirs])
    def ship(self) -> Ship | None:
        return None

    @strawberry.field
    def vessel(self) -> Vessel | None:
        return None


def test_the_sdl_has_the_permissions_of_fields_types_interfaces_and_the_domain_once() -> None:
    schema = strawberry.Schema(Query, types=[Boat])
    domain = Domain(permissions={"Boat": [B]}, default_permissions=[Public])
    for _ in range(2):
        cover(schema, domain)
    sdl = schema.as_str()
    build_schema(sdl)
    assert "interface Vessel {\n  name: String!\n}" in sdl
    assert (
        'type Boat implements Vessel {\n  name: String! @authenticated @requiresScopes(scopes: [["b"]])\n'
        '  oars: Int! @requiresScopes(scopes: [["b"]])\n}' in sdl
    )
    owner = '@policy(policies: [["to be the owner (captain)"]])'
    assert f'  captain: String! @requiresScopes(scopes: [["a"]]) {owner}\n' in sdl
    assert '  ship: Ship @policy(policies: [["Theirs"]])\n' in sdl
    assert "  vessel: Vessel\n" in sdl


def test_another_schema_of_the_same_classes_says_what_it_asks_itself() -> None:
    schemas = [strawberry.Schema(Query, types=[Boat]) for _ in range(2)]
    cover(schemas[0], Domain(permissions={"Boat": [B]}, default_permissions=[Public]))
    cover(schemas[1], Domain(permissions={"Boat": [C]}, default_permissions=[SignedIn]))
    sdls = [each.as_str() for each in schemas]
    assert ['[["b"]]' in each for each in sdls] == [True, False]
    assert ["  vessel: Vessel @authenticated\n" in each for each in sdls] == [False, True]
