"""A schema with every kind of type, argument and value. Its objects are numbers; their resolvers play on the stage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from pydantic import BaseModel
from strawberry import relay
from strawberry.experimental import pydantic
from strawberry.scalars import JSON

from tests.differential.market_arguments import Echo
from tests.differential.market_values import SCALARS, Colour, Leaves, play, play_async
from tests.differential.stage import stage
from watchword.context import Info
from watchword.permissions.field import Public

T = TypeVar("T")
SIZE = 10


@strawberry.interface
class Being:
    number: strawberry.Private[int]

    @strawberry.field
    def key(self) -> strawberry.ID:
        return strawberry.ID(str(self.number))

    @strawberry.field
    def name(self) -> str:
        return play(self, "name", f"being {self.number}")

    @strawberry.field
    async def nick(self) -> str | None:
        return await play_async(self, "nick", f"nick {self.number}")

    @strawberry.field
    def friend(self) -> Being | None:
        return play(self, "friend", being(self.number + 1))

    @strawberry.field
    async def friends(self, first: int = 2) -> list[Being]:
        return await play_async(
            self, "friends", [being(self.number + n) for n in range(min(first, 5))]
        )


@strawberry.interface
class Owned(Being):
    @strawberry.field
    async def owner(self) -> Person:
        return await play_async(self, "owner", Person(number=self.number % SIZE))


@strawberry.type
class Person(Being):
    born: dt.date = dt.date(2000, 2, 29)

    @strawberry.field
    def age(self, unit: str = "years", since: dt.datetime | None = None) -> int:
        return play(self, f"age({unit!r}, {since})", self.number * 3)

    @strawberry.field
    def pets(self) -> list[Pet | None]:
        return play(self, "pets", tuple(pet(self.number + n) for n in range(2)))

    @strawberry.field
    def email(self) -> str | None:
        return play(self, "email", None if self.number % 3 else "p@example.com")

    @property
    def street(self) -> str:
        return f"street {self.number}"


@strawberry.type
class Home:
    """An object whose fields are read from attributes and properties."""

    number: int
    street: str
    owner: Person | None
    tags: list[str] = strawberry.field(default_factory=list)
    numbers: list[list[int | None]] | None = None
    shade: Colour = Colour.GREEN
    anything: str | None = None


@strawberry.type
class Dog(Owned):
    @strawberry.field(name="bark")
    def barks_at(self, volume: float = 1.5) -> str:
        return play(self, f"bark({volume!r})", "wau")

    @strawberry.field
    async def colour(self) -> Colour:
        return await play_async(self, "colour", Colour.BLUE)


@strawberry.type
class Cat(Owned):
    @strawberry.field
    def lives(self) -> int:
        return play(self, "lives", 7)

    @strawberry.field
    def colour(self) -> Colour | None:
        return play(self, "colour", Colour.RED)


def _model(robot: strawberry.Parent[Robot], version: int = 2) -> str:
    return play(robot, f"model {version}", f"r{version}")


@strawberry.type
class Robot:
    """Told apart from other members of a union by `is_type_of`."""

    number: strawberry.Private[int]

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, Robot | Machine)

    model: str = strawberry.field(resolver=_model)


class Machine:
    """A value that is no Strawberry object, and is taken for a robot."""

    def __init__(self, number: int) -> None:
        self.number = number


Pet = Annotated[Dog | Cat, strawberry.union("Pet")]
Anyone = Annotated[Person | Dog | Robot, strawberry.union("Anyone")]


def being(number: int) -> Being:
    return (Person, Dog, Cat)[number % 3](number=number % SIZE)


def pet(number: int) -> Dog | Cat:
    return (Dog, Cat)[number % 2](number=number % SIZE)


def anyone(number: int) -> Any:
    return (Person, Dog, Robot)[number % 3](number=number % SIZE) if number % 4 else Machine(number)


@strawberry.type
class Link:
    """A chain in which null travels upwards: through non-null fields, and through lists."""

    number: strawberry.Private[int]

    @strawberry.field
    def value(self) -> int:
        return play(self, "value", self.number)

    @strawberry.field
    async def late(self) -> int:
        return await play_async(self, "late", self.number)

    @strawberry.field
    def next(self) -> Link:
        return play(self, "next", Link(number=(self.number + 1) % SIZE))

    @strawberry.field
    async def soon(self) -> Link:
        return await play_async(self, "soon", Link(number=(self.number + 2) % SIZE))

    @strawberry.field
    def perhaps(self) -> Link | None:
        return play(self, "perhaps", Link(number=(self.number + 3) % SIZE))

    @strawberry.field
    async def all(self) -> list[Link]:
        return await play_async(
            self, "all", [Link(number=n) for n in range(self.number, self.number + 2)]
        )

    @strawberry.field
    def some(self) -> list[Link | None] | None:
        return play(self, "some", [Link(number=self.number), None, Link(number=3)])

    @strawberry.field
    def awaited(self) -> list[Link | None]:
        """A list of which each item may be an awaitable or an error."""
        return [stage.item(f"awaited{self.number} {n}", Link(number=n)) for n in range(3)]

    @strawberry.field
    def certain(self) -> list[Link] | None:
        return [stage.item(f"certain{self.number} {n}", Link(number=n)) for n in range(2)]

    @strawberry.field
    def table(self) -> list[list[Link]] | None:
        return play(self, "table", [[Link(number=1)], [stage.item("cell", Link(number=2))], []])


@strawberry.type
class Box(Generic[T]):
    """A generic type."""

    content: T
    count: int = 1

    @strawberry.field
    def contents(self) -> list[T]:
        return [self.content] * self.count


class User(BaseModel):
    name: str
    ages: list[int] = []


@pydantic.type(model=User, all_fields=True)
class UserType:
    pass


@strawberry.type
class Product(relay.Node):
    code: relay.NodeID[int]

    @strawberry.field
    def title(self) -> str:
        return stage.play(f"Product{self.code}.title", f"product {self.code}")

    @classmethod
    def resolve_nodes(cls, *, info: Any, node_ids: Iterable[str], required: bool = False) -> Any:
        return [Product(code=int(id)) if int(id) < SIZE else None for id in node_ids]


@strawberry.type
class About:
    """What a resolver's `info` says."""

    @strawberry.field
    def path(self, info: Info) -> JSON:
        return info.path.as_list()

    @strawberry.field
    async def names(self, info: Info) -> list[str]:
        parent = info._raw_info.parent_type
        return [
            info.field_name,
            info.python_name,
            str(info.return_type),
            str(parent),
            info.path.typename,
        ]

    @strawberry.field(name="selected")
    def selection(self, info: Info) -> str:
        return repr(info.selected_fields)

    @strawberry.field
    def variables(self, info: Info) -> str:
        return repr(dict(info.variable_values))

    @strawberry.field
    def operation(self, info: Info) -> str:
        fragments = sorted(info._raw_info.fragments)
        nodes = [node.loc.start for node in info._raw_info.field_nodes]
        return repr(
            (info.operation.operation, info.root_value, fragments, nodes, type(info.schema))
        )

    @strawberry.field
    def again(self) -> About:
        return About()

    @strawberry.field
    async def list(self) -> list[About]:
        return [About(), About()]


@strawberry.type
class Query:
    number: strawberry.Private[int] = 0

    @strawberry.field(permission_classes=[Public])
    def being(self, number: int = 1) -> Being | None:
        return stage.play(f"being{number}", being(number % SIZE))

    @strawberry.field(permission_classes=[Public])
    async def beings(self, first: int = 3) -> list[Being]:
        return await stage.play_async("beings", [being(n) for n in range(min(first, 5))])

    @strawberry.field(permission_classes=[Public])
    def person(self) -> Person:
        return stage.play("person", Person(number=4))

    @strawberry.field(permission_classes=[Public])
    def owned(self) -> list[Owned | None]:
        return stage.play("owned", [pet(1), being(0), pet(2), None])

    @strawberry.field(permission_classes=[Public])
    def anyone(self) -> list[Anyone] | None:
        return stage.play("anyone", [anyone(n) for n in range(5)])

    @strawberry.field(permission_classes=[Public])
    def pet(self) -> Pet | None:
        return stage.play("pet", pet(5))

    @strawberry.field(permission_classes=[Public])
    def link(self) -> Link | None:
        return stage.play("link", Link(number=1))

    @strawberry.field(permission_classes=[Public])
    async def links(self) -> list[Link] | None:
        return await stage.play_async("links", [Link(number=n) for n in range(3)])

    @strawberry.field(permission_classes=[Public])
    def leaves(self) -> Leaves:
        return stage.play("leaves", Leaves(number=6))

    @strawberry.field(permission_classes=[Public])
    async def more_leaves(self) -> list[Leaves | None] | None:
        return await stage.play_async("moreLeaves", [Leaves(number=n) for n in range(2)])

    @strawberry.field(permission_classes=[Public])
    def home(self, owned: bool = True) -> Home | None:
        person = Person(number=2)
        good = Home(
            number=1, street=person.street, owner=person if owned else None, tags=["a", "b"]
        )
        good.numbers = [[1, None], []]
        good.anything = stage.item("anything", "thing")
        return stage.play("home", good)

    @strawberry.field(permission_classes=[Public])
    def echo(self) -> Echo:
        return Echo()

    @strawberry.field(permission_classes=[Public])
    def box(self) -> Box[Person]:
        return Box(content=Person(number=7), count=2)

    @strawberry.field(permission_classes=[Public])
    async def ints(self) -> Box[int] | None:
        return Box(content=await stage.play_async("ints", 7))

    @strawberry.field(permission_classes=[Public])
    def user(self) -> UserType | None:
        return stage.play("user", UserType(name="u", ages=[1, 2]))

    @strawberry.field(permission_classes=[Public])
    def about(self) -> About:
        return About()

    @strawberry.field(permission_classes=[Public])
    async def stream(self, length: int = 2) -> strawberry.Streamable[Link]:
        for number in range(min(length, 5)):
            yield await stage.play_async(f"stream{number}", Link(number=number))

    @strawberry.field(permission_classes=[Public])
    def generated(self) -> list[Link]:
        stage.note("generated")
        yield Link(number=1)
        yield stage.item("generated", Link(number=2))

    node: relay.Node = relay.node(permission_classes=[Public])
    nodes: list[relay.Node | None] = relay.node(permission_classes=[Public])

    @relay.connection(relay.ListConnection[Product], permission_classes=[Public])
    def products(self, many: bool = False) -> list[Product]:
        return [Product(code=n) for n in range(6 if many else 2)]

    @relay.connection(relay.ListConnection[Product], permission_classes=[Public], max_results=3)
    async def late_products(self) -> Iterable[Product]:
        await stage.wait("products")
        return [Product(code=n) for n in range(4)]


schema = strawberry.Schema(
    Query,
    types=[Person, Dog, Cat, Robot],
    config=strawberry.schema.config.StrawberryConfig(scalar_map=SCALARS),
)
