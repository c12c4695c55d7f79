"""Assembles Query, Mutation and Subscription into the schema."""

from __future__ import annotations

import strawberry

from incident_room.audit.resolvers import AuditQuery
from incident_room.components.resolvers import (
    ComponentMutation,
    ComponentQuery,
    ComponentSubscription,
)
from incident_room.components.store import load_components
from incident_room.components.types import Component, component
from incident_room.incidents.presence import PresenceSubscription
from incident_room.incidents.resolvers import IncidentMutation, IncidentQuery
from incident_room.incidents.store import load_incidents
from incident_room.incidents.subscriptions import IncidentSubscription
from incident_room.incidents.types import Incident, IncidentUpdate, incident, incident_update
from incident_room.members.resolvers import MemberMutation, MemberQuery
from incident_room.members.types import Member, load_shown_members
from incident_room.node import Node
from incident_room.scopes import SeesMembers
from incident_room.timeline.store import load_updates
from incident_room.topics import COMPONENTS, INCIDENTS
from watchword import (
    ACCOUNTS,
    ClientMutation,
    ClientQuery,
    ConsentMutation,
    ConsentQuery,
    IdentityMutation,
    IdentityQuery,
    Info,
    LiveConnectionMutation,
    LiveConnectionQuery,
    NotFound,
    Public,
    SigningKeyMutation,
    SigningKeyQuery,
    parse_id,
    reads,
)


@strawberry.type
class Query(
    IdentityQuery,
    ClientQuery,
    ConsentQuery,
    ComponentQuery,
    IncidentQuery,
    MemberQuery,
    AuditQuery,
    LiveConnectionQuery,
    SigningKeyQuery,
):
    @reads(INCIDENTS, COMPONENTS, ACCOUNTS)
    @strawberry.field(permission_classes=[Public], description="Any object, by its global id.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        found = await _find(info, *parse_id(id))
        if found is None:
            raise NotFound("There is no such thing.")
        return found


@strawberry.type
class Mutation(
    IdentityMutation,
    ClientMutation,
    ConsentMutation,
    IncidentMutation,
    ComponentMutation,
    MemberMutation,
    LiveConnectionMutation,
    SigningKeyMutation,
):
    pass


@strawberry.type
class Subscription(IncidentSubscription, PresenceSubscription, ComponentSubscription):
    pass


async def _find(info: Info, type_name: str, key: str) -> Node | None:
    context = info.context
    match type_name:
        case "Component":
            part = await context.loader(load_components).load(key)
            return component(part) if part else None
        case "Incident":
            row = await context.loader(load_incidents).load(key)
            return incident(row) if row else None
        case "IncidentUpdate":
            said = await context.loader(load_updates).load(key)
            return incident_update(said) if said else None
        case "Member" if SeesMembers.allows(context.principal):
            return await context.loader(load_shown_members).load(key)
    return None


schema = strawberry.Schema(
    Query, Mutation, Subscription, types=[Component, Incident, IncidentUpdate, Member]
)
