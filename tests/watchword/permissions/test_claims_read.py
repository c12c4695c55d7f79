"""The claims that permissions read are found wherever a permission is declared."""

from __future__ import annotations

import strawberry

from tests.support.payroll import payroll
from watchword.permissions.claims_read import claims_read
from watchword.permissions.field import HasClaim, HasRole, Public, SignedIn


@strawberry.interface
class Priced:
    @strawberry.field(permission_classes=[HasClaim("interface", "x")])
    def price(self) -> int | None:
        return 1


@strawberry.type
class Toy(Priced):
    @strawberry.field(permission_classes=[SignedIn, HasRole("a") | ~HasClaim("nested", True)])
    def size(self) -> int | None:
        return 1


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def toy(self) -> Toy:
        return Toy()

    @strawberry.field(permission_classes=[HasClaim("one", 1) & (SignedIn | HasClaim("two", "2"))])
    def other(self) -> int | None:
        return 1


def test_all_names_are_found_and_no_others() -> None:
    assert claims_read(strawberry.Schema(Query)) == {"interface", "nested", "one", "two"}


def test_what_inputs_and_enum_values_read_is_found_too() -> None:
    assert claims_read(payroll()) == {"plan"}


def test_a_schema_without_such_permissions_reads_none() -> None:
    @strawberry.type
    class Plain:
        @strawberry.field(permission_classes=[SignedIn])
        def one(self) -> int | None:
            return 1

    assert claims_read(strawberry.Schema(Plain)) == frozenset()
