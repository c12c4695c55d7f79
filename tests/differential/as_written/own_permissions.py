"""Permissions of one's own: sync and async, with arguments, that fail silently, with errors of their own."""

from __future__ import annotations

import asyncio
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.permission import BasePermission, PermissionExtension

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation


class Always(BasePermission):
    def has_permission(self, source: Any, info: strawberry.Info, **arguments: Any) -> bool:
        return True


class Never(BasePermission):
    message = "You may not."

    def has_permission(self, source: Any, info: strawberry.Info, **arguments: Any) -> bool:
        return False


class NeverLater(BasePermission):
    message = "You may not, after a while."
    error_extensions = {"code": "LATER", "seconds": 5}

    async def has_permission(self, source: Any, info: strawberry.Info, **arguments: Any) -> bool:
        await asyncio.sleep(0)
        return False


class OwnError(GraphQLError):
    pass


class NeverWithError(Never):
    error_class = OwnError
    error_extensions = {"code": "OWN"}


class NeverAndRaises(Never):
    def on_unauthorized(self) -> None:
        raise GraphQLError("Go away.", extensions={"code": "AWAY"})


class IsSmall(BasePermission):
    message = "Too large."

    def has_permission(self, source: Any, info: strawberry.Info, **arguments: Any) -> bool:
        return bool(arguments["number"] < 10)


class KnowsName(BasePermission):
    message = "Not your box."

    def has_permission(self, source: Any, info: strawberry.Info, **arguments: Any) -> bool:
        return bool(source.name == "mine")


class Silent(PermissionExtension):
    def __init__(self, *permissions: BasePermission) -> None:
        super().__init__(permissions=list(permissions), fail_silently=True)


@strawberry.type
class Box:
    name: str

    @strawberry.field(permission_classes=[KnowsName])
    def inside(self) -> str | None:
        return f"the inside of {self.name}"

    secret: str | None = strawberry.field(default="s", permission_classes=[Never])
    quiet: list[str] = strawberry.field(default_factory=lambda: ["q"], extensions=[Silent(Never())])


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Always])
    def open(self) -> str:
        return "open"

    @strawberry.field(permission_classes=[Never])
    def closed(self) -> str | None:
        return "closed"

    @strawberry.field(permission_classes=[Never])
    def required(self) -> str:
        return "required"

    @strawberry.field(permission_classes=[Always, NeverLater])
    async def later(self) -> str | None:
        return "later"

    @strawberry.field(permission_classes=[NeverWithError])
    def own_error(self) -> str | None:
        return "own"

    @strawberry.field(permission_classes=[NeverAndRaises])
    def away(self) -> str | None:
        return "away"

    @strawberry.field(permission_classes=[IsSmall])
    def small(self, number: int) -> int | None:
        return number

    @strawberry.field(extensions=[Silent(Never())])
    def silent(self) -> str | None:
        return "silent"

    @strawberry.field(extensions=[Silent(Always(), NeverLater())])
    async def silent_list(self) -> list[str] | None:
        return ["silent"]

    @strawberry.field(extensions=[PermissionExtension(permissions=[Always()])])
    def boxes(self) -> list[Box]:
        return [Box(name="mine"), Box(name="yours")]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Never])
    def change(self) -> str | None:
        return "changed"

    @strawberry.mutation(permission_classes=[Always])
    async def change_open(self) -> str:
        return "changed"


schema = strawberry.Schema(Query, Mutation)

PAGE = Page(
    "permissions",
    schema,
    (
        Operation("{ open closed }"),
        Operation("{ open required }"),
        Operation("{ later ownError away open }"),
        Operation("{ a: small(number: 1) b: small(number: 20) }"),
        Operation("query ($n: Int!) { small(number: $n) }", {"n": 11}),
        Operation("{ silent silentList }"),
        Operation("{ boxes { name inside secret quiet } }"),
        Operation("mutation { changeOpen change }"),
    ),
)
