"""The GraphQL types of components."""

from __future__ import annotations

from datetime import datetime
from itertools import chain

import strawberry

from incident_room.components.store import (
    History,
    load_affected,
    load_change_counts,
    load_changes,
    load_components,
)
from incident_room.node import Node
from incident_room.tables import ComponentChangeRow, ComponentRow
from incident_room.topics import COMPONENTS
from incident_room.vocabulary import ComponentStatus
from watchword import Connection, Context, Info, connect, encode_id, page, reads

# Looking a member up here costs a fifth of calling the enum.
STATUSES = {status.value: status for status in ComponentStatus}


@reads(COMPONENTS)
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
        key = History(self.key, page(first, after, last, before))
        found = await info.context.loader(load_changes).load(key)
        counts = info.context.loader(load_change_counts)
        return connect(found, component_change, lambda: counts.load(self.key))


@reads(COMPONENTS)
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
