"""The GraphQL types of components."""

from __future__ import annotations

from datetime import date, datetime
from itertools import chain

import strawberry

from incident_room.components.history import Day, History, Status
from incident_room.components.store import (
    Changes,
    Days,
    load_affected,
    load_change_counts,
    load_changes,
    load_components,
    load_histories,
)
from incident_room.node import Node
from incident_room.sources import Source, load_origins
from incident_room.tables import ComponentChangeRow, ComponentRow
from incident_room.topics import COMPONENTS, INCIDENTS
from incident_room.vocabulary import ComponentStatus
from incident_room.zones import zone
from watchword import (
    BadUserInput,
    Connection,
    Context,
    Info,
    Public,
    connect,
    cost,
    encode_id,
    guarded_by,
    page,
    reads,
)

# Looking a member up here costs a fifth of calling the enum.
STATUSES = {status.value: status for status in ComponentStatus}
MOST_DAYS = 366
# Seconds for which the history of a component may be shared, because its last day goes on.
HISTORY_SECONDS = 60
# With hundreds of incidents, a history takes about as much time as so many objects.
HISTORY_COST = 50


@reads(COMPONENTS)
@guarded_by(Public)
@strawberry.type(description="A part of the product, which has a status.")
class Component(Node):
    key: strawberry.Private[str]
    name: str
    group: str | None
    description: str | None
    status: ComponentStatus
    position: int
    version: int = strawberry.field(
        description="Grows with each change. Pass it to a mutation to notice concurrent changes."
    )

    @reads(COMPONENTS)
    @strawberry.field(description="The changes of its status, the newest first.")
    async def changes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[ComponentChange]:
        key = Changes(self.key, page(first, after, last, before))
        found = await info.context.loader(load_changes).load(key)
        counts = info.context.loader(load_change_counts)
        return connect(found, component_change, lambda: counts.load(self.key))

    @reads(COMPONENTS)
    @strawberry.field(description="When it was added here.")
    async def created_at(self, info: Info) -> datetime | None:
        found = await info.context.loader(load_origins).load(self.key)
        return found.created_at if found else None

    @reads(COMPONENTS)
    @strawberry.field(description="Where it was imported from; null if it was made here.")
    async def source(self, info: Info) -> Source | None:
        found = await info.context.loader(load_origins).load(self.key)
        return found.source if found else None

    @reads(COMPONENTS, INCIDENTS, seconds=HISTORY_SECONDS)
    @strawberry.field(
        directives=[cost(HISTORY_COST)],
        description="What its last days were like, today included. `timeZone` is where they begin and end, such as `Europe/Berlin`.",
    )
    async def history(
        self, info: Info, days: int = 90, time_zone: str = "UTC"
    ) -> ComponentHistory | None:
        if not 1 <= days <= MOST_DAYS:
            raise BadUserInput(f"days is a number from 1 to {MOST_DAYS}.", ["days"])
        try:
            key = Days(self.key, days, zone(time_zone))
        except ValueError as error:
            raise BadUserInput(f"timeZone {error}.", ["timeZone"]) from None
        found = await info.context.loader(load_histories).load(key)
        return component_history(found) if found else None


@reads(COMPONENTS, INCIDENTS)
@guarded_by(Public)
@strawberry.type(description="What the last days of a component were like.")
class ComponentHistory:
    first_day: date
    last_day: date
    known_from: date = strawberry.field(
        description="The first of these days of which anything is known."
    )
    uptime: float = strawberry.field(
        description="Per cent of the time since then. A partial outage counts for 30 % of its time."
    )
    days: list[ComponentDay] = strawberry.field(
        description="The days on which it was not operational all the time, the oldest first."
    )


@reads(COMPONENTS, INCIDENTS)
@guarded_by(Public)
@strawberry.type(
    description="A day on which a component was not operational all the time. Incidents of which no change of the"
    " component was recorded count by their impact: MINOR as DEGRADED_PERFORMANCE, MAJOR as PARTIAL_OUTAGE, CRITICAL as"
    " MAJOR_OUTAGE."
)
class ComponentDay:
    date: date
    worst: ComponentStatus
    degraded_seconds: float
    partial_outage_seconds: float
    major_outage_seconds: float
    maintenance_seconds: float


def component_history(found: History) -> ComponentHistory:
    """Make the GraphQL object of a history."""
    return ComponentHistory(
        first_day=found.first_day,
        last_day=found.last_day,
        known_from=found.known_from,
        uptime=found.uptime,
        days=[_component_day(day) for day in found.days],
    )


def _component_day(day: Day) -> ComponentDay:
    return ComponentDay(
        date=day.date,
        worst=day.worst,
        degraded_seconds=day.seconds.get(Status.DEGRADED_PERFORMANCE, 0),
        partial_outage_seconds=day.seconds.get(Status.PARTIAL_OUTAGE, 0),
        major_outage_seconds=day.seconds.get(Status.MAJOR_OUTAGE, 0),
        maintenance_seconds=day.seconds.get(Status.UNDER_MAINTENANCE, 0),
    )


@reads(COMPONENTS)
@guarded_by(Public)
@strawberry.type(description="A change of the status of a component.")
class ComponentChange:
    row: strawberry.Private[ComponentChangeRow]
    old_status: ComponentStatus
    new_status: ComponentStatus
    at: datetime

    @reads(COMPONENTS)
    @strawberry.field
    async def component(self, info: Info) -> Component | None:
        row = await info.context.loader(load_components).load(self.row.component_id)
        return component(row) if row else None


def component_change(row: ComponentChangeRow) -> ComponentChange:
    """Make the GraphQL object of a change."""
    return ComponentChange(
        row=row,
        old_status=STATUSES[row.old_status],
        new_status=STATUSES[row.new_status],
        at=row.at,
    )


def component(row: ComponentRow) -> Component:
    """Make the GraphQL object of a component."""
    return Component(
        id=encode_id("Component", row.id),
        key=row.id,
        name=row.name,
        group=row.group,
        description=row.description,
        status=STATUSES[row.status],
        position=row.position,
        version=row.version,
    )


async def load_affected_components(context: Context, incidents: list[str]) -> list[list[Component]]:
    """Load the components that each incident affects as GraphQL objects, one for each component."""
    made: dict[str, Component] = {}
    for row in chain.from_iterable(found := await load_affected(context, incidents)):
        if row.id not in made:
            made[row.id] = component(row)
    return [[made[row.id] for row in rows] for rows in found]


@strawberry.input
class RegisterComponentInput:
    name: str
    group: str | None = None
    description: str | None = None
    status: ComponentStatus = ComponentStatus.OPERATIONAL


@strawberry.input
class SetComponentStatusInput:
    component: strawberry.ID
    status: ComponentStatus
    version: int | None = None
