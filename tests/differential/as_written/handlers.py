"""Exception handlers, which turn exceptions into types of a union, and errors that resolvers raise on purpose."""

from __future__ import annotations

import asyncio
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.types.field import StrawberryField

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation


class Missing(Exception):
    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Taken(Exception):
    pass


@strawberry.type
class NotFound:
    what: str


@strawberry.type
class Refusal:
    message: str


@strawberry.type
class User:
    name: str


class OnMissing(strawberry.ExceptionHandler[Missing, NotFound]):
    def handle(
        self, exception: Missing, *, field: StrawberryField, info: strawberry.Info
    ) -> NotFound | None:
        if exception.what == "declined":
            return None
        return NotFound(what=f"{exception.what} in {info.field_name}")


class OnTaken(strawberry.ExceptionHandler[Taken, Refusal]):
    async def handle(  # type: ignore[override]
        self, exception: Taken, *, field: StrawberryField, info: strawberry.Info
    ) -> Refusal:
        await asyncio.sleep(0)
        return Refusal(message=str(exception))


@strawberry.type
class Query:
    @strawberry.field
    def user(self, name: str) -> User | NotFound:
        if name != "ann":
            raise Missing(name)
        return User(name=name)

    @strawberry.field
    async def user_later(self, name: str) -> User | NotFound | Refusal:
        if name == "taken":
            raise Taken(f"{name} is taken")
        if name != "ann":
            raise Missing(name)
        return User(name=name)

    @strawberry.field
    def told(self, with_code: bool = False) -> str | None:
        extensions: dict[str, Any] | None = {"code": "TOLD", "n": 1} if with_code else None
        raise GraphQLError("on purpose", extensions=extensions)

    @strawberry.field
    def returned(self) -> str | None:
        return GraphQLError("returned", extensions={"code": "R"})  # type: ignore[return-value]

    @strawberry.field
    def lists(self) -> list[str | None]:
        return ["a", GraphQLError("inside"), "b"]  # type: ignore[list-item]


schema = strawberry.Schema(Query, exception_handlers=[OnMissing(), OnTaken()])

_TYPES = "{ __typename ... on User { name } ... on NotFound { what } }"
_ALL = "{ __typename ... on User { name } ... on NotFound { what } ... on Refusal { message } }"

PAGE = Page(
    "exception handlers",
    schema,
    (
        *(
            Operation(
                f"query ($n: String!) {{ user(name: $n) {_TYPES} userLater(name: $n) {_ALL} }}",
                {"n": name},
            )
            for name in ("ann", "bob")
        ),
        Operation(f'{{ userLater(name: "taken") {_ALL} }}'),
        Operation("{ a: told b: told(withCode: true) returned lists }"),
    ),
)
