"""The schema that all measured servers serve, with its data in memory, so that only the servers differ.

`BENCH_SERVER` names the module with a server's own permission classes and its `follow` and `publish`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from importlib import import_module

import strawberry

QUERIES = {
    "viewer": "{ viewer }",
    "20 incidents": "{ incidents(first: 20) { id name impact status internalNotes"
    " commander { id name } components { id name status } } }",
    "100 incidents, 500 updates": "{ incidents(first: 100) { id name status"
    " updates { id body visibility author { id name } } } }",
}
SUBSCRIPTION = "subscription { incidentUpdated { id body visibility author { id name } } }"
# The same, but the resolver reads the subject, so that its answers cannot be shared.
PERSONAL = "subscription { mineUpdated { id body visibility author { id name } } }"
# For many groups: documents with different arguments are not grouped, and all of them get every event.
OF_GROUP = "subscription { incidentUpdated(group: %d) { id body visibility author { id name } } }"
PUBLISH = "mutation($times: Int!) { post(times: $times) }"

means = import_module("benchmarks." + os.environ.get("BENCH_SERVER", "watchword"))


@strawberry.type
class Member:
    id: strawberry.ID
    name: str


@strawberry.type
class Component:
    id: strawberry.ID
    name: str
    status: str


@strawberry.type
class Update:
    id: strawberry.ID
    body: str
    visibility: str
    number: strawberry.Private[int]

    @strawberry.field
    def author(self) -> Member:
        return MEMBERS[self.number % 20]


@strawberry.type
class Incident:
    id: strawberry.ID
    name: str
    impact: str
    status: str
    number: strawberry.Private[int]

    @strawberry.field(permission_classes=[means.sees_internal])
    def internal_notes(self) -> str | None:
        return f"Nobody outside knows about {self.number}."

    @strawberry.field
    def commander(self) -> Member:
        return MEMBERS[self.number % 20]

    @strawberry.field
    def components(self) -> list[Component]:
        return [COMPONENTS[(self.number + n) % 30] for n in range(3)]

    @strawberry.field
    def updates(self) -> list[Update]:
        return UPDATES[self.number * 5 : self.number * 5 + 5]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[means.signed_in])
    def viewer(self, info: strawberry.Info) -> str:
        return means.subject(info)

    @strawberry.field(permission_classes=[means.signed_in])
    async def incidents(self, first: int = 20) -> list[Incident]:
        return INCIDENTS[:first]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[means.signed_in])
    async def post(self, info: strawberry.Info, times: int) -> int:
        for number in range(times):
            await means.publish(info, number)
        return times


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[means.signed_in])
    async def incident_updated(
        self, info: strawberry.Info, group: int = 0
    ) -> AsyncIterator[Update]:
        async for number in means.follow(info):
            yield UPDATES[number % 500]

    @strawberry.subscription(permission_classes=[means.signed_in])
    async def mine_updated(self, info: strawberry.Info) -> AsyncIterator[Update]:
        whose = means.subject(info)
        async for number in means.follow(info):
            yield UPDATES[(number + len(whose) * 0) % 500]


MEMBERS = [Member(id=strawberry.ID(f"m{n}"), name=f"Member {n}") for n in range(20)]
COMPONENTS = [
    Component(id=strawberry.ID(f"c{n}"), name=f"Component {n}", status="OPERATIONAL")
    for n in range(30)
]
UPDATES = [
    Update(
        id=strawberry.ID(f"u{n}"),
        body=f"We are looking into it, for the {n}th time. " * 4,
        visibility="PUBLIC",
        number=n,
    )
    for n in range(500)
]
INCIDENTS = [
    Incident(
        id=strawberry.ID(f"i{n}"),
        name=f"Trouble {n}",
        impact="MINOR",
        status="MONITORING",
        number=n,
    )
    for n in range(100)
]
schema = strawberry.Schema(Query, Mutation, Subscription)
