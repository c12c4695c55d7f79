"""Fields about components."""

from __future__ import annotations

from collections.abc import AsyncIterator

import strawberry

from incident_room.components.store import (
    all_components,
    change_status,
    get_component,
    load_components,
    next_position,
)
from incident_room.components.types import (
    Component,
    RegisterComponentInput,
    SetComponentStatusInput,
    component,
)
from incident_room.scopes import KeepsComponents
from incident_room.tables import ComponentRow
from incident_room.topics import COMPONENTS, component_event
from watchword import (
    PRESENT,
    Info,
    Public,
    Transaction,
    checked_text,
    decode_id,
    moment,
    new_id,
    reads,
)

LONGEST_NAME = 255
LONGEST_DESCRIPTION = 2_000


@strawberry.type
class ComponentQuery:
    @reads(COMPONENTS)
    @strawberry.field(permission_classes=[Public], description="All components, in their order.")
    async def components(self, info: Info, group: str | None = None) -> list[Component]:
        wanted = None if group is None else checked_text(group, ["group"], LONGEST_NAME)
        return [component(row) for row in await all_components(info.context, wanted)]


@strawberry.type
class ComponentMutation:
    @strawberry.mutation(permission_classes=[KeepsComponents])
    async def register_component(
        self, info: Info, input: RegisterComponentInput
    ) -> Component | None:
        async with info.context.write() as unit:
            row = await _register(unit, input)
            unit.publish(component_event(row.id))
        return component(row)

    @strawberry.mutation(permission_classes=[KeepsComponents])
    async def set_component_status(
        self, info: Info, input: SetComponentStatusInput
    ) -> Component | None:
        key = decode_id(input.component, "Component", ["input", "component"])
        async with info.context.write() as unit:
            row = await get_component(unit.db, key, input.version)
            if row.status != input.status.value:
                change_status(unit.db, row, input.status.value, moment(unit.now))
                await unit.db.flush()
                unit.publish(component_event(row.id))
        return component(row)


@strawberry.type
class ComponentSubscription:
    @strawberry.subscription(
        permission_classes=[Public],
        description="A component that was added or changed. With `present`, all components"
        " come first, as they are now.",
    )
    async def component_status_changed(
        self, info: Info, present: bool = False, last: int | None = None
    ) -> AsyncIterator[Component]:
        async for event in info.context.follow(COMPONENTS, present=present, last=last):
            if event.kind == PRESENT:
                for row in await all_components(info.context, None):
                    yield component(row)
                continue
            [changed] = await load_components(info.context, [event.key])
            if changed is not None:
                yield component(changed)


async def _register(unit: Transaction, input: RegisterComponentInput) -> ComponentRow:
    row = ComponentRow(
        id=new_id(),
        name=checked_text(input.name, ["input", "name"], LONGEST_NAME),
        group=_optional(input.group, "group", LONGEST_NAME),
        description=_optional(input.description, "description", LONGEST_DESCRIPTION, lines=True),
        status=input.status.value,
        position=await next_position(unit.db),
        created_at=moment(unit.now),
    )
    unit.db.add(row)
    await unit.db.flush()
    return row


def _optional(value: str | None, name: str, longest: int, *, lines: bool = False) -> str | None:
    return None if value is None else checked_text(value, ["input", name], longest, lines=lines)
