"""Extensions of fields: `InputMutationExtension`, and one's own, sync and async, alone and in a chain."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import FieldExtension
from strawberry.field_extensions import InputMutationExtension
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation


class Upper(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return str(next_(source, info, **arguments)).upper()

    async def resolve_async(
        self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any
    ) -> Any:
        return str(await next_(source, info, **arguments)).upper()


class Quotes(FieldExtension):
    """Only sync."""

    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return f"'{next_(source, info, **arguments)}'"


class Waits(FieldExtension):
    """Only async."""

    async def resolve_async(
        self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any
    ) -> Any:
        await asyncio.sleep(0)
        return f"{await next_(source, info, **arguments)}..."


class Doubles(FieldExtension):
    """Changes the arguments."""

    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return next_(source, info, **{**arguments, "number": arguments["number"] * 2})


class Catches(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        try:
            return next_(source, info, **arguments)
        except ValueError as error:
            return f"caught {error}"


class Skips(FieldExtension):
    """Does not call the resolver."""

    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return f"skipped {info.field_name}"


class Fails(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        raise GraphQLError("not today", extensions={"why": "rain"})


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION])
class Cached:
    time: int = 100


class Marks(FieldExtension):
    """Adds an argument and a directive to the field."""

    def apply(self, field: StrawberryField) -> None:
        field.directives = [*field.directives, Cached(time=5)]

    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return [each for each in next_(source, info, **arguments) if each]


@strawberry.type
class Thing:
    label: str = strawberry.field(default="thing", extensions=[Upper()])


@strawberry.type
class Query:
    @strawberry.field(extensions=[Upper()])
    def loud(self) -> str:
        return "hello"

    @strawberry.field(extensions=[Upper()])
    async def loud_later(self) -> str:
        return "hello"

    @strawberry.field(extensions=[Quotes(), Upper()])
    def chain(self, word: str) -> str:
        return word

    @strawberry.field(extensions=[Quotes(), Waits()])
    def waiting(self) -> str:
        return "hello"

    @strawberry.field(extensions=[Doubles()])
    def number(self, number: int = 4) -> int:
        return number

    @strawberry.field(extensions=[Catches()])
    def caught(self) -> str:
        raise ValueError("it")

    @strawberry.field(extensions=[Skips()])
    def skipped(self) -> str:
        raise AssertionError("not called")

    @strawberry.field(extensions=[Fails()])
    def failing(self) -> str | None:
        return "never"

    @strawberry.field(extensions=[Marks()])
    def words(self) -> list[str]:
        return ["a", "", "b"]

    @strawberry.field
    def things(self) -> list[Thing]:
        return [Thing(), Thing(label="other")]


@strawberry.type
class Mutation:
    @strawberry.mutation(extensions=[InputMutationExtension()])
    def add(
        self,
        info: strawberry.Info,
        name: str,
        amount: Annotated[int, strawberry.argument(description="How many.")] = 1,
    ) -> str:
        return f"{amount} {name} by {info.field_name}"

    @strawberry.mutation(extensions=[InputMutationExtension()])
    async def add_later(self, name: str | None = None) -> str:
        return f"{name}"


schema = strawberry.Schema(Query, Mutation)

_ADD = "mutation ($input: AddInput!) { add(input: $input) }"

PAGE = Page(
    "field extensions",
    schema,
    (
        Operation("{ loud loudLater waiting }"),
        Operation('{ chain(word: "w") }'),
        Operation("query ($w: String!) { chain(word: $w) }", {"w": "v"}),
        Operation("{ a: number b: number(number: 5) }"),
        Operation("query ($n: Int) { number(number: $n) }"),
        Operation("query ($n: Int!) { number(number: $n) }", {"n": 6}),
        Operation("{ caught skipped failing loud }"),
        Operation("{ words things { label } }"),
        Operation(_ADD, {"input": {"name": "tea"}}),
        Operation(_ADD, {"input": {"name": "tea", "amount": 3}}),
        Operation(_ADD, {"input": {"amount": 3}}),
        Operation('mutation { add(input: {name: "x", amount: 2}) addLater(input: {}) }'),
        Operation(
            '{ __type(name: "AddInput") { description inputFields { name description defaultValue } } }'
        ),
    ),
)
