"""Subscriptions: async generators that end, fail, wait, or are guarded, with types of every kind."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.permission import BasePermission

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation


class Never(BasePermission):
    message = "You may not."

    async def has_permission(self, source: Any, info: strawberry.Info, **arguments: Any) -> bool:
        return False


@strawberry.enum
class Kind(enum.Enum):
    UP = "up"
    DOWN = "down"


@strawberry.type
class Tick:
    number: int
    kind: Kind

    @strawberry.field
    async def doubled(self) -> int:
        await asyncio.sleep(0)
        return self.number * 2

    @strawberry.field
    def odd(self) -> str | None:
        if self.number % 2:
            raise GraphQLError(f"{self.number} is odd")
        return "even"


@strawberry.type
class Pause:
    seconds: float


@strawberry.input
class Span:
    start: int = 0
    stop: int = 3


@strawberry.type
class Query:
    hello: str = strawberry.field(resolver=lambda: "hello")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, target: int = 3) -> AsyncGenerator[int, None]:
        for number in range(target):
            yield number
            await asyncio.sleep(0)

    @strawberry.subscription
    async def ticks(self, span: Span | None = None) -> AsyncIterator[Tick]:
        span = span or Span()
        for number in range(span.start, span.stop):
            yield Tick(number=number, kind=Kind.DOWN if number % 2 else Kind.UP)

    @strawberry.subscription
    async def mixed(self) -> AsyncIterable[Tick | Pause]:
        yield Tick(number=1, kind=Kind.UP)
        yield Pause(seconds=0.5)

    @strawberry.subscription
    async def fails(self, after: int = 1) -> AsyncGenerator[int | None, None]:
        for number in range(after):
            yield number
        raise GraphQLError("over", extensions={"code": "OVER"})

    @strawberry.subscription(permission_classes=[Never])
    async def closed(self) -> AsyncGenerator[int, None]:
        yield 1

    @strawberry.subscription
    async def about(self, info: strawberry.Info, n: int = 0) -> AsyncGenerator[list[str], None]:
        yield [info.field_name, repr(info.variable_values), str(info.path.key)]

    @strawberry.subscription
    async def nothing(self) -> AsyncGenerator[int, None]:
        return
        yield 1


schema = strawberry.Schema(Query, subscription=Subscription)

PAGE = Page(
    "subscriptions",
    schema,
    (
        Operation("subscription { count }"),
        Operation("subscription ($n: Int!) { count(target: $n) }", {"n": 5}),
        Operation("subscription { ticks { number kind doubled odd } }"),
        Operation(
            "subscription ($s: Span) { ticks(span: $s) { __typename number doubled } }",
            {"s": {"start": 2, "stop": 4}},
        ),
        Operation(
            "subscription { mixed { __typename ... on Tick { number } ... on Pause { seconds } } }"
        ),
        Operation("subscription { fails(after: 2) }"),
        Operation("subscription { fails(after: 0) }"),
        Operation("subscription { closed }"),
        Operation("subscription { about(n: 3) }"),
        Operation("subscription ($n: Int) { x: about(n: $n) }", {"n": 1}),
        Operation("subscription { nothing }"),
        Operation('subscription { count(target: "x") }'),
        Operation("subscription { missing }"),
        Operation("query { hello }"),
    ),
)
