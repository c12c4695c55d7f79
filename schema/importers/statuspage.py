"""Real incidents in: the JSON that every Statuspage site serves at /api/v2/incidents.json.

Each incident is one transaction, so that what is wrong with one keeps no other out. Imports are
idempotent by Statuspage's own ids. They publish no events: they are history, not news.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from graph import Database, Unsafe, new_id
from schema.tables import ComponentRow, IncidentComponentRow, IncidentRow, UpdateRow

Progress = Callable[[int, int], None]
"""Hears how many incidents are done, of how many."""

Text = Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")
Id = Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")
Status = Literal[
    "investigating", "identified", "monitoring", "resolved", "postmortem",
    "scheduled", "in_progress", "verifying", "completed",
]  # fmt: skip


class Component(BaseModel):
    id: str = Id
    name: str = Text
    description: str | None = None
    status: Literal[
        "operational", "degraded_performance", "partial_outage", "major_outage",
        "under_maintenance",
    ] = "operational"  # fmt: skip


class Update(BaseModel):
    id: str = Id
    status: Status
    body: str = Field(max_length=100_000, pattern=r"^[^\x00]*$")
    created_at: AwareDatetime
    display_at: AwareDatetime | None = None


class Incident(BaseModel):
    id: str = Id
    name: str = Text
    status: Status
    impact: Literal["none", "minor", "major", "critical", "maintenance"]
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    monitoring_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    shortlink: str | None = Field(None, max_length=500)
    incident_updates: list[Update] = Field(default_factory=list)
    components: list[Component] = Field(default_factory=list)


@dataclass
class Report:
    """What an import did, and what it left out with the reason."""

    incidents_added: int = 0
    incidents_changed: int = 0
    incidents_unchanged: int = 0
    updates_added: int = 0
    components_added: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Known:
    """What the database holds of this page already, by Statuspage's ids."""

    components: dict[str, str]
    last_position: int
    incidents: dict[str, tuple[str, datetime]]
    updates: dict[str, set[str]]


async def import_statuspage(
    database: Database, content: bytes, progress: Progress = lambda done, total: None
) -> Report:
    """Bring in all incidents that are new or have grown.

    Raises `Unsafe` when the content is not the JSON of a Statuspage site.
    """
    page, incidents = _read(content)
    report = Report()
    async with database.read() as session:
        known = await _known(session, page)
    for done, value in enumerate(incidents):
        progress(done, len(incidents))
        try:
            incident = Incident.model_validate(value)
        except ValidationError as error:
            report.skipped.append((_name(value), _reason(error)))
        else:
            await _import(database, page, incident, known, report)
    progress(len(incidents), len(incidents))
    return report


def _read(content: bytes) -> tuple[str, list[Any]]:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Unsafe(f"This is not JSON: {error}.") from error
    page = value.get("page") if isinstance(value, dict) else None
    id = page.get("id") if isinstance(page, dict) else None
    incidents = value.get("incidents") if isinstance(value, dict) else None
    if not isinstance(id, str) or not 0 < len(id) <= 64 or not isinstance(incidents, list):
        raise Unsafe(
            "This is not what a Statuspage site serves at /api/v2/incidents.json:"
            ' it has no "page" with an "id", or no list of "incidents".'
        )
    return id, incidents


async def _known(session: AsyncSession, page: str) -> Known:
    components = select(ComponentRow.source_id, ComponentRow.id).filter_by(source=page)
    incidents = select(IncidentRow.source_id, IncidentRow.id, IncidentRow.updated_at)
    said = select(IncidentRow.source_id, UpdateRow.source_id).join(
        UpdateRow, UpdateRow.incident_id == IncidentRow.id
    )
    updates: dict[str, set[str]] = {}
    for incident, update in await session.execute(said.where(IncidentRow.source == page)):
        updates.setdefault(str(incident), set()).add(str(update))
    found = await session.execute(incidents.filter_by(source=page))
    last = await session.scalar(select(func.max(ComponentRow.position)))
    return Known(
        components={source: id for source, id in await session.execute(components) if source},
        last_position=last or 0,
        incidents={source: (id, updated_at) for source, id, updated_at in found if source},
        updates=updates,
    )


async def _import(
    database: Database, page: str, incident: Incident, known: Known, report: Report
) -> None:
    found = known.incidents.get(incident.id)
    there = known.updates.setdefault(incident.id, set())
    fresh = {update.id: update for update in incident.incident_updates if update.id not in there}
    has_grown = found is None or fresh or _updated_at(incident) > found[1]
    if not has_grown:
        report.incidents_unchanged += 1
        return
    new_components: dict[str, str] = {}
    async with database.write() as session:
        for component in incident.components:
            if component.id not in known.components and component.id not in new_components:
                position = known.last_position + len(new_components) + 1
                new_components[component.id] = _add_component(session, page, component, position)
        row = await _row(session, page, incident, found[0] if found else None)
        await session.flush()
        keys = {(known.components | new_components)[each.id] for each in incident.components}
        await _affect(session, row.id, keys)
        session.add_all(_update(row.id, update) for update in fresh.values())
    # Only now is it in the database, and only what is there is known.
    known.components |= new_components
    known.last_position += len(new_components)
    known.incidents[incident.id] = (row.id, _updated_at(incident))
    there.update(fresh)
    report.components_added += len(new_components)
    report.updates_added += len(fresh)
    report.incidents_added += found is None
    report.incidents_changed += found is not None


def _add_component(session: AsyncSession, page: str, component: Component, position: int) -> str:
    row = ComponentRow(
        id=new_id(),
        name=component.name,
        description=component.description,
        status=component.status.upper(),
        position=position,
        created_at=datetime.now().astimezone(),
        source=page,
        source_id=component.id,
    )
    session.add(row)
    return row.id


async def _row(session: AsyncSession, page: str, incident: Incident, id: str | None) -> IncidentRow:
    if id is None:
        row = IncidentRow(id=new_id(), source=page, source_id=incident.id)
        session.add(row)
    else:
        row = await session.get_one(IncidentRow, id)
    row.name = incident.name
    row.status = incident.status.upper()
    row.impact = incident.impact.upper()
    row.shortlink = incident.shortlink
    row.created_at = incident.created_at
    row.started_at = incident.started_at or incident.created_at
    row.updated_at = _updated_at(incident)
    row.monitoring_at = incident.monitoring_at
    row.resolved_at = incident.resolved_at
    return row


async def _affect(session: AsyncSession, incident: str, components: set[str]) -> None:
    there = await session.execute(
        select(IncidentComponentRow.component_id).filter_by(incident_id=incident)
    )
    session.add_all(
        IncidentComponentRow(incident_id=incident, component_id=component)
        for component in components - set(there.scalars())
    )


def _update(incident: str, update: Update) -> UpdateRow:
    return UpdateRow(
        id=new_id(),
        incident_id=incident,
        status=update.status.upper(),
        body=update.body,
        visibility="PUBLIC",
        created_at=update.created_at,
        display_at=update.display_at or update.created_at,
        source_id=update.id,
    )


def _updated_at(incident: Incident) -> datetime:
    return incident.updated_at or incident.created_at


def _name(value: Any) -> str:
    id = value.get("id") if isinstance(value, dict) else None
    return id[:64] if isinstance(id, str) else "an incident without an id"


def _reason(error: ValidationError) -> str:
    first, *more = error.errors(include_url=False, include_input=False)
    place = ".".join(str(part) for part in first["loc"]) or "incident"
    others = f" (and {len(more)} more)" if more else ""
    return f"{place}: {first['msg']}{others}"
