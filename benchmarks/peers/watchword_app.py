"""The measured schema on Watchword: `watchword serve --schema benchmarks.peers.watchword_app:schema`.

What its fields read is declared, so that answers can be kept; a setting of the server turns that off.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import strawberry

from watchword import Domain, Event, HasScope, Info, Public, SignedIn, guarded_by, reads

STREAM = "incidents"
# The stream of the data, which never changes; the events are of another, so that they end no kept answer.
DATA_STREAM = "data"


@reads(DATA_STREAM)
@guarded_by(Public)
@strawberry.type
class Service:
    id: strawberry.ID
    name: str
    status: str


@reads(DATA_STREAM)
@guarded_by(Public)
@strawberry.type
class User:
    id: strawberry.ID
    name: str


@reads(DATA_STREAM)
@guarded_by(Public)
@strawberry.type
class Update:
    id: strawberry.ID
    body: str
    visibility: str
    author_id: strawberry.Private[str]
    incident_id: strawberry.Private[str]

    @reads(DATA_STREAM)
    @strawberry.field
    def author(self) -> User:
        return USERS[self.author_id]

    @reads(DATA_STREAM)
    @strawberry.field
    def incident(self) -> Incident:
        return BY_ID[self.incident_id]


@reads(DATA_STREAM)
@guarded_by(Public)
@strawberry.type
class Incident:
    id: strawberry.ID
    title: str
    severity: str
    status: str
    notes: strawberry.Private[str]
    commander_id: strawberry.Private[str]
    service_ids: strawberry.Private[list[str]]
    posted: strawberry.Private[list[Any]]

    @reads(DATA_STREAM)
    @strawberry.field
    def commander(self) -> User | None:
        return USERS[self.commander_id]

    @reads(DATA_STREAM)
    @strawberry.field
    def services(self) -> list[Service]:
        return [SERVICES[each] for each in self.service_ids]

    @reads(DATA_STREAM)
    @strawberry.field
    def updates(self, first: int = 10) -> list[Update]:
        return self.posted[:first]

    @reads(DATA_STREAM)
    @strawberry.field(permission_classes=[HasScope("incident:internal")])
    def internal_notes(self) -> str | None:
        return self.notes


@guarded_by(Public)
@strawberry.type
class Viewer:
    id: strawberry.ID
    name: str
    roles: list[str]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[SignedIn])
    async def viewer(self, info: Info) -> Viewer:
        principal = info.context.principal
        name = USERS[str(principal.subject)].name
        return Viewer(
            id=strawberry.ID(str(principal.subject)),
            name=name,
            roles=sorted(principal.grants.roles),
        )

    @reads(DATA_STREAM)
    @strawberry.field(permission_classes=[SignedIn])
    async def incidents(self, first: int = 20) -> list[Incident]:
        return INCIDENTS[:first]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[SignedIn])
    async def post_update(self, incident_id: strawberry.ID, body: str) -> Update:
        """Make an update and keep nothing, as the peers do."""
        return made(body, incident_id)

    @strawberry.mutation(permission_classes=[SignedIn])
    async def commit_update(self, info: Info, incident_id: strawberry.ID, body: str) -> Update:
        """Make an update, and commit its event to the log, as the product does."""
        async with info.context.write() as unit:
            unit.publish(Event(STREAM, incident_id, "POSTED", {"body": body}))
        return made(body, incident_id)

    @strawberry.mutation(permission_classes=[SignedIn])
    async def publish(self, info: Info, times: int, rate: float = 0) -> int:
        began = time.monotonic()
        for number in range(times):
            due = began + number / rate - time.monotonic() if rate else 0
            await asyncio.sleep(max(0, due))
            async with info.context.write() as unit:
                body = f"T{time.monotonic_ns():020d} we are looking into it"
                unit.publish(Event(STREAM, "i3", "POSTED", {"body": body}))
        return times


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[SignedIn])
    async def incident_updates(self, info: Info, group: int = 0) -> AsyncIterator[Update]:
        async for event in info.context.follow(STREAM):
            yield made(str(event.data["body"]))

    @strawberry.subscription(permission_classes=[SignedIn])
    async def my_updates(self, info: Info) -> AsyncIterator[Update]:
        mine = str(info.context.principal.subject)
        async for event in info.context.follow(STREAM):
            yield made(str(event.data["body"]), visibility=mine)


def made(body: str, incident: str = "i3", visibility: str = "PUBLIC") -> Update:
    return Update(
        id=strawberry.ID("new"), body=body, visibility=visibility, author_id="u1", incident_id=incident
    )  # fmt: skip


DATA = json.loads((Path(os.environ["BENCH_HOME"]) / "data.json").read_text())
USERS = {row["id"]: User(**row) for row in DATA["users"]}
SERVICES = {row["id"]: Service(**row) for row in DATA["services"]}
INCIDENTS = [
    Incident(**{**row, "posted": [Update(**each) for each in row["posted"]]})
    for row in DATA["incidents"]
]
BY_ID = {str(each.id): each for each in INCIDENTS}
schema = strawberry.Schema(Query, Mutation, Subscription)
domain = Domain(roles={"admin": frozenset({"incident:read", "incident:internal"})})
