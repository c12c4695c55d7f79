"""The streams of the domain, and what is written into them."""

from __future__ import annotations

from enum import Enum

import strawberry

from incident_room.vocabulary import Visibility
from watchword import PRESENT, Event

INCIDENTS = "incidents"
COMPONENTS = "components"


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
        "EDITED", description="An import changed the name or times, or the words of the update."
    )
    PRESENT = strawberry.enum_value(
        PRESENT, description="Nothing happened: this is how it is as the subscription begins."
    )


def incident_event(
    incident_id: str,
    kind: IncidentEventKind,
    update_id: str | None = None,
    visibility: Visibility = Visibility.PUBLIC,
) -> Event:
    """Say what happened to an incident. The update is named by its id and loaded by who may see it."""
    data = {"update": update_id, "visibility": visibility.value}
    return Event(INCIDENTS, incident_id, kind.value, data)


def component_event(component_id: str) -> Event:
    """Say that a component is new or changed."""
    return Event(COMPONENTS, component_id, "STATUS_CHANGED")
