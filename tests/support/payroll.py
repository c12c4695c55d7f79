"""A schema with guarded arguments, input fields, input types and enum values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum
from typing import Annotated, Any

import strawberry

from watchword.context import Info
from watchword.domain import Domain
from watchword.errors import NotFound
from watchword.events.event import Event
from watchword.events.sources import reads
from watchword.permissions.coverage import cover
from watchword.permissions.field import (
    HasClaim,
    HasRole,
    HasScope,
    Public,
    RecentlyAuthenticated,
    SignedIn,
    condition,
)
from watchword.permissions.guarded import guarded_by
from watchword.permissions.rules import Question

STREAM = "people"
ran: list[Any] = []
"""What the resolvers were called with."""


@strawberry.enum
class Level(Enum):
    STAFF = "staff"
    BOARD = strawberry.enum_value("board", directives=[guarded_by(HasScope("board"))])


@guarded_by(HasRole("payroll"))
@strawberry.enum
class Grade(Enum):
    ONE = 1
    TWO = strawberry.enum_value(2, directives=[guarded_by(HasScope("board"))])


@strawberry.input
class Between:
    low: int | None = strawberry.field(
        directives=[guarded_by(HasRole("payroll"))], default=strawberry.UNSET
    )
    high: int | None = None


@strawberry.input
class Filter:
    name: str | None = None
    salary: list[Between] | None = None
    bonus: int | None = strawberry.field(
        directives=[guarded_by(HasRole("payroll"))], default=strawberry.UNSET
    )
    level: Level | None = Level.STAFF
    either: list[Filter] | None = None


@guarded_by(SignedIn)
@strawberry.input
class Page:
    first: int = 1


@condition("to be Ada")
async def is_ada(question: Question) -> bool:
    return bool(question.source.name == "Ada")


Many = Annotated[int, strawberry.argument(directives=[guarded_by(HasScope("many"))])]


@reads()
@guarded_by(Public)
@strawberry.type
class Person:
    name: str = "Ada"
    level: Level | None = Level.STAFF

    @strawberry.field
    def report(self, length: Many = 3) -> str | None:
        ran.append(("report", length))
        return self.name * length

    @strawberry.field
    async def note(
        self, secret: Annotated[bool, strawberry.argument(directives=[guarded_by(is_ada)])] = False
    ) -> str | None:
        ran.append(("note", secret))
        return "secret" if secret else "plain"

    @strawberry.field
    def levels(self) -> list[Level | None]:
        return [Level.STAFF, self.level]

    @strawberry.field
    def grade(self) -> Grade | None:
        return Grade.ONE

    @strawberry.field
    async def later(self) -> Level | None:
        return self.level


PEOPLE = [Person(), Person(name="Bob", level=Level.BOARD)]


@strawberry.type
class Query:
    @reads(STREAM)
    @strawberry.field(permission_classes=[Public])
    def people(
        self, filter: Filter | None = None, first: Many = 10, page: Page | None = None
    ) -> list[Person]:
        ran.append(("people", filter, first, page))
        return PEOPLE[:first]

    @reads()
    @strawberry.field(permission_classes=[Public])
    def by_level(self, levels: list[Level] | None = None, one: Level = Level.STAFF) -> str | None:
        ran.append(("byLevel", levels, one))
        return one.name

    @strawberry.field(permission_classes=[HasRole("clerk")])
    def closed(self, first: Many = 1) -> int | None:
        ran.append(("closed", first))
        return first

    @reads()
    @strawberry.field(permission_classes=[Public])
    def claimed(
        self,
        plan: Annotated[
            str, strawberry.argument(directives=[guarded_by(HasClaim("plan", "gold"))])
        ] = "free",
    ) -> str | None:
        ran.append(("claimed", plan))
        return plan


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[SignedIn])
    async def hire(
        self,
        info: Info,
        name: str,
        force: Annotated[
            bool, strawberry.argument(directives=[guarded_by(RecentlyAuthenticated(60))])
        ] = False,
        salary: Annotated[
            int | None, strawberry.argument(directives=[guarded_by(HasRole("payroll"))])
        ] = None,
    ) -> str | None:
        ran.append(("hire", name, force, salary))
        async with info.context.write() as unit:
            unit.publish(Event(STREAM, name, "hired"))
        return name


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def hired(
        self,
        info: Info,
        last: Annotated[
            int | None, strawberry.argument(directives=[guarded_by(HasScope("many"))])
        ] = None,
        filter: Filter | None = None,
    ) -> AsyncIterator[Person]:
        ran.append(("hired", last, filter))
        async for event in info.context.follow(STREAM, last=last):
            if event.key == "nobody":
                raise NotFound("There is nobody.")
            yield Person(name=event.key, level=Level.BOARD if event.key == "Bob" else Level.STAFF)


DOMAIN = Domain(roles={"payroll": frozenset({"board"}), "clerk": frozenset()})


def payroll(**options: Any) -> strawberry.Schema:
    """Return the schema, with the permissions of its inputs added to its fields."""
    schema = strawberry.Schema(Query, Mutation, Subscription, **options)
    cover(schema, DOMAIN)
    ran.clear()
    return schema
