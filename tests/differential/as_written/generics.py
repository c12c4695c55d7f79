"""Generic types: pages and edges of one's own, with several parameters, nested, inherited and as inputs."""

from __future__ import annotations

from typing import Generic, TypeVar

import strawberry

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation

T = TypeVar("T")
K = TypeVar("K")


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    total: int

    @strawberry.field
    def first_cursor(self) -> str | None:
        return self.edges[0].cursor if self.edges else None


@strawberry.type
class Pair(Generic[K, T]):
    key: K
    value: T | None


@strawberry.type
class Book:
    title: str


@strawberry.type
class Author:
    name: str

    @strawberry.field
    async def books(self) -> Connection[Book]:
        return _page([Book(title=f"{self.name} {number}") for number in (1, 2)])


@strawberry.type
class AuthorConnection(Connection[Author]):
    note: str = "ours"


@strawberry.input
class Range(Generic[T]):
    low: T
    high: T | None = None


@strawberry.type
class Response(Generic[T]):
    data: T


@strawberry.type
class BookAnswer(Response[Book]):
    status: int = 200


def _page(items: list[T]) -> Connection[T]:
    edges = [Edge(cursor=f"c{number}", node=each) for number, each in enumerate(items)]
    return Connection(edges=edges, total=len(items))


@strawberry.type
class Query:
    @strawberry.field
    def books(self) -> Connection[Book]:
        return _page([Book(title="Emma"), Book(title="Persuasion")])

    @strawberry.field
    async def authors(self) -> AuthorConnection:
        made = _page([Author(name="Austen")])
        return AuthorConnection(edges=made.edges, total=1)

    @strawberry.field
    def numbers(self) -> Connection[int]:
        return _page([1, 2, 3])

    @strawberry.field
    def pairs(self) -> list[Pair[int, Book]]:
        return [Pair(key=1, value=Book(title="Emma")), Pair(key=2, value=None)]

    @strawberry.field
    def within(self, ints: Range[int], words: Range[str] | None = None) -> str:
        return f"{ints.low}-{ints.high} {words and words.low}-{words and words.high}"

    @strawberry.field
    def response(self) -> BookAnswer:
        return BookAnswer(data=Book(title="Emma"))

    @strawberry.field
    def either(self, which: str) -> Edge[Book] | Edge[Author]:
        if which == "book":
            return Edge(cursor="b", node=Book(title="Emma"))
        return Edge(cursor="a", node=Author(name="Austen"))


schema = strawberry.Schema(Query)

PAGE = Page(
    "generics",
    schema,
    (
        Operation("{ books { __typename total firstCursor edges { cursor node { title } } } }"),
        Operation(
            "{ authors { __typename note edges { node { name books { total edges { node { title } } } } } } }"
        ),
        Operation("{ numbers { __typename edges { __typename node } } }"),
        Operation("{ pairs { __typename key value { title } } }"),
        Operation("{ within(ints: {low: 1, high: 9}) }"),
        Operation(
            "query ($i: IntRange!, $w: StrRange) { within(ints: $i, words: $w) }",
            {"i": {"low": 3}, "w": {"low": "a", "high": "b"}},
        ),
        Operation("{ response { __typename data { title } status } }"),
        *(
            Operation(
                """query ($which: String!) { either(which: $which) { __typename
                ... on BookEdge { node { title } } ... on AuthorEdge { node { name } } } }""",
                {"which": which},
            )
            for which in ("book", "author")
        ),
    ),
)
