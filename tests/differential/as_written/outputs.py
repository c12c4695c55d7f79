"""Types: enums with values, unions, interfaces, lazy and private fields, deprecation, `Parent`, defaults, `cast`."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Any, Union

import strawberry

from tests.differential.as_written.page import UNEXPECTED, Page
from tests.support.strawberry_view import Operation


@strawberry.enum(description="A flavour.")
class Flavour(enum.Enum):
    VANILLA = strawberry.enum_value("vanilla", description="The usual one.")
    LEMON = "lemon"
    OLD = strawberry.enum_value("old", deprecation_reason="Nobody makes it.")
    RENAMED = strawberry.enum_value(99, name="NINETY_NINE")


@strawberry.enum(name="Level")
class Priority(enum.IntEnum):
    LOW = 1
    HIGH = 2


@strawberry.interface
class Animal:
    name: str

    @strawberry.field
    def greeting(self) -> str:
        return f"I am {self.name}"


@strawberry.interface
class Pet(Animal):
    owner: Annotated[Person, strawberry.lazy("tests.differential.as_written.outputs")] | None = None


@strawberry.type
class Dog(Pet):
    barks: bool = True

    @strawberry.field
    def greeting(self) -> str:
        return "woof"


@strawberry.type
class Cat(Pet):
    lives: int = 9


@strawberry.type
class Wolf(Animal):
    @classmethod
    def is_type_of(cls, obj: Any, info: strawberry.Info) -> bool:
        return isinstance(obj, Wolf) or (isinstance(obj, dict) and obj.get("kind") == "wolf")


@strawberry.type
class Person:
    first: str
    last: str
    salary: strawberry.Private[int] = 100
    tags: list[str] = strawberry.field(default_factory=list)
    nickname: str | None = strawberry.field(default=None, deprecation_reason="Use first.")

    @strawberry.field(description="Both names.")
    def full(self, sep: str = " ") -> str:
        return f"{self.first}{sep}{self.last}"

    @strawberry.field
    @staticmethod
    def initials(parent: strawberry.Parent[Person]) -> str:
        return parent.first[0] + parent.last[0]

    @strawberry.field
    def double_salary(self) -> int:
        return self.salary * 2

    @strawberry.field
    def best_friend(
        self,
    ) -> Annotated[Person, strawberry.lazy("tests.differential.as_written.outputs")] | None:
        return None if self.first == "Bo" else Person(first="Bo", last="Lee")

    pets: list[Annotated[Pet, strawberry.lazy(".outputs")]] = strawberry.field(
        resolver=lambda: [Dog(name="Rex"), Cat(name="Tom", owner=Person(first="Al", last="Fa"))]
    )


Found = Annotated[Union["Person", Dog, Cat], strawberry.union("Found", description="Anything.")]


@dataclasses.dataclass
class Row:
    """A row of somebody's table, which is no Strawberry type."""

    first: str = "Row"
    last: str = "Land"
    salary: int = 1
    tags: tuple[str, ...] = ("a", "b")
    nickname: str | None = None


@strawberry.type
class Query:
    version: str = strawberry.field(resolver=lambda: "1")

    @strawberry.field
    def animals(self) -> list[Animal]:
        return [Dog(name="Rex"), Cat(name="Tom"), Wolf(name="Gray")]

    @strawberry.field
    def pet(self) -> Pet | None:
        return Cat(name="Tom")

    @strawberry.field
    async def found(self, what: str) -> Found | None:
        made = {"person": Person(first="Al", last="Fa"), "dog": Dog(name="Rex")}
        return made.get(what)  # type: ignore[return-value]

    @strawberry.field
    def wrong_union(self) -> Found | None:
        return Wolf(name="Gray")  # type: ignore[return-value]

    @strawberry.field
    def person(self) -> Person:
        return Person(first="Al", last="Fa", tags=["x"])

    @strawberry.field
    def row(self) -> Person:
        return Row()  # type: ignore[return-value]

    @strawberry.field
    def cast_row(self) -> Found:
        return strawberry.cast(Person, Row())  # type: ignore[no-any-return]

    @strawberry.field
    def flavour(self, flavour: Flavour = Flavour.LEMON) -> Flavour:
        assert isinstance(flavour, Flavour)
        return flavour

    @strawberry.field
    def flavours(self, of: list[Flavour] | None = None) -> list[Flavour]:
        return of or list(Flavour)

    @strawberry.field
    def priority(self, priority: Priority = Priority.LOW) -> Priority:
        return Priority(priority)

    @strawberry.field
    def by_value(self) -> Flavour:
        return "vanilla"  # type: ignore[return-value]

    @strawberry.field
    def nothing(self) -> str:
        return None  # type: ignore[return-value]

    @strawberry.field(deprecation_reason="Use person.")
    def people(self) -> list[Person | None]:
        return [None, Person(first="Al", last="Fa")]

    @strawberry.field(name="class")
    def kind(self, from_: Annotated[int, strawberry.argument(name="from")] = 2) -> int:
        return from_

    @strawberry.field
    def matrix(self) -> list[list[int | None]]:
        return [[1, None], []]

    @strawberry.field
    def fields(self, info: strawberry.Info) -> Person:
        chosen = [each.name for each in info.selected_fields[0].selections]  # type: ignore[union-attr]
        return Person(first=",".join(chosen), last=info.field_name)

    @strawberry.field
    def about(self, info: strawberry.Info, n: int = 1) -> list[str]:
        return [
            info.field_name,
            info.python_name,
            str(info.return_type),
            str(info.path.key),
            repr(info.variable_values),
            info.operation.operation.value,
            str(info.query is not None),
            type(info.schema).__name__,
            str(info.get_argument_definition("n") is not None),
            str(info.root_value),
        ]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, first: str) -> Person:
        return Person(first=first, last="Fa")

    @strawberry.mutation
    async def rename_later(self, first: str | None = None) -> Person | None:
        return Person(first=first, last="Fa") if first else None


schema = strawberry.Schema(Query, Mutation, types=[Wolf])

_FOUND = """query ($w: String!) { found(what: $w) { __typename ... on Person { full }
  ... on Pet { name greeting } ... on Dog { barks } } }"""

PAGE = Page(
    "outputs",
    schema,
    (
        Operation("{ version __typename class(from: 3) matrix }"),
        Operation(
            "{ animals { __typename name greeting ... on Dog { barks } ... on Cat { lives } } }"
        ),
        Operation("{ pet { __typename name owner { full } ... on Cat { lives } } }"),
        *(Operation(_FOUND, {"w": what}) for what in ("person", "dog", "nobody")),
        Operation("{ wrongUnion { __typename } version }"),
        Operation(
            '{ person { full(sep: "-") initials doubleSalary tags nickname bestFriend { full bestFriend { full } } pets { name owner { first } } } }'
        ),
        Operation("{ person { salary } }"),
        Operation("{ row { first full initials tags doubleSalary } }"),
        Operation("{ castRow { __typename ... on Person { first initials } } }"),
        Operation("{ a: flavour b: flavour(flavour: NINETY_NINE) flavours }"),
        Operation("query ($f: Flavour!) { flavour(flavour: $f) }", {"f": "VANILLA"}),
        Operation("query ($f: Flavour!) { flavour(flavour: $f) }", {"f": "vanilla"}),
        Operation("query ($f: [Flavour!]) { flavours(of: $f) }", {"f": ["OLD", "LEMON"]}),
        Operation("{ a: priority b: priority(priority: HIGH) byValue }"),
        Operation("{ people { full } nothing }"),
        Operation("{ fields { first last } about }"),
        Operation("query Named($n: Int = 3) { x: about(n: $n) }", {"n": 4}),
        Operation('mutation { a: rename(first: "B") { full } b: renameLater { full } }'),
        Operation("mutation ($f: String) { renameLater(first: $f) { first last } }", {"f": "Z"}),
        Operation(
            '{ __type(name: "Flavour") { description enumValues(includeDeprecated: true) { name description deprecationReason } } }'
        ),
        Operation('{ __type(name: "Found") { kind possibleTypes { name } } }'),
    ),
    {
        f'The type "{Wolf}" of the field "wrongUnion" is not in the list of the types of the union:'
        " \"['Cat', 'Dog', 'Person']\"": UNEXPECTED,
        "Cannot return null for non-nullable field Query.nothing.": UNEXPECTED,
    },
)
