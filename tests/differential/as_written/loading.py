"""Strawberry's data loaders, made for each operation, and resolvers that wait together."""

from __future__ import annotations

import asyncio
from typing import Any

import strawberry
from strawberry.dataloader import DataLoader

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation


@strawberry.type
class Author:
    id: strawberry.ID
    name: str


async def load_authors(keys: list[int]) -> list[Author | ValueError]:
    await asyncio.sleep(0)
    return [Author(id=strawberry.ID(str(key)), name=f"author {key} of {len(keys)}") for key in keys]


_loader: DataLoader[int, Any] | None = None


def authors() -> DataLoader[int, Any]:
    """Return a loader that does not cache, since it outlives an operation."""
    global _loader
    loop = asyncio.get_running_loop()
    if _loader is None or _loader.loop is not loop:
        _loader = DataLoader(load_authors, cache=False, loop=loop)
    return _loader


@strawberry.type
class Book:
    number: int

    @strawberry.field
    async def author(self) -> Author:
        return await authors().load(self.number)  # type: ignore[no-any-return]

    @strawberry.field
    async def authors(self) -> list[Author]:
        return await authors().load_many([self.number, self.number + 10])


@strawberry.type
class Query:
    @strawberry.field
    def generated(self) -> list[int]:
        yield from (1, 2)  # type: ignore[misc]

    @strawberry.field
    async def streamed(self) -> strawberry.Streamable[Book]:
        for number in (1, 2):
            await asyncio.sleep(0)
            yield Book(number=number)

    @strawberry.field
    def books(self, first: int = 3) -> list[Book]:
        return [Book(number=number) for number in range(first)]

    @strawberry.field
    async def book(self, number: int) -> Book | None:
        await asyncio.sleep(0)
        return Book(number=number) if number else None


schema = strawberry.Schema(Query)

PAGE = Page(
    "data loaders",
    schema,
    (
        Operation("{ books { number author { id name } } }"),
        Operation(
            "query ($n: Int) { books(first: $n) { author { name } authors { name } } }", {"n": 5}
        ),
        Operation(
            "{ a: book(number: 1) { author { name } } b: book(number: 2) { author { name } } }"
        ),
        Operation("{ book(number: 0) { author { name } } }"),
        Operation("{ generated streamed { number author { name } } }"),
    ),
)
