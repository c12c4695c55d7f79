"""Values of interfaces and unions have the types that graphql-core finds for them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Generic, TypeVar

import pytest
import strawberry

from tests.support.both_executions import Both
from watchword.permissions.field import Public

T = TypeVar("T")
given: dict[str, Any] = {}


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Dog(Named):
    @strawberry.field
    def bark(self) -> str:
        return "wau"


@strawberry.type
class Cat(Named):
    @strawberry.field
    async def meow(self) -> str:
        await asyncio.sleep(0)
        return "miau"

    @strawberry.field
    def fails(self) -> str:
        raise ValueError(self.name)


@strawberry.type
class Fish:
    scales: int

    @classmethod
    def is_type_of(cls, value: Any, info: Any) -> bool:
        return isinstance(value, dict | Fish)


@strawberry.type
class Box(Generic[T]):
    inside: T


class Puppy(Dog):
    pass


class Row:
    name = "row"


Pet = Annotated[Dog | Cat | Fish | Box[int] | Box[str], strawberry.union("Pet")]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def named(self) -> list[Named | None]:
        return given["values"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def pets(self) -> list[Pet | None]:
        return given["values"]  # type: ignore[no-any-return]

    @strawberry.field(permission_classes=[Public])
    def dogs(self) -> list[Dog | None]:
        return given["values"]  # type: ignore[no-any-return]


VALUES: list[Any] = [
    lambda: Dog(name="d"),
    lambda: Cat(name="c"),
    lambda: Puppy(name="p"),
    lambda: Fish(scales=1),
    lambda: Box(inside=1),
    lambda: Box(inside="s"),
    lambda: strawberry.cast(Cat, Dog(name="as a cat")),
    lambda: strawberry.cast(Dog, Row()),
    Row,
    dict,
    lambda: None,
    lambda: ValueError("returned"),
]


@pytest.mark.parametrize(
    "field",
    [
        "named { __typename name ... on Dog { bark } ... on Cat { meow fails } }",
        "pets { __typename ... on Named { name } ... on Cat { meow } ... on Fish { __typename } }",
        "dogs { name bark }",
    ],
)
@pytest.mark.parametrize("first", range(len(VALUES)))
async def test_each_value_has_its_type(field: str, first: int) -> None:
    # Each comes first once: what is known of a class must not depend on the object seen first.
    ordered = [*VALUES[first:], *VALUES[:first]]
    both = Both(Query, before=lambda: given.update(values=[make() for make in ordered * 2]))
    await both.execute(f"{{ {field} }}")


@strawberry.type
class Query2:
    @strawberry.field(permission_classes=[Public])
    def pet(self) -> Pet:
        return Dog(name="d")


@pytest.mark.parametrize("name", ["Dog", "Cat", "Query", "Nothing", 3, None])
@pytest.mark.parametrize("waits", [True, False])
async def test_a_resolver_of_types_is_asked(name: Any, waits: bool) -> None:
    async def later(*_: Any) -> Any:
        await asyncio.sleep(0)
        return name

    both = Both(Query2)
    pet: Any = both.schema._schema.type_map["Pet"]
    pet.resolve_type = later if waits else lambda *_: name
    await both.execute("{ pet { __typename ... on Named { name } } }")
