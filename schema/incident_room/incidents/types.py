"""The GraphQL types of incidents and updates."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable
from datetime import datetime
from functools import partial

import strawberry

from incident_room.components.store import load_changes_in, load_changes_told
from incident_room.components.types import (
    Component,
    ComponentChange,
    component_change,
    load_affected_components,
)
from incident_room.incidents.store import load_incidents
from incident_room.members.types import Member, load_shown_members
from incident_room.node import Node
from incident_room.scopes import SeesInternal, SeesMembers
from incident_room.sources import Source, load_incident_sources, load_update_sources
from incident_room.tables import IncidentRow, UpdateRow
from incident_room.timeline.store import (
    Timeline,
    load_counts,
    load_internal,
    load_timelines,
    load_updates,
)
from incident_room.topics import COMPONENTS, INCIDENTS, IncidentEventKind
from incident_room.vocabulary import Impact, IncidentStatus, Visibility
from watchword import (
    ACCOUNTS,
    Connection,
    Context,
    Info,
    Public,
    connect,
    encode_id,
    guarded_by,
    page,
    reads,
)

# Looking a member up here costs a fifth of calling the enum.
IMPACTS = {impact.value: impact for impact in Impact}
STATUSES = {status.value: status for status in IncidentStatus}
VISIBILITIES = {visibility.value: visibility for visibility in Visibility}


@reads(INCIDENTS)
@guarded_by(Public)
@strawberry.type(
    description="An outage or a maintenance of components, from its first notice to its end."
)
class Incident(Node):
    row: strawberry.Private[IncidentRow]
    name: str
    impact: Impact
    status: IncidentStatus
    created_at: datetime
    started_at: datetime
    updated_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    scheduled_until: datetime | None = strawberry.field(
        description="The planned end of imported maintenance."
    )
    shortlink: str | None
    version: int = strawberry.field(
        description="Grows with each change. Pass it to a mutation to notice concurrent changes."
    )

    # Lists ask for these three fields most: one that returns the loader's future costs no task.
    @reads(INCIDENTS, COMPONENTS)
    @strawberry.field(graphql_type=list[Component])
    def components(self, info: Info) -> Awaitable[list[Component]]:
        return info.context.loader(load_affected_components).load(self.row.id)

    @reads(INCIDENTS, COMPONENTS)
    @strawberry.field(
        description="The changes of components' statuses that its updates report, the oldest first."
    )
    async def component_changes(self, info: Info) -> list[ReportedChange]:
        context = info.context
        rows = await context.loader(load_changes_in).load(self.row.id)
        updates = context.loader(load_updates)
        # Only those of updates that the caller may see.
        told = await gather(*(updates.load(str(row.update_id)) for row in rows))
        return [
            ReportedChange(change=component_change(row), update=incident_update(update))
            for row, update in zip(rows, told, strict=True)
            if update is not None
        ]

    @reads(INCIDENTS)
    @strawberry.field(description="Where it was imported from; null if it was opened here.")
    async def source(self, info: Info) -> Source | None:
        return await info.context.loader(load_incident_sources).load(self.row.id)

    @reads(INCIDENTS, ACCOUNTS)
    @strawberry.field(
        graphql_type=Member | None,
        permission_classes=[SeesMembers],
        description="The member who leads the response.",
    )
    def commander(self, info: Info) -> Awaitable[Member | None] | None:
        return _member(info, self.row.commander_id)

    @reads(INCIDENTS)
    @strawberry.field(
        graphql_type="Connection[IncidentUpdate]",
        description="The updates that you may see, the newest first.",
    )
    def updates(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Awaitable[Connection[IncidentUpdate]]:
        key = Timeline(self.row.id, page(first, after, last, before))
        return info.context.loader(load_shown_timelines).load(key)

    @reads(INCIDENTS)
    @strawberry.field(
        permission_classes=[SeesInternal],
        description="The responders' internal updates, the newest first.",
    )
    async def internal_notes(self, info: Info) -> list[IncidentUpdate] | None:
        rows = await info.context.loader(load_internal).load(self.row.id)
        return [incident_update(row) for row in rows]


@reads(INCIDENTS)
@guarded_by(Public)
@strawberry.type(
    description="A message about an incident. Its text never changes, except by an import after its source has changed it."
)
class IncidentUpdate(Node):
    row: strawberry.Private[UpdateRow]
    status: IncidentStatus = strawberry.field(
        description="The incident's status when the update was written."
    )
    body: str
    visibility: Visibility
    created_at: datetime
    display_at: datetime

    @reads(INCIDENTS, ACCOUNTS)
    @strawberry.field(
        graphql_type=Member | None,
        permission_classes=[SeesMembers],
        description="The member who wrote it; null for an imported update.",
    )
    def author(self, info: Info) -> Awaitable[Member | None] | None:
        return _member(info, self.row.author_id)

    @reads(INCIDENTS)
    @strawberry.field(description="Where it was imported from; null if it was written here.")
    async def source(self, info: Info) -> Source | None:
        return await info.context.loader(load_update_sources).load(self.row.id)

    @reads(COMPONENTS)
    @strawberry.field(description="The changes of components' statuses that the update reports.")
    async def component_changes(self, info: Info) -> list[ComponentChange]:
        rows = await info.context.loader(load_changes_told).load(self.row.id)
        return [component_change(row) for row in rows]

    @reads(INCIDENTS)
    @strawberry.field
    async def incident(self, info: Info) -> Incident | None:
        row = await info.context.loader(load_incidents).load(self.row.incident_id)
        return incident(row) if row else None


@guarded_by(Public)
@reads(INCIDENTS, COMPONENTS)
@strawberry.type(description="A change of a component's status, with the update that reports it.")
class ReportedChange:
    change: ComponentChange
    update: IncidentUpdate


@guarded_by(Public)
@strawberry.type(description="An event of an incident.")
class IncidentEvent:
    key: strawberry.Private[str]
    update_key: strawberry.Private[str | None]
    kind: IncidentEventKind

    @strawberry.field(description="The incident as it is now.")
    async def incident(self, info: Info) -> Incident | None:
        row = await info.context.loader(load_incidents).load(self.key)
        return incident(row) if row else None

    @strawberry.field(description="The update that the event is about, if any.")
    async def update(self, info: Info) -> IncidentUpdate | None:
        if self.update_key is None:
            return None
        row = await info.context.loader(load_updates).load(self.update_key)
        return incident_update(row) if row else None


def incident(row: IncidentRow) -> Incident:
    """Make the GraphQL object of an incident."""
    return Incident(
        id=encode_id("Incident", row.id),
        row=row,
        name=row.name,
        impact=IMPACTS[row.impact],
        status=STATUSES[row.status],
        created_at=row.created_at,
        started_at=row.started_at,
        updated_at=row.updated_at,
        monitoring_at=row.monitoring_at,
        resolved_at=row.resolved_at,
        scheduled_until=row.scheduled_until,
        shortlink=row.shortlink,
        version=row.version,
    )


def incident_update(row: UpdateRow) -> IncidentUpdate:
    """Make the GraphQL object of an update."""
    return IncidentUpdate(
        id=encode_id("IncidentUpdate", row.id),
        row=row,
        status=STATUSES[row.status],
        body=row.body,
        visibility=VISIBILITIES[row.visibility],
        created_at=row.created_at,
        display_at=row.display_at,
    )


async def load_shown_timelines(
    context: Context, keys: list[Timeline]
) -> list[Connection[IncidentUpdate]]:
    """Load a page of updates for each of many incidents as GraphQL objects."""
    counts = context.loader(load_counts)
    return [
        connect(found, incident_update, partial(counts.load, key.incident_id))
        for key, found in zip(keys, await load_timelines(context, keys), strict=True)
    ]


def _member(info: Info, key: str | None) -> Awaitable[Member | None] | None:
    return None if key is None else info.context.loader(load_shown_members).load(key)
