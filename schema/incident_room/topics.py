"""The domain's streams of events, and the events in them."""

from __future__ import annotations

from enum import Enum

import strawberry

from incident_room.vocabulary import Visibility
from watchword import PRESENT, Event

INCIDENTS = "incidents"
COMPONENTS = "components"

# The stream that the rows of each table belong to.
TABLES: dict[str, str] = {
    "components": COMPONENTS,
    "component_changes": COMPONENTS,
    "incidents": INCIDENTS,
    "incident_components": INCIDENTS,
    "incident_updates": INCIDENTS,
}


@strawberry.enum
class IncidentEventKind(Enum):
    OPENED = "OPENED"
    UPDATE_POSTED = "UPDATE_POSTED"
    STATUS_CHANGED = "STATUS_CHANGED"
    IMPACT_CHANGED = "IMPACT_CHANGED"
    COMMANDER_ASSIGNED = "COMMANDER_ASSIGNED"
    COMPONENTS_CHANGED = "COMPONENTS_CHANGED"
    RESOLVED = "RESOLVED"
    VISIBILITY_CHANGED = "VISIBILITY_CHANGED"
    EDITED = strawberry.enum_value(
        "EDITED",
        description="An import changed the incident's name or times, or the text of the update.",
    )
    PRESENT = strawberry.enum_value(
        PRESENT, description="Not a change: the state when the subscription begins."
    )


def incident_event(
    incident_id: str,
    kind: IncidentEventKind,
    update_id: str | None = None,
    visibility: Visibility = Visibility.PUBLIC,
) -> Event:
    """Make an event of an incident. It contains only the update's id: subscribers that may see the update
    load it."""
    data = {"update": update_id, "visibility": visibility.value}
    return Event(INCIDENTS, incident_id, kind.value, data)


def component_event(component_id: str) -> Event:
    """Make the event that a component was added or changed."""
    return Event(COMPONENTS, component_id, "STATUS_CHANGED")
