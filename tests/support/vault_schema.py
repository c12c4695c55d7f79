"""A schema of a shop with a vault that only keepers reach, and the SDL of the same shop without one."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from typing import Annotated, Any

import strawberry

from watchword.domain import Domain
from watchword.permissions.coverage import cover
from watchword.permissions.field import (
    FirstParty,
    HasRole,
    HasScope,
    MultiFactor,
    Owner,
    Public,
    RecentlyAuthenticated,
    SignedIn,
)
from watchword.permissions.guarded import guarded_by

KEEPER = HasRole("keeper")
# All names that the shop without a vault has not.
SECRETS = frozenset(
    {
        *("Ingot", "Gold", "Hoard", "HoardOrder", "HoardFilter", "HEAVIEST", "minimalCarat"),
        *("carats", "hoards", "ingots", "margin", "meltDown", "burglaries", "keptBy", "Lockable"),
        *("shout", "LOCKED", "minMargin", "Keys", "keys", "depth", "behind"),
        *("bolted", "Melted", "grams", "lastLocked", "Mutation", "order"),
    }
)


@guarded_by(Public)
@strawberry.interface
class Item:
    id: strawberry.ID
    label: str


@guarded_by(KEEPER)
@strawberry.interface
class Lockable:
    bolted: bool = True


@strawberry.enum
class Shelf(enum.Enum):
    OPEN = "open"
    LOCKED = strawberry.enum_value("locked", directives=[guarded_by(KEEPER)])


@strawberry.input
class Search:
    text: str | None = None
    on: Shelf | None = None
    min_margin: int | None = strawberry.field(default=None, directives=[guarded_by(KEEPER)])


@guarded_by(KEEPER)
@strawberry.input
class Keys:
    depth: int = 1


@guarded_by(Public)
@strawberry.type
class Book(Item):
    pages: int = 100
    shelf: Shelf | None = Shelf.LOCKED
    diary: str | None = strawberry.field(default="x", permission_classes=[Owner("label")])
    margin: int | None = strawberry.field(default=3, permission_classes=[KEEPER])

    @strawberry.field
    def sequel(self) -> Found | None:
        return Ingot(id=strawberry.ID("2"), label="bar") if self.id == "1" else None


@guarded_by(KEEPER)
@strawberry.type
class Ingot(Item, Lockable):
    carats: int = 24


Found = Annotated[Book | Ingot, strawberry.union("Found")]


@guarded_by(KEEPER)
@strawberry.type
class Gold:
    ingots: list[Ingot] = strawberry.field(default_factory=list)


# What a keeper alone reaches of it is one field; the interface's are for everybody.


@strawberry.type
class Safe(Item):
    id: strawberry.ID = strawberry.field(permission_classes=[Public])
    label: str = strawberry.field(permission_classes=[KEEPER])
    last_locked: int = strawberry.field(permission_classes=[KEEPER], default=1)


@strawberry.enum
class HoardOrder(enum.Enum):
    HEAVIEST = "heaviest"


@strawberry.input
class HoardFilter:
    minimal_carat: int = 0


@guarded_by(Public)
@strawberry.type
class Hoard:
    kept_by: str = "Ada"


@guarded_by(Public)
@strawberry.type
class Melted:
    grams: int = 1


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(
        self,
        name: str = "world",
        shout: Annotated[bool | None, strawberry.argument(directives=[guarded_by(KEEPER)])] = None,
    ) -> str:
        return f"hello {name}"

    @strawberry.field(permission_classes=[Public])
    def search(
        self,
        matching: Search | None = None,
        on: list[Shelf] | None = None,
        keys: Keys | None = None,
    ) -> list[Shelf | None]:
        return [*([matching.on] if matching else ()), *(on or ()), Shelf.OPEN]

    @strawberry.field(permission_classes=[Public])
    def behind(self, keys: Keys) -> int:
        return keys.depth

    @strawberry.field(permission_classes=[SignedIn])
    def me(self) -> str | None:
        return "me"

    @strawberry.field(permission_classes=[Public])
    def found(self) -> list[Found]:
        return [
            Book(id=strawberry.ID("1"), label="a"),
            Ingot(id=strawberry.ID("2"), label="b"),
        ]

    @strawberry.field(permission_classes=[Public])
    def items(self) -> list[Item | None]:
        return [
            Book(id=strawberry.ID("1"), label="a"),
            Ingot(id=strawberry.ID("2"), label="b"),
            Safe(id=strawberry.ID("3"), label="c"),
        ]

    @strawberry.field(permission_classes=[SignedIn & RecentlyAuthenticated()])
    def recent(self) -> str | None:
        return "recent"

    @strawberry.field(permission_classes=[MultiFactor])
    def strong(self) -> str | None:
        return "strong"

    @strawberry.field(permission_classes=[~MultiFactor])
    def weak(self) -> str | None:
        return "weak"

    @strawberry.field(permission_classes=[FirstParty])
    def ours(self) -> str | None:
        return "ours"

    @strawberry.field(permission_classes=[KEEPER])
    def hoards(
        self, order: HoardOrder = HoardOrder.HEAVIEST, matching: HoardFilter | None = None
    ) -> list[Hoard] | None:
        return [Hoard()]

    @strawberry.field(permission_classes=[Public])
    def ingots(self) -> Gold | None:
        return Gold()


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[KEEPER])
    def melt_down(self) -> Melted | None:
        return Melted()


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def rings(self) -> AsyncIterator[int]:
        yield 1

    @strawberry.subscription(permission_classes=[HasScope("burglaries:read")])
    async def burglaries(self) -> AsyncIterator[int]:
        yield 1


def vault(**options: Any) -> strawberry.Schema:
    """Return the covered schema of the shop; `options` are those of Strawberry's schema."""
    schema = strawberry.Schema(Query, Mutation, Subscription, types=[Safe], **options)
    cover(schema, Domain())
    return schema


WITHOUT_VAULT = """\
type Safe implements Item {
  id: ID!
  label: String!
}

interface Item {
  id: ID!
  label: String!
}

type Query {
  hello(name: String! = "world"): String!
  search(matching: Search = null, on: [Shelf!] = null): [Shelf]!
  me: String
  found: [Found!]!
  items: [Item]!
  recent: String
  strong: String
  weak: String
  ours: String
}

enum Shelf {
  OPEN
}

input Search {
  text: String = null
  on: Shelf = null
}

union Found = Book

type Book implements Item {
  id: ID!
  label: String!
  pages: Int!
  shelf: Shelf
  diary: String
  sequel: Found
}

type Subscription {
  rings: Int!
}"""
"""The SDL of the shop as people without a role are told of it."""
