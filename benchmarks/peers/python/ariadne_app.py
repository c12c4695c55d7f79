"""Ariadne's ASGI app, as its documentation sets it up: `uvicorn ariadne_app:app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from ariadne import MutationType, ObjectType, QueryType, SubscriptionType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.asgi.handlers import GraphQLTransportWSHandler
from ariadne.exceptions import WebSocketConnectionError
from graphql import GraphQLError
from material import HOME, Bus, Data, Person, verified

query, mutation, subscription = QueryType(), MutationType(), SubscriptionType()
incident_type, update_type = ObjectType("Incident"), ObjectType("Update")
data = Data(*[SimpleNamespace] * 4)
bus = Bus()


def signed_in(info: Any) -> Person:
    person: Person | None = info.context["person"]
    if person is None:
        raise GraphQLError("not authenticated")
    return person


@query.field("viewer")
async def viewer(_: None, info: Any) -> Person:
    return signed_in(info)


@query.field("incidents")
async def incidents(_: None, info: Any, first: int = 20) -> list[Any]:
    signed_in(info)
    return data.incidents[:first]


@incident_type.field("commander")
def commander(incident: Any, _: Any) -> Any:
    return data.users[incident.commander_id]


@incident_type.field("services")
def services(incident: Any, _: Any) -> list[Any]:
    return [data.services[each] for each in incident.service_ids]


@incident_type.field("updates")
def updates(incident: Any, _: Any, first: int = 10) -> list[Any]:
    return incident.posted[:first]


@incident_type.field("internalNotes")
def internal_notes(incident: Any, info: Any) -> str:
    if "incident:internal" not in signed_in(info).scopes:
        raise GraphQLError("needs scope incident:internal")
    return incident.notes


@update_type.field("author")
def author(update: Any, _: Any) -> Any:
    return data.users[update.author_id]


@update_type.field("incident")
def incident_of(update: Any, _: Any) -> Any:
    return data.by_id[update.incident_id]


@mutation.field("postUpdate")
async def post_update(_: None, info: Any, incidentId: str, body: str) -> Any:
    signed_in(info)
    update = made(body, data.by_id[incidentId].id)
    bus.publish(update)
    return update


@mutation.field("publish")
async def publish(_: None, info: Any, times: int, rate: float = 0) -> int:
    signed_in(info)
    return await bus.publish_many(made, times, rate)


@subscription.source("incidentUpdates")
async def follow(_: None, info: Any, group: int) -> AsyncIterator[Any]:
    signed_in(info)
    async for update in bus.subscribe():
        yield update


@subscription.source("myUpdates")
async def follow_mine(_: None, info: Any) -> AsyncIterator[Any]:
    mine = signed_in(info).id
    async for update in bus.subscribe():
        yield SimpleNamespace(**{**vars(update), "visibility": mine})


@subscription.field("incidentUpdates")
@subscription.field("myUpdates")
def shown(update: Any, _: Any, group: int = 0) -> Any:
    return update


def made(body: str, incident: str = "i3") -> Any:
    return SimpleNamespace(
        id="new", body=body, visibility="PUBLIC", author_id="u1", incident_id=incident
    )


def context(request: Any, _: Any) -> dict[str, Any]:
    if request.scope["type"] == "websocket":
        return {"request": request, "person": request.scope.get("person")}
    return {"request": request, "person": verified(request.headers.get("authorization"))}


async def on_connect(websocket: Any, params: Any) -> None:
    websocket.scope["person"] = verified((params or {}).get("authorization"))
    if websocket.scope["person"] is None:
        raise WebSocketConnectionError("not authenticated")


schema = make_executable_schema(
    (HOME / "schema.graphql").read_text(),
    query, mutation, subscription, incident_type, update_type,
)  # fmt: skip
app = GraphQL(
    schema,
    context_value=context,
    websocket_handler=GraphQLTransportWSHandler(on_connect=on_connect),
)
