"""Strawberry on FastAPI, as its documentation sets it up: `uvicorn strawberry_app:app`.

With `BENCH_TUNED=1` it has everything that its documentation offers for speed: the caches of documents
and validation, orjson, and remembered tokens.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import orjson
import strawberry
from fastapi import FastAPI
from material import Bus, Data, remembered, verified
from starlette.requests import HTTPConnection
from strawberry.exceptions import ConnectionRejectionError
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import GraphQLRouter
from strawberry.permission import BasePermission

TUNED = os.environ.get("BENCH_TUNED") == "1"
person_of = remembered if TUNED else verified


class SignedIn(BasePermission):
    message = "not authenticated"

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return info.context["person"] is not None


class SeesInternal(BasePermission):
    message = "needs scope incident:internal"

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        person = info.context["person"]
        return person is not None and "incident:internal" in person.scopes


@strawberry.type
class Service:
    id: strawberry.ID
    name: str
    status: str


@strawberry.type
class User:
    id: strawberry.ID
    name: str


@strawberry.type
class Update:
    id: strawberry.ID
    body: str
    visibility: str
    author_id: strawberry.Private[str]
    incident_id: strawberry.Private[str]

    @strawberry.field
    def author(self) -> User:
        return data.users[self.author_id]

    @strawberry.field
    def incident(self) -> Incident:
        return data.by_id[self.incident_id]


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

    @strawberry.field
    def commander(self) -> User | None:
        return data.users[self.commander_id]

    @strawberry.field
    def services(self) -> list[Service]:
        return [data.services[each] for each in self.service_ids]

    @strawberry.field
    def updates(self, first: int = 10) -> list[Update]:
        return self.posted[:first]

    @strawberry.field(permission_classes=[SeesInternal])
    def internal_notes(self) -> str | None:
        return self.notes


@strawberry.type
class Viewer:
    id: strawberry.ID
    name: str
    roles: list[str]


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[SignedIn])
    async def viewer(self, info: strawberry.Info) -> Viewer:
        person = info.context["person"]
        return Viewer(id=person.id, name=person.name, roles=person.roles)

    @strawberry.field(permission_classes=[SignedIn])
    async def incidents(self, first: int = 20) -> list[Incident]:
        return data.incidents[:first]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[SignedIn])
    async def post_update(self, incident_id: strawberry.ID, body: str) -> Update:
        incident = data.by_id[incident_id]
        update = made(body, incident.id)
        bus.publish(update)
        return update

    @strawberry.mutation(permission_classes=[SignedIn])
    async def publish(self, times: int, rate: float = 0) -> int:
        return await bus.publish_many(made, times, rate)


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[SignedIn])
    async def incident_updates(self, group: int = 0) -> AsyncIterator[Update]:
        async for update in bus.subscribe():
            yield update

    @strawberry.subscription(permission_classes=[SignedIn])
    async def my_updates(self, info: strawberry.Info) -> AsyncIterator[Update]:
        mine = info.context["person"].id
        async for update in bus.subscribe():
            yield Update(**{**vars(update), "visibility": mine})


def made(body: str, incident: str = "i3") -> Update:
    return Update(
        id="new", body=body, visibility="PUBLIC", author_id="u1", incident_id=incident
    )  # fmt: skip


async def context(connection: HTTPConnection) -> dict[str, Any]:
    return {"person": person_of(connection.headers.get("authorization"))}


class Router(GraphQLRouter[Any, None]):
    if TUNED:

        def decode_json(self, data: str | bytes) -> Any:
            return orjson.loads(data)

        def encode_json(self, data: Any) -> Any:
            encoded = orjson.dumps(data)
            return encoded.decode() if "type" in data else encoded

    async def on_ws_connect(self, context: Any) -> Any:
        given = context.get("connection_params") or {}
        context["person"] = person_of(given.get("authorization"))
        if context["person"] is None:
            raise ConnectionRejectionError
        return await super().on_ws_connect(context)


data = Data(User, Service, Incident, Update)
bus = Bus()
caches: list[Any] = [lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)]
schema = strawberry.Schema(Query, Mutation, Subscription, extensions=caches if TUNED else [])
app = FastAPI()
app.include_router(Router(schema, path="/graphql", context_getter=context))
