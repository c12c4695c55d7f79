"""The values of the market: scalars, enums and lists of them, as its objects answer with them."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from typing import Any, NewType

import strawberry
from strawberry.scalars import JSON, Base64

from tests.differential.stage import stage

AT = dt.datetime(2030, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def play(thing: Any, name: str, good: Any) -> Any:
    """Play a field of an object synchronously, or return an awaitable."""
    return stage.play(f"{type(thing).__name__}{thing.number}.{name}", good)


async def play_async(thing: Any, name: str, good: Any) -> Any:
    return await stage.play_async(f"{type(thing).__name__}{thing.number}.{name}", good)


@strawberry.enum
class Colour(enum.Enum):
    RED = "r"
    GREEN = 2
    BLUE = strawberry.enum_value("azure", name="BLUE_ISH")


Odd = NewType("Odd", int)


def _read_odd(value: Any) -> int:
    if not isinstance(value, int) or value % 2 == 0:
        raise ValueError(f"{value!r} is not odd")
    return value


def _write_odd(value: Any) -> int:
    if value == 3.5:
        raise ValueError("not a whole one")
    return value * 2 + 1


SCALARS = {Odd: strawberry.scalar(name="Odd", serialize=_write_odd, parse_value=_read_odd)}


@strawberry.type
class Leaves:
    """Fields of every leaf type, and lists of them."""

    number: strawberry.Private[int]

    @strawberry.field
    def int(self) -> int | None:
        return play(self, "int", self.number)

    @strawberry.field
    def float(self) -> float | None:
        return play(self, "float", self.number / 3)

    @strawberry.field
    def whole(self) -> float:
        return play(self, "whole", self.number)

    @strawberry.field
    def text(self) -> str | None:
        return play(self, "text", "é\u2028\x00")

    @strawberry.field
    def flag(self) -> bool | None:
        return play(self, "flag", self.number % 2 == 0)

    @strawberry.field
    def id(self) -> strawberry.ID:
        return play(self, "id", self.number)

    @strawberry.field
    def odd(self) -> Odd | None:
        return play(self, "odd", self.number)

    @strawberry.field
    async def moment(self) -> dt.datetime | None:
        return await play_async(self, "moment", AT)

    @strawberry.field
    def day(self) -> dt.date | None:
        return play(self, "day", AT.date())

    @strawberry.field
    def time(self) -> dt.time | None:
        return play(self, "time", AT.time())

    @strawberry.field
    def price(self) -> decimal.Decimal | None:
        return play(self, "price", decimal.Decimal("1.10"))

    @strawberry.field
    def uuid(self) -> uuid.UUID | None:
        return play(self, "uuid", uuid.UUID(int=self.number))

    @strawberry.field
    def json(self) -> JSON | None:
        return play(self, "json", {"b": [1, {"a": None}], "a": self.number})

    @strawberry.field
    def bytes(self) -> Base64 | None:
        return play(self, "bytes", b"some")

    @strawberry.field
    def nothing(self) -> None:
        return play(self, "nothing", None)

    @strawberry.field
    def colours(self) -> list[Colour | None]:
        return play(self, "colours", [Colour.BLUE, stage.item("one", Colour.RED), None])

    @strawberry.field
    def names(self) -> list[str] | None:
        return play(self, "names", (name for name in ("a", "b")))

    @strawberry.field
    async def matrix(self) -> list[list[int]] | None:
        return await play_async(self, "matrix", [[1, 2], (3,), []])

    @strawberry.field
    def ragged(self) -> list[list[list[float | None]] | None]:
        return play(self, "ragged", [[[1, None]], None, [[]]])
