"""The outlook of a rule agrees with its verdict, wherever a principal alone decides it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission

from tests.support.payroll import payroll
from watchword.domain import Domain
from watchword.permissions.access import Access, callers, outlook, table
from watchword.permissions.coverage import cover
from watchword.permissions.field import (
    Delegated,
    FirstParty,
    HasRole,
    HasScope,
    HasTenant,
    Owner,
    Permission,
    Public,
    RecentlyAuthenticated,
    SignedIn,
    SignedInHere,
    condition,
)
from watchword.permissions.guarded import guarded_by
from watchword.principal import ANONYMOUS, Grants, Principal


@condition("to own it")
def owns(question: Any) -> bool:
    return True


class Theirs(BasePermission):
    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        return True


@guarded_by(SignedIn | HasScope("a|b"))
@strawberry.type
class Ship:
    name: str
    captain: str = strawberry.field(permission_classes=[HasRole("admin")])


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def ship(self) -> Ship | None:
        return None

    @strawberry.field(permission_classes=[Theirs])
    def theirs(self) -> int | None:
        return None


CALLERS = callers({"admin": frozenset({"ships"}), "guest": frozenset()})
ADMIN, GUEST = CALLERS["admin"], CALLERS["guest"]
MACHINE = Principal("m", Grants(frozenset({"admin"})), client="m")
APPLICATION = Principal("p", Grants(scopes=frozenset({"ships"}), is_delegated=True), client="app")
ALL: list[Principal] = [*CALLERS.values(), MACHINE, APPLICATION]
DECIDED: list[type[Permission]] = [
    Public,
    SignedIn,
    Delegated,
    FirstParty,
    SignedInHere,
    HasRole("admin"),
    HasScope("ships"),
    ~HasRole("admin"),
    ~FirstParty,
]


@pytest.mark.parametrize("principal", ALL)
def test_a_rule_that_a_principal_decides_has_its_verdict_as_the_outlook(
    principal: Principal,
) -> None:
    pairs = product(DECIDED, DECIDED)
    rules = [*DECIDED, *(a & b for a, b in pairs), *(a | b for a, b in product(DECIDED, DECIDED))]
    for each in rules:
        expected = "yes" if each.allows(principal) else "no"
        assert outlook(each.rule, principal) == expected, each.__name__


@pytest.mark.parametrize(
    ("permission", "principal", "expected"),
    [
        (owns, ANONYMOUS, "if"),
        (~owns, GUEST, "if"),
        (owns & SignedIn, ANONYMOUS, "no"),
        (owns | SignedIn, GUEST, "yes"),
        (owns | HasRole("admin"), GUEST, "if"),
        (RecentlyAuthenticated(), GUEST, "if"),
        (Owner("author_id"), GUEST, "if"),
        (Owner("author_id"), ANONYMOUS, "no"),
        (~Owner("author_id"), GUEST, "if"),
        (~Owner("author_id"), ANONYMOUS, "no"),
        (~(Owner("author_id") | owns), ANONYMOUS, "no"),
        (~HasTenant("tenant_id"), GUEST, "if"),
        (~HasTenant("tenant_id"), ANONYMOUS, "no"),
        (~RecentlyAuthenticated(), ANONYMOUS, "yes"),
        (HasTenant("tenant_id"), GUEST, "if"),
        (HasTenant(), GUEST, "if"),
        (HasTenant(), ANONYMOUS, "no"),
        (HasTenant(), replace(GUEST, grants=Grants(tenant="acme")), "yes"),
        (RecentlyAuthenticated(), ANONYMOUS, "no"),
        (RecentlyAuthenticated(), MACHINE, "no"),
        (RecentlyAuthenticated() & HasRole("admin"), GUEST, "no"),
    ],
)
def test_what_depends_on_more_is_if_unless_the_rest_decides(
    permission: type[Permission], principal: Principal, expected: str
) -> None:
    assert outlook(permission.rule, principal) == expected


def test_a_permission_that_changes_the_rules_question_is_not_read() -> None:
    assert outlook(None, replace(ADMIN)) == "if"


def test_each_field_has_a_row_with_its_types_permissions_and_its_own() -> None:
    schema = strawberry.Schema(Query)
    cover(schema, Domain())
    assert table(schema, CALLERS) == [
        Access("Query.ship", "anyone", {"anyone": "yes", "admin": "yes", "guest": "yes"}),
        Access("Query.theirs", "Theirs", {"anyone": "if", "admin": "if", "guest": "if"}),
        Access(
            "Ship.name",
            "signed in or scope a|b",
            {"anyone": "no", "admin": "yes", "guest": "yes"},
        ),
        Access(
            "Ship.captain",
            "role admin and (signed in or scope a|b)",
            {"anyone": "no", "admin": "yes", "guest": "no"},
        ),
    ]


def test_what_is_guarded_of_the_inputs_has_rows_by_its_coordinate() -> None:
    rows = {each.field: each for each in table(payroll(), CALLERS)}
    fields = list(rows)
    assert fields.index("Query.people(first:)") == fields.index("Query.people") + 1
    assert fields[-1] == "Grade.TWO"
    assert rows["Grade.TWO"].needs == "role payroll and scope board"
    assert rows["Filter.bonus"].outlooks == dict.fromkeys(CALLERS, "no")
    assert rows["Person.note(secret:)"].outlooks == dict.fromkeys(CALLERS, "if")
    assert rows["Page"].outlooks == {"anyone": "no", "admin": "yes", "guest": "yes"}
