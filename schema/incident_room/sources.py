"""Where imported things come from: the status page, and the id that they have there."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import strawberry
from sqlalchemy import bindparam, select

from incident_room.tables import ComponentRow, IncidentRow, UpdateRow
from incident_room.topics import COMPONENTS, INCIDENTS
from watchword import Context, Public, guarded_by, reads

OF_INCIDENTS = select(IncidentRow.id, IncidentRow.source, IncidentRow.source_id).where(
    IncidentRow.id.in_(bindparam("keys"))
)
OF_UPDATES = (
    select(UpdateRow.id, IncidentRow.source, UpdateRow.source_id)
    .join(IncidentRow, IncidentRow.id == UpdateRow.incident_id)
    .where(UpdateRow.id.in_(bindparam("keys")))
)
OF_COMPONENTS = select(
    ComponentRow.id, ComponentRow.source, ComponentRow.source_id, ComponentRow.created_at
).where(ComponentRow.id.in_(bindparam("keys")))


@guarded_by(Public)
@reads(INCIDENTS, COMPONENTS)
@strawberry.type(description="Where something was imported from.")
class Source:
    page: str = strawberry.field(description="The id of the status page.")
    id: str = strawberry.field(description="The id that it has there.")


class Origin(NamedTuple):
    """The source of a component, and when it was added here."""

    source: Source | None
    created_at: datetime


@reads(INCIDENTS)
async def load_incident_sources(context: Context, keys: list[str]) -> list[Source | None]:
    """Load the sources of incidents in one statement; None for those that were made here."""
    found = await context.rows(OF_INCIDENTS, keys=keys)
    sources = {row.id: _source(row.source, row.source_id) for row in found}
    return [sources.get(key) for key in keys]


@reads(INCIDENTS)
async def load_update_sources(context: Context, keys: list[str]) -> list[Source | None]:
    """Load the sources of updates in one statement; None for those that were made here."""
    found = await context.rows(OF_UPDATES, keys=keys)
    sources = {row.id: _source(row.source, row.source_id) for row in found}
    return [sources.get(key) for key in keys]


@reads(COMPONENTS)
async def load_origins(context: Context, keys: list[str]) -> list[Origin | None]:
    """Load the origins of components in one statement."""
    found = await context.rows(OF_COMPONENTS, keys=keys)
    origins = {row.id: Origin(_source(row.source, row.source_id), row.created_at) for row in found}
    return [origins.get(key) for key in keys]


def _source(page: str | None, id: str | None) -> Source | None:
    return Source(page=page, id=id) if page and id else None
