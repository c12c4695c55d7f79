"""What the market takes: inputs, and fields that answer with the arguments that they were called with."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON, Base64

from tests.differential.market_values import Colour, Odd
from tests.differential.stage import stage


@strawberry.input
class Point:
    x: int
    y: int = 7
    label: str | None = strawberry.UNSET
    shades: list[Colour] = strawberry.field(default_factory=lambda: [Colour.BLUE])


@strawberry.input
class Shape:
    points: list[Point] = strawberry.field(default_factory=list)
    centre: Point | None = None
    odd: Odd | None = Odd(5)
    inner: Shape | None = None
    renamed: int = strawberry.field(default=1, name="otherName")


@strawberry.input(one_of=True)
class Choice:
    by_name: strawberry.Maybe[str]
    by_number: strawberry.Maybe[int]
    by_point: strawberry.Maybe[Point]


@strawberry.input
class Patch:
    key: strawberry.ID
    name: strawberry.Maybe[str | None]
    age: strawberry.Maybe[int]


def told(name: str, *values: object) -> Any:
    """Return the arguments that a resolver was called with."""
    text = " ".join(map(repr, values))
    stage.note("arguments", name, text)
    return stage.play(name, text)


@strawberry.type
class Echo:
    number: strawberry.Private[int] = 0

    @strawberry.field
    def plain(
        self, i: int = 3, f: float | None = 0.5, s: str | None = None, b: bool = False
    ) -> str:
        return told("plain", i, f, s, b)

    @strawberry.field
    def needed(self, i: int, id: strawberry.ID, s: str | None = strawberry.UNSET) -> str | None:
        return told("needed", i, id, s)

    @strawberry.field
    def enums(
        self, colour: Colour = Colour.BLUE, colours: list[Colour | None] | None = None
    ) -> str | None:
        return told("enums", colour, colours)

    @strawberry.field
    def lists(self, flat: list[int] = [1, 2], deep: list[list[str]] | None = None) -> str | None:  # noqa: B006
        return told("lists", flat, deep)

    @strawberry.field
    async def shapes(self, shape: Shape, more: list[Shape | None] | None = None) -> str | None:
        return told("shapes", shape, more)

    @strawberry.field
    def choice(self, choice: Choice) -> str | None:
        return told("choice", choice)

    @strawberry.field
    def patch(
        self, patch: Patch | None = None, maybe: strawberry.Maybe[int | None] = None
    ) -> str | None:
        return told("patch", patch, maybe)

    @strawberry.field
    def scalars(
        self,
        odd: Odd | None = Odd(3),  # noqa: B008
        at: dt.datetime | None = None,
        day: dt.date | None = None,
        price: decimal.Decimal | None = None,
        uuid: uuid.UUID | None = None,
        json: JSON | None = None,
        bytes: Base64 | None = None,
    ) -> str | None:
        return told("scalars", odd, at, day, price, uuid, json, bytes)

    @strawberry.field
    def renamed(
        self, snake_case: int = 1, arg: Annotated[int, strawberry.argument(name="as")] = 2
    ) -> str:
        return told("renamed", snake_case, arg)
