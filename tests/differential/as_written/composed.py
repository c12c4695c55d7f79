"""Types made by tools and by inheritance, resolvers of every kind, schema directives, and fragments over all of it."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import strawberry
from strawberry import relay
from strawberry.schema.config import StrawberryConfig
from strawberry.schema_directive import Location
from strawberry.tools import create_type, merge_types

from tests.differential.as_written.page import UNEXPECTED, Page
from tests.support.strawberry_view import Operation


@strawberry.schema_directive(locations=[Location.OBJECT, Location.FIELD_DEFINITION])
class Owner:
    team: str
    since: int | None = None


@strawberry.type
class Base:
    id: strawberry.ID
    created: int = 1

    @strawberry.field
    def label(self) -> str:
        return f"{type(self).__name__} {self.id}"


@strawberry.type(directives=[Owner(team="docs")], description="A document.", name="Doc")
class Document(Base):
    title: str = strawberry.field(default="untitled", directives=[Owner(team="web", since=3)])
    length: int = strawberry.field(init=False, default=7)

    def __post_init__(self) -> None:
        self.length = len(self.title)

    @strawberry.field
    def label(self) -> str:
        return f"{Base.label(self)}!"  # type: ignore[operator]

    @strawberry.field
    async def related(self, info: strawberry.Info, first: int = 2) -> list[Document | Picture]:
        await asyncio.sleep(0)
        return [Picture(id=strawberry.ID(str(n))) if n % 2 else self for n in range(first)]


@strawberry.type
class Picture(Base):
    width: int | None = None
    note: strawberry.Private[str] = "private"

    @strawberry.field
    def note_length(self) -> int:
        return len(self.note)


@strawberry.interface
class Shape:
    """An interface that says itself which type an object is of."""

    size: int

    @classmethod
    def resolve_type(cls, obj: Any, *rest: Any) -> str:
        return "Square" if obj.size < 5 else "Circle"


@strawberry.type
class Square(Shape):
    side: int = 1


@strawberry.type
class Circle(Shape):
    radius: int = 2


@strawberry.type
class Slow(relay.Node):
    key: str

    @classmethod
    async def resolve_id(cls, root: Slow, *, info: strawberry.Info) -> str:  # type: ignore[override]
        await asyncio.sleep(0)
        return root.key

    @classmethod
    async def resolve_nodes(
        cls, *, info: strawberry.Info, node_ids: Any, required: bool = False
    ) -> list[Slow]:
        return [Slow(key=each) for each in node_ids]


def add(a: int, b: int = 10) -> int:
    return a + b


def shape_of(size: int = 1) -> Shape:
    return Square(size=size) if size < 5 else Circle(size=size)


@strawberry.field
def created_word(word: str = "made") -> str:
    return word


@strawberry.type
class Documents:
    @strawberry.field
    def document(self, title: str = "title") -> Document:
        return Document(id=strawberry.ID("1"), title=title)

    @strawberry.field(graphql_type=list[Document | None])
    def documents(self) -> Any:
        return (each for each in (Document(id=strawberry.ID("2")), None))

    shape: Shape = strawberry.field(resolver=shape_of)
    added: int = strawberry.field(resolver=add)
    ten_more: int = strawberry.field(resolver=functools.partial(add, b=10))


@strawberry.type
class Failures:
    @strawberry.field
    def broken(self) -> str | None:
        raise ValueError("the secret")

    @strawberry.field
    async def broken_later(self) -> str | None:
        await asyncio.sleep(0)
        raise KeyError("the secret")

    @strawberry.field
    def broken_list(self) -> list[Document]:
        return [Document(id=strawberry.ID("1")), None]  # type: ignore[list-item]

    @strawberry.field
    def wrong(self) -> int | None:
        return "many"  # type: ignore[return-value]

    @strawberry.field
    def slow(self) -> Slow:
        return Slow(key="k")


Made = create_type("Made", [created_word])
Query = merge_types("Query", (Documents, Failures, Made))
schema = strawberry.Schema(
    Query,
    types=[Square, Circle],
    config=StrawberryConfig(relay_use_legacy_global_id=True),
)

_PARTS = """
fragment Labelled on Doc { id label created ...More }
fragment More on Doc { title length }
"""
_RELATED = """query ($n: Int, $with: Boolean!, $not: Boolean = false) { document { ...Labelled
  related(first: $n) { __typename ... on Doc @include(if: $with) { title } ... on Picture { id width noteLength }
    ...More @skip(if: $not) } } }"""

PAGE = Page(
    "composition",
    schema,
    (
        Operation('{ document(title: "T") { ...Labelled } documents { ...More label } }' + _PARTS),
        *(
            Operation(_RELATED + _PARTS, {"with": choice, "not": not choice, "n": 3})
            for choice in (True, False)
        ),
        Operation(_RELATED + _PARTS, {"n": 1}),
        Operation(
            "{ a: shape { __typename size } b: shape(size: 9) { __typename ... on Circle { radius } } }"
        ),
        Operation("{ added(a: 1) more: added(a: 1, b: 2) createdWord tenMore(a: 3) }"),
        Operation("{ broken brokenLater wrong createdWord }"),
        Operation("{ brokenList { id } createdWord }"),
        Operation("{ slow { id __typename } }"),
        Operation("{ document { title title: label } }"),
        Operation("{ document { ...Nothing } }"),
        Operation("{ document }"),
        Operation("{ createdWord { length } }"),
        Operation('{ document(title: 3, other: "x") { id } }'),
        Operation("query A { createdWord }", name="A"),
        Operation("query ($unused: Int) { createdWord }"),
        Operation("{ createdWord @include(if: false) __typename }"),
        Operation("mutation { nothing }"),
    ),
    {
        "the secret": UNEXPECTED,
        "'the secret'": UNEXPECTED,
        "Int cannot represent non-integer value: 'many'": UNEXPECTED,
        "Cannot return null for non-nullable field Query.brokenList.": UNEXPECTED,
    },
)
