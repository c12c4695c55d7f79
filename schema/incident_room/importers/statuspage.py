"""Imports a file of a Statuspage site: adds what is new, and applies changes since the last import.

Each incident and its events are one transaction, so that an invalid incident does not stop the others.
Rows are recognised by Statuspage's ids. A file that is older than the last import changes nothing, and
responders' changes here stay until the source changes the same incident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from incident_room.importers import components
from incident_room.importers.statuspage_file import File, SourceIncident, SourceUpdate, read
from incident_room.importers.store import Store
from incident_room.incidents.lifecycle import RESOLUTIONS
from incident_room.tables import (
    ComponentRow,
    IncidentComponentRow,
    IncidentRow,
    UpdateRow,
)
from incident_room.topics import IncidentEventKind, incident_event
from incident_room.vocabulary import IncidentStatus, Visibility
from watchword import Conflict, Transaction, new_id

Kind = IncidentEventKind
Progress = Callable[[int, int], None]
"""Called with the number of incidents that are done, and their total."""


@dataclass
class Report:
    """The result of an import: counts, what was skipped with the reason, and notes."""

    incidents_added: int = 0
    incidents_changed: int = 0
    incidents_unchanged: int = 0
    updates_added: int = 0
    updates_changed: int = 0
    components_added: int = 0
    components_changed: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def import_statuspage(
    store: Store, content: bytes, progress: Progress = lambda done, total: None
) -> Report:
    """Import the incidents, maintenance and components of a file that are new or have changed.

    Raises `Unsafe` when the content is not the JSON of a Statuspage site.
    """
    file = read(content, datetime.now().astimezone())
    report = Report(skipped=file.skipped, notes=file.notes)
    report.components_added = await components.add(store, file)
    # Import the oldest first, so that events are in the order in which things happened.
    incidents = sorted(file.incidents, key=lambda each: each.created_at)
    imported = await _imported(store, file.page)
    for done, incident in enumerate(incidents):
        progress(done, len(incidents))
        try:
            await _import(store, file, incident, imported, report)
        except Conflict:
            report.skipped.append((incident.id, "it changed here meanwhile; import it again"))
    report.components_changed = await components.update_known(store, file)
    progress(len(incidents), len(incidents))
    return report


@dataclass(frozen=True, slots=True)
class Imported:
    """The last import of an incident: the digest of its content, and its time of change at the source."""

    digest: str | None
    at: datetime


async def _imported(store: Store, page: str) -> dict[str, Imported]:
    # Rows from before migration 0002 have neither digest nor the source's time.
    at = func.coalesce(IncidentRow.source_updated_at, IncidentRow.updated_at)
    columns = select(IncidentRow.source_id, IncidentRow.source_digest, at)
    async with store.read() as db:
        found = await db.execute(columns.where(IncidentRow.source == page))
        return {str(id): Imported(digest, at) for id, digest, at in found}


async def _import(
    store: Store,
    file: File,
    incident: SourceIncident,
    imported: dict[str, Imported],
    report: Report,
) -> None:
    last = imported.get(incident.id)
    if last and (last.digest == incident.digest or incident.changed_at < last.at):
        report.incidents_unchanged += 1
        return
    async with store.write() as unit:
        if last is None:
            outcome = await _add(unit, file, incident)
        else:
            outcome = await _Change(unit, file, incident).apply()
    imported[incident.id] = Imported(incident.digest, incident.changed_at)
    _count(report, outcome, is_new=last is None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of importing one incident."""

    added: int
    changed: int
    notes: Sequence[str]
    is_changed: bool = True


def _count(report: Report, outcome: Outcome, is_new: bool) -> None:
    report.incidents_added += is_new
    report.incidents_changed += not is_new and outcome.is_changed
    report.incidents_unchanged += not is_new and not outcome.is_changed
    report.updates_added += outcome.added
    report.updates_changed += outcome.changed
    report.notes += outcome.notes


async def _add(unit: Transaction, file: File, incident: SourceIncident) -> Outcome:
    row = IncidentRow(id=new_id(), source=file.page, source_id=incident.id)
    _describe(row, incident)
    unit.db.add(row)
    await unit.db.flush()
    await _affect(unit.db, row, await _keys(unit.db, file, incident))
    updates = {each.id: each for each in incident.incident_updates}
    said = [_update(unit.db, row, each) for each in _in_order(updates.values())]
    await unit.db.flush()
    notes = await components.record_changes(unit, file.page, said, updates)
    unit.publish(incident_event(row.id, Kind.OPENED, said[-1].id if said else None))
    return Outcome(len(said), 0, notes)


class _Change:
    """Applies the source's changes to an incident that was imported before."""

    def __init__(self, unit: Transaction, file: File, incident: SourceIncident) -> None:
        self._unit = unit
        self._session = unit.db
        self._file = file
        self._incident = incident

    async def apply(self) -> Outcome:
        """Change the rows, and publish an event for each thing that changed."""
        named = select(IncidentRow).filter_by(source=self._file.page, source_id=self._incident.id)
        row = (await self._session.execute(named)).scalar_one()
        before, version = (row.status, row.impact, _shown(row)), row.version
        _describe(row, self._incident)
        await self._session.flush()
        is_affected = await _affect(
            self._session, row, await _keys(self._session, self._file, self._incident)
        )
        updates = {each.id: each for each in self._incident.incident_updates}
        known = await _known_updates(self._session, row)
        edited = [said for id, said in known.items() if id in updates and _edit(said, updates[id])]
        fresh = _in_order(each for each in updates.values() if each.id not in known)
        said = [_update(self._session, row, each) for each in fresh]
        await self._session.flush()
        there = [each for id, each in known.items() if id in updates]
        notes = await components.record_changes(
            self._unit, self._file.page, [*there, *said], updates
        )
        events = len(self._unit.events)
        self._publish(row, before, is_affected, edited, said)
        is_changed = len(self._unit.events) > events
        if not is_changed and row.version != version:
            # Nothing else that is shown has changed, but answers with the incident's version are stale.
            self._unit.publish(incident_event(row.id, Kind.EDITED))
        if gone := len(known.keys() - updates.keys()):
            notes.append(f"{self._incident.id}: {gone} updates are not in the file any more; kept.")
        return Outcome(len(said), len(edited), notes, is_changed)

    def _publish(
        self,
        row: IncidentRow,
        before: tuple[str, str, tuple[object, ...]],
        is_affected: bool,
        edited: list[UpdateRow],
        said: list[UpdateRow],
    ) -> None:
        status, impact, shown = before
        if is_affected:
            self._unit.publish(incident_event(row.id, Kind.COMPONENTS_CHANGED))
        if impact != row.impact:
            self._unit.publish(incident_event(row.id, Kind.IMPACT_CHANGED))
        for each in said:
            self._unit.publish(incident_event(row.id, Kind.UPDATE_POSTED, each.id))
        for each in edited:
            visibility = Visibility(each.visibility)
            self._unit.publish(incident_event(row.id, Kind.EDITED, each.id, visibility))
        if status != row.status:
            is_over = IncidentStatus(row.status) in RESOLUTIONS
            self._unit.publish(
                incident_event(row.id, Kind.RESOLVED if is_over else Kind.STATUS_CHANGED)
            )
        elif shown != _shown(row):
            self._unit.publish(incident_event(row.id, Kind.EDITED))


def _shown(row: IncidentRow) -> tuple[object, ...]:
    return (row.name, row.shortlink, row.updated_at, row.started_at, row.monitoring_at, row.resolved_at,
            row.scheduled_until)  # fmt: skip


def _describe(row: IncidentRow, incident: SourceIncident) -> None:
    row.name = incident.name
    row.status = incident.status.upper()
    row.impact = incident.impact.upper()
    row.shortlink = incident.shortlink
    row.created_at = incident.created_at
    row.started_at = incident.began_at
    # Keep the later time: responders may have changed the incident here after the source did.
    row.updated_at = max(row.updated_at or incident.changed_at, incident.changed_at)
    row.monitoring_at = incident.monitoring_at
    row.resolved_at = incident.resolved_at
    row.scheduled_until = incident.scheduled_until
    row.source_updated_at = incident.changed_at
    row.source_digest = incident.digest


async def _keys(db: AsyncSession, file: File, incident: SourceIncident) -> set[str]:
    ids = [each.id for each in incident.components if not each.group]
    known = await components.known(db, file.page, ids)
    return set(known.values())


async def _affect(db: AsyncSession, row: IncidentRow, keys: set[str]) -> bool:
    """Link an incident to these components of its page, and return whether that changed anything.

    Links to components from elsewhere stay.
    """
    imported = select(ComponentRow.id).where(ComponentRow.source == row.source)
    linked = select(IncidentComponentRow.component_id).where(
        IncidentComponentRow.incident_id == row.id,
        IncidentComponentRow.component_id.in_(imported),
    )
    there = set((await db.execute(linked)).scalars())
    for key in there - keys:
        await db.execute(
            delete(IncidentComponentRow).filter_by(incident_id=row.id, component_id=key)
        )
    db.add_all(IncidentComponentRow(incident_id=row.id, component_id=key) for key in keys - there)
    return there != keys


async def _known_updates(db: AsyncSession, row: IncidentRow) -> dict[str, UpdateRow]:
    found = await db.execute(select(UpdateRow).filter_by(incident_id=row.id))
    return {said.source_id: said for said in found.scalars() if said.source_id}


def _in_order(updates: Iterable[SourceUpdate]) -> list[SourceUpdate]:
    return sorted(updates, key=lambda each: (each.shown_at, each.created_at))


def _update(db: AsyncSession, row: IncidentRow, update: SourceUpdate) -> UpdateRow:
    said = UpdateRow(
        id=new_id(), incident_id=row.id, visibility=Visibility.PUBLIC.value, source_id=update.id
    )
    _edit(said, update)
    db.add(said)
    return said


def _edit(said: UpdateRow, update: SourceUpdate) -> bool:
    """Apply the source's values to an update, and return whether any of them changed."""
    values = {
        "status": update.status.upper(),
        "body": update.body,
        "created_at": update.created_at,
        "display_at": update.shown_at,
    }
    edits = {name: value for name, value in values.items() if getattr(said, name, None) != value}
    for name, value in edits.items():
        setattr(said, name, value)
    return bool(edits)
