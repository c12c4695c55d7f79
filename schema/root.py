"""Query, Mutation and Subscription, assembled."""

from __future__ import annotations

import strawberry

from graph import (
    ClientMutation,
    ClientQuery,
    ConsentMutation,
    ConsentQuery,
    IdentityMutation,
    IdentityQuery,
    Info,
    NotFound,
    Public,
    parse_id,
)
from schema.audit.resolvers import AuditQuery
from schema.components.resolvers import (
    ComponentMutation,
    ComponentQuery,
    ComponentSubscription,
)
from schema.components.store import load_components
from schema.components.types import Component, component
from schema.incidents.resolvers import IncidentMutation, IncidentQuery
from schema.incidents.store import load_incidents
from schema.incidents.subscriptions import IncidentSubscription
from schema.incidents.types import Incident, IncidentUpdate, incident, incident_update
from schema.members.resolvers import MemberMutation, MemberQuery
from schema.members.store import load_members
from schema.members.types import Member, member
from schema.node import Node
from schema.scopes import SeesMembers
from schema.timeline.store import load_updates


@strawberry.type
class Query(
    IdentityQuery, ClientQuery, ConsentQuery, ComponentQuery, IncidentQuery, MemberQuery, AuditQuery
):
    @strawberry.field(permission_classes=[Public], description="Anything, by its global id.")
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
):
    pass


@strawberry.type
class Subscription(IncidentSubscription, ComponentSubscription):
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
            account = await context.loader(load_members).load(key)
            return member(account) if account else None
    return None


schema = strawberry.Schema(
    Query, Mutation, Subscription, types=[Component, Incident, IncidentUpdate, Member]
)
