"""A type whose fields answer at once, later, and with errors, for schemas that two executors are compared on."""

from __future__ import annotations

import strawberry
from graphql import GraphQLError

from watchword import Public


@strawberry.type
class Leaf:
    name: str

    @strawberry.field
    async def later(self, times: int = 1) -> str:
        return self.name * times

    @strawberry.field
    def broken(self) -> int | None:
        raise GraphQLError("This is meant for you.")

    @strawberry.field
    async def broken_for_good(self) -> int:
        raise GraphQLError("There is none.")

    @strawberry.field
    def twin(self) -> Leaf:
        return Leaf(name=f"{self.name}'")


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def grow(self, name: str) -> Leaf:
        return Leaf(name=name)
