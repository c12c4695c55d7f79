"""Incidents, live."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry

from incident_room.incidents.inputs import IncidentFilter
from incident_room.incidents.store import Wanted, get_incident, is_wanted, latest_incidents
from incident_room.incidents.types import IncidentEvent
from incident_room.scopes import SeesInternal
from incident_room.timeline.store import load_updates
from incident_room.topics import INCIDENTS, IncidentEventKind
from incident_room.vocabulary import Visibility
from watchword import PRESENT, Event, Info, Public, decode_id

# The kinds of events that tell of nothing but an update: without it there is nothing to tell.
ABOUT_UPDATES = {IncidentEventKind.UPDATE_POSTED.value, IncidentEventKind.VISIBILITY_CHANGED.value}
BEGINNING = (
    " With `present`, an event of kind PRESENT comes first for how it is now; with `last`, the last"
    " so many events that are kept. To go on after a pause, send `extensions.cursor` of the last"
    " answer back as `extensions.resume`."
)


@strawberry.type
class IncidentSubscription:
    @strawberry.subscription(
        permission_classes=[Public],
        description="What happens to one incident from now on." + BEGINNING,
    )
    async def incident_updated(
        self,
        info: Info,
        incident_id: strawberry.ID,
        present: bool = False,
        last: int | None = None,
    ) -> AsyncIterator[IncidentEvent]:
        key = decode_id(incident_id, "Incident", ["incidentId"])
        async with info.context.read() as db:
            await get_incident(db, key)
        async for event in info.context.follow(INCIDENTS, key, present=present, last=last):
            if await may_see(info, event):
                yield incident_event(event)

    @strawberry.subscription(
        permission_classes=[Public],
        description="What happens from now on to incidents that fit the filter at that moment."
        + BEGINNING,
    )
    async def incidents_changed(
        self,
        info: Info,
        filter: IncidentFilter | None = None,
        present: bool = False,
        last: int | None = None,
    ) -> AsyncIterator[IncidentEvent]:
        wanted = filter.wanted() if filter else Wanted()
        async for event in info.context.follow(INCIDENTS, present=present, last=last):
            if event.kind == PRESENT:
                for key in await latest_incidents(info.context, wanted):
                    yield IncidentEvent(key=key, update_key=None, kind=IncidentEventKind.PRESENT)
            elif await may_see(info, event) and (
                wanted == Wanted() or await is_wanted(info.context, event.key, wanted)
            ):
                yield incident_event(event)


async def may_see(info: Info, event: Event) -> bool:
    """Tell whether an event may reach whoever asks, as things are now.

    Internal ones need the grants; an update that was public then may be internal by now.
    """
    context = info.context
    if SeesInternal.allows(context.principal):
        return True
    if event.data.get("visibility") == Visibility.INTERNAL.value:
        return False
    if event.kind not in ABOUT_UPDATES:
        return True
    [update] = await load_updates(context, [str(event.data["update"])])
    return update is not None or event.kind == IncidentEventKind.VISIBILITY_CHANGED.value


def incident_event(event: Event) -> IncidentEvent:
    """Make the GraphQL event, which holds ids and loads the rest as its reader may see it."""
    update = event.data.get("update")
    return IncidentEvent(
        key=event.key,
        update_key=None if update is None else str(update),
        kind=IncidentEventKind(event.kind),
    )
