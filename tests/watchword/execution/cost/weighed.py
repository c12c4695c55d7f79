"""A schema with weights of every kind: a type, a field, an argument, an enum and a scalar."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, NewType

import strawberry
from strawberry.schema.config import StrawberryConfig

from watchword import cost, list_size
from watchword.libraries.strawberry_parts import definition

LEVEL, STAMP = 2, 4


@strawberry.enum(directives=[cost(LEVEL)])
class Level(Enum):
    LOW = "low"


Stamp = NewType("Stamp", str)
SCALARS: Any = {Stamp: strawberry.scalar(name="Stamp", serialize=str, directives=[cost(STAMP)])}


@strawberry.type(directives=[cost(3)])
class Report:
    title: str
    level: Level | None
    levels: list[Level]
    at: Stamp
    pdf: str = strawberry.field(directives=[cost(20)])


@strawberry.type
class Query:
    @strawberry.field(directives=[list_size(slicing_arguments=["days"], assumed_size=30)])
    def reports(self, days: int | None = None) -> list[Report]:
        return []

    @strawberry.field
    def found(
        self, word: Annotated[str | None, strawberry.argument(directives=[cost(5)])] = None
    ) -> int:
        return 0

    @strawberry.field
    def by(
        self, level: Level | None = None, levels: list[Level] | None = None, at: Stamp | None = None
    ) -> int:
        return 0


WEIGHED = definition(strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS)))
