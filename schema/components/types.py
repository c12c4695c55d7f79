"""Components as GraphQL sees them."""

from __future__ import annotations

import strawberry

from graph import encode_id
from schema.node import Node
from schema.tables import ComponentRow
from schema.vocabulary import ComponentStatus


@strawberry.type(description="A part of the product that can be up or down.")
class Component(Node):
    name: str
    group: str | None
    description: str | None
    status: ComponentStatus
    position: int
    version: int = strawberry.field(description="Grows with each change; pass it back to be safe.")


def component(row: ComponentRow) -> Component:
    """Make a component of its row."""
    return Component(
        id=encode_id("Component", row.id),
        name=row.name,
        group=row.group,
        description=row.description,
        status=ComponentStatus(row.status),
        position=row.position,
        version=row.version,
    )


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
