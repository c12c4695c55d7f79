"""The schema of the scenarios: a chat room with many messages at once, some of them internal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry
from sqlalchemy import text

from watchword import Domain, Event, HasRole, IdentityMutation, Info, Public, guarded_by, reads

STREAM = "room"
SeesAll = HasRole("responder")
# The storm's database copies all events to this table, in the transaction that appends them.
NEWEST = "SELECT max((data->>'number')::int) FROM said WHERE key = :incident"
INTERNAL = " AND (data->>'internal')::int = 0"


@guarded_by(Public)
@strawberry.type
class Said:
    incident: str
    number: int


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"

    @reads(STREAM)
    @strawberry.field(
        permission_classes=[Public],
        description="The highest number that was said and that the caller may see.",
    )
    async def newest(self, info: Info, incident: str) -> int | None:
        condition = "" if SeesAll.allows(info.context.principal) else INTERNAL
        async with info.context.read() as db:
            newest = await db.scalar(text(NEWEST + condition), {"incident": incident})
        return None if newest is None else int(newest)


@strawberry.type
class Mutation(IdentityMutation):
    @strawberry.mutation(permission_classes=[SeesAll])
    async def say(
        self, info: Info, incident: str, numbers: list[int], internal: bool
    ) -> bool | None:
        async with info.context.write() as unit:
            for number in numbers:
                data = {"number": number, "internal": int(internal)}
                unit.publish(Event(STREAM, incident, "SAID", data))
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def said(self, info: Info, incident: str, last: int | None = None) -> AsyncIterator[Said]:
        async for event in info.context.follow(STREAM, incident, last=last):
            if not event.data["internal"] or SeesAll.allows(info.context.principal):
                yield Said(incident=event.key, number=int(event.data["number"] or 0))


schema = strawberry.Schema(Query, Mutation, Subscription)
domain = Domain(roles={"responder": frozenset({"room:write"}), "admin": frozenset()})
