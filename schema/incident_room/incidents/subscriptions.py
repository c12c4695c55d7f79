"""Subscriptions to incidents."""

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

# The kinds of events that are only about an update. A subscriber that may not see the update gets no event,
# except the one that says that it was hidden.
ABOUT_UPDATES = {IncidentEventKind.UPDATE_POSTED.value, IncidentEventKind.VISIBILITY_CHANGED.value}
# During a rolling upgrade, a server of the next release may publish other kinds.
KNOWN_KINDS = {kind.value for kind in IncidentEventKind}
BEGINNING = (
    " With `present`, an event of kind PRESENT comes first, with the present state; with `last`, that"
    " many past events come first. To continue after a pause, send the `extensions.cursor` of the last"
    " answer as `extensions.resume`."
)


@strawberry.type
class IncidentSubscription:
    @strawberry.subscription(
        permission_classes=[Public],
        description="Events of one incident, from now on." + BEGINNING,
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
        description="Events from now on of incidents that match the filter when the event arrives."
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
    """Tell whether the subscriber may see an event now.

    Internal events require the grants for internal updates, and a public update may have become internal.
    """
    context = info.context
    if event.kind not in KNOWN_KINDS:
        return False
    if SeesInternal.allows(context.principal):
        return True
    if event.data.get("visibility") == Visibility.INTERNAL.value:
        return False
    if event.kind not in ABOUT_UPDATES:
        return True
    [update] = await load_updates(context, [str(event.data["update"])])
    return update is not None or event.kind == IncidentEventKind.VISIBILITY_CHANGED.value


def incident_event(event: Event) -> IncidentEvent:
    """Make the GraphQL event. It contains ids, and loads the rest with the subscriber's permissions."""
    update = event.data.get("update")
    return IncidentEvent(
        key=event.key,
        update_key=None if update is None else str(update),
        kind=IncidentEventKind(event.kind),
    )
