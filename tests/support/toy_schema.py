"""A small schema, so that tests of the runtime never need the built-in domain."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry

from graph.context import Info
from graph.errors import BadUserInput, NotFound
from graph.events import Event
from graph.permissions.field import HasRole, HasScope, Public, SignedIn

STREAM = "toys"


@strawberry.type
class Toy:
    id: strawberry.ID
    name: str

    @strawberry.field(permission_classes=[HasScope("toys:price")])
    def price(self) -> int | None:
        return len(self.name)

    @strawberry.field
    def inner(self) -> Toy:
        return self


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field(permission_classes=[Public])
    async def toy(self, id: strawberry.ID) -> Toy | None:
        if id == "none":
            raise NotFound("There is no such toy.")
        return Toy(id=id, name=f"toy {id}")

    @strawberry.field(permission_classes=[Public])
    def toys(self, first: int = 2) -> list[Toy]:
        return [Toy(id=strawberry.ID(str(number)), name="toy") for number in range(first)]

    @strawberry.field(permission_classes=[SignedIn])
    def me(self, info: Info) -> str | None:
        return info.context.principal.subject

    @strawberry.field(permission_classes=[HasScope("toys:count") & HasRole("keeper")])
    def count(self, below: int = 3) -> int | None:
        if below > 1000:
            raise BadUserInput("below must be at most 1000", ["below"])
        return below

    @strawberry.field(permission_classes=[Public])
    def broken(self) -> str | None:
        raise RuntimeError("the secret ingredient is love")


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[SignedIn])
    async def make(self, info: Info, name: str) -> Toy | None:
        await info.context.services.bus.publish([Event(STREAM, name, "made")])
        return Toy(id=strawberry.ID(name), name=name)


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def made(self, info: Info, only: str | None = None) -> AsyncIterator[Toy]:
        async for event in info.context.follow(STREAM, only):
            yield Toy(id=strawberry.ID(event.key), name=event.key)

    @strawberry.subscription(permission_classes=[HasRole("keeper")])
    async def guarded(self, info: Info) -> AsyncIterator[Toy]:
        async for event in info.context.follow(STREAM):
            yield Toy(id=strawberry.ID(event.key), name=event.key)

    @strawberry.subscription(permission_classes=[Public])
    async def numbers(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @strawberry.subscription(permission_classes=[Public])
    async def failing(self) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("the secret ingredient is love")

    @strawberry.subscription(permission_classes=[Public])
    async def refusing(self) -> AsyncIterator[int]:
        yield 1
        raise NotFound("It went away.")


schema = strawberry.Schema(Query, Mutation, Subscription)
