"""The schema of the scenarios: a chat room with many messages at once, some of them internal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry

from watchword import Domain, Event, HasRole, IdentityMutation, Info, Public

STREAM = "room"
SeesAll = HasRole("responder")


@strawberry.type
class Said:
    incident: str
    number: int


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"


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
