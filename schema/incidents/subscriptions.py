"""Incidents, live."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry

from graph import Event, Info, Principal, Public, decode_id
from schema.incidents.inputs import IncidentFilter
from schema.incidents.store import Wanted, get_incident, is_wanted
from schema.incidents.types import IncidentEvent
from schema.scopes import SeesInternal
from schema.topics import INCIDENTS, IncidentEventKind
from schema.vocabulary import Visibility


@strawberry.type
class IncidentSubscription:
    @strawberry.subscription(
        permission_classes=[Public], description="What happens to one incident from now on."
    )
    async def incident_updated(
        self, info: Info, incident_id: strawberry.ID
    ) -> AsyncIterator[IncidentEvent]:
        key = decode_id(incident_id, "Incident", ["incidentId"])
        async with info.context.read() as session:
            await get_incident(session, key)
        async for event in info.context.follow(INCIDENTS, key):
            if may_see(info.context.principal, event):
                yield incident_event(event)

    @strawberry.subscription(
        permission_classes=[Public],
        description="What happens from now on to incidents that fit the filter at that moment.",
    )
    async def incidents_changed(
        self, info: Info, filter: IncidentFilter | None = None
    ) -> AsyncIterator[IncidentEvent]:
        wanted = filter.wanted() if filter else Wanted()
        async for event in info.context.follow(INCIDENTS):
            if may_see(info.context.principal, event) and (
                wanted == Wanted() or await is_wanted(info.context, event.key, wanted)
            ):
                yield incident_event(event)


def may_see(principal: Principal, event: Event) -> bool:
    """Tell whether an event may reach a principal: internal ones need the grants."""
    is_public = event.data["visibility"] == Visibility.PUBLIC.value
    return is_public or SeesInternal.allows(principal)


def incident_event(event: Event) -> IncidentEvent:
    """Make the GraphQL event, which holds ids and loads the rest as its reader may see it."""
    update = event.data["update"]
    return IncidentEvent(
        key=event.key,
        update_key=None if update is None else str(update),
        kind=IncidentEventKind(event.kind),
    )
