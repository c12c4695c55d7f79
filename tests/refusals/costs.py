"""Refusals of what a schema says of costs, and what each of them advises."""

from __future__ import annotations

import math

import strawberry

from tests.refusals.ground import Case, Ground
from watchword import Public, cost, guarded_by, list_size


def costs(ground: Ground) -> None:
    with ground.refused("the weight must be a number"):
        cost(math.nan)
    with ground.refused("needs an assumed_size, or slicing_arguments"):
        list_size()
    with ground.refused("a size is 0 or more"):
        list_size(assumed_size=-1)
    with ground.refused("Write the argument as clients do"):
        ground.serve(schema=sized(list_size(slicing_arguments=["page_size"])))
    with ground.refused("which is no field of Shelf"):
        ground.serve(schema=sized(list_size(assumed_size=9, sized_fields=["edges"])))
    with ground.refused("Name the list that has the size"):
        ground.serve(schema=sized(list_size(assumed_size=9, sized_fields=["name"])))
    ground.serve(schema=sized(list_size(slicing_arguments=["pageSize"], sized_fields=["books"])))
    with ground.refused("is for a type. A weight below 0 is for an argument"):
        ground.serve(schema=given(cost(-1)))
    with ground.refused("is for a union or an interface"):
        ground.serve(schema=strawberry.Schema(Lending))
    ground.serve(schema=given(cost(1)))


@guarded_by(Public)
@strawberry.type
class Shelf:
    name: str
    books: list[str]


def sized(directive: object) -> strawberry.Schema:
    @strawberry.type(name="Query")
    class Sized:
        @strawberry.field(permission_classes=[Public], directives=[directive, cost(2)])
        def shelf(self, page_size: int) -> Shelf:
            return Shelf(name="a", books=["a"] * page_size)

    return strawberry.Schema(Sized)


def given(directive: object) -> strawberry.Schema:
    @strawberry.field(permission_classes=[Public])
    def gift() -> str:
        return "a"

    kind = type("Query", (), {"gift": gift})
    return strawberry.Schema(strawberry.type(kind, directives=[directive]))


@guarded_by(Public)
@strawberry.interface(directives=[cost(1)])
class Loan:
    days: int


@strawberry.type(name="Query")
class Lending:
    loan: Loan | None = strawberry.field(permission_classes=[Public], default=None)


CASES: list[Case] = [costs]
