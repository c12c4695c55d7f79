"""Imports a file of a Statuspage site: adds what is new, and applies changes since the last import.

New incidents are added a hundred at a time with their events, each hundred in one transaction, and a change
of an incident is a transaction of its own. An import that is interrupted continues when it is repeated.
Rows are recognised by Statuspage's ids, and what this server has exported by its own. A file that is older than the last import changes nothing, and
responders' changes here stay until the source changes the same incident.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from incident_room.importers import additions, components
from incident_room.importers.own import leave_out_own
from incident_room.importers.statuspage_file import (
    Entry,
    File,
    SourceIncident,
    SourceUpdate,
    in_order,
    marks_of_import,
    read,
    values_of_incident,
    values_of_update,
)
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
# New incidents that are added in one transaction. Other writers wait for it, about a tenth of a second.
AT_ONCE = 100
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
    report.incidents_unchanged = await leave_out_own(store, file)
    report.components_added = await components.add(store, file)
    await _Import(store, file, await _imported(store, file.page), report).run(progress)
    report.components_changed = await components.update_known(store, file)
    progress(len(file.incidents), len(file.incidents))
    return report


@dataclass(frozen=True, slots=True)
class Imported:
    """The last import of an incident: the digest of its content, and its time of change at the source."""

    digest: str | None
    at: datetime

    def covers(self, entry: Entry) -> bool:
        """Tell whether an import of this entry would change nothing."""
        return self.digest == entry.digest or entry.changed_at < self.at


async def _imported(store: Store, page: str) -> dict[str, Imported]:
    # Rows from before migration 0002 have neither digest nor the source's time.
    at = func.coalesce(IncidentRow.source_updated_at, IncidentRow.updated_at)
    columns = select(IncidentRow.source_id, IncidentRow.source_digest, at)
    async with store.read() as db:
        found = await db.execute(columns.where(IncidentRow.source == page))
        return {str(id): Imported(digest, at) for id, digest, at in found}


class _Import:
    """Imports the incidents of a file, those that are new in batches."""

    def __init__(
        self, store: Store, file: File, imported: dict[str, Imported], report: Report
    ) -> None:
        self._store = store
        self._file = file
        self._imported = imported
        self._report = report
        self._new: dict[str, Entry] = {}

    async def run(self, progress: Progress) -> None:
        entries = self._newest()
        for done, entry in enumerate(entries):
            progress(done, len(entries))
            await self._take(entry)
        await self._add_new()

    def _newest(self) -> list[Entry]:
        """Return the newest entry of each incident, or the last of the newest ones."""
        newest = {
            each.id: each for each in sorted(self._file.incidents, key=lambda each: each.changed_at)
        }
        self._report.incidents_unchanged += len(self._file.incidents) - len(newest)
        # Import the oldest first, so that events are in the order in which things happened.
        return sorted(newest.values(), key=lambda each: each.created_at)

    async def _take(self, entry: Entry) -> None:
        if len(self._new) >= AT_ONCE:
            await self._add_new()
        last = self._imported.get(entry.id)
        if last is None:
            self._new[entry.id] = entry
        elif last.covers(entry):
            self._report.incidents_unchanged += 1
        else:
            await self._add_new()
            await self._alone(self._change, entry)

    async def _add_new(self) -> None:
        entries, self._new = list(self._new.values()), {}
        if not entries:
            return
        try:
            await self._add(entries)
        except (Conflict, IntegrityError):
            # One of them was added meanwhile, by another import.
            for entry in entries:
                await self._alone(self._add_one, entry)

    async def _alone(self, change: Callable[[Entry], Awaitable[None]], entry: Entry) -> None:
        try:
            await change(entry)
        except (Conflict, IntegrityError):
            self._report.skipped.append((entry.id, "it changed here meanwhile; import it again"))

    async def _add_one(self, entry: Entry) -> None:
        await self._add([entry])

    async def _add(self, entries: Sequence[Entry]) -> None:
        async with self._store.write() as unit:
            added = await additions.add(unit, self._file.page, entries)
        self._note(entries)
        self._report.incidents_added += len(entries)
        self._report.updates_added += added.updates
        self._report.notes += added.notes

    async def _change(self, entry: Entry) -> None:
        async with self._store.write() as unit:
            outcome = await _Change(unit, self._file, entry).apply()
        self._note([entry])
        self._report.incidents_changed += outcome.is_changed
        self._report.incidents_unchanged += not outcome.is_changed
        self._report.updates_added += outcome.added
        self._report.updates_changed += outcome.changed
        self._report.notes += outcome.notes

    def _note(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._imported[entry.id] = Imported(entry.digest, entry.changed_at)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of changing one incident."""

    added: int
    changed: int
    notes: Sequence[str]
    is_changed: bool


class _Change:
    """Applies the source's changes to an incident that was imported before."""

    def __init__(self, unit: Transaction, file: File, entry: Entry) -> None:
        self._unit = unit
        self._session = unit.db
        self._file = file
        self._incident = entry.incident
        self._digest = entry.digest

    async def apply(self) -> Outcome:
        """Change the rows, and publish an event for each thing that changed."""
        named = select(IncidentRow).filter_by(source=self._file.page, source_id=self._incident.id)
        row = (await self._session.execute(named)).scalar_one()
        before = (row.status, row.impact, _shown(row))
        _describe(row, self._incident)
        is_affected = await _affect(
            self._session, row, await _keys(self._session, self._file, self._incident)
        )
        here = await _updates_here(self._session, row)
        known = {said.source_id: said for said in here if said.source_id}
        # What was posted here is exported with the ids of its rows.
        own = {said.id for said in here if not said.source_id}
        updates = {id: each for id, each in self._incident.updates.items() if id not in own}
        edited = [said for id, said in known.items() if id in updates and _edit(said, updates[id])]
        fresh = in_order(each for each in updates.values() if each.id not in known)
        said = [_update(self._session, row, each) for each in fresh]
        there = [each for id, each in known.items() if id in updates]
        await self._session.flush()
        events = len(self._unit.events)
        notes = await components.record_changes(
            self._unit, self._file.page, [*there, *said], updates
        )
        self._publish(row, before, is_affected, edited, said)
        is_changed = len(self._unit.events) > events
        if is_changed:
            # The version rises with the marks, so they stay as they are when nothing else changes.
            _set(row, marks_of_import(self._incident, self._digest))
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
    return (row.name, row.shortlink, row.created_at, row.updated_at, row.started_at, row.monitoring_at,
            row.resolved_at, row.scheduled_until)  # fmt: skip


def _describe(row: IncidentRow, incident: SourceIncident) -> None:
    values = values_of_incident(incident)
    if row.shortlink is None and (incident.shortlink or "").endswith(f"/incidents/{row.id}"):
        # An incident without a link is exported with the address of its page here.
        values["shortlink"] = None
    _set(row, values)
    # Keep the later time: responders may have changed the incident here after the source did.
    row.updated_at = max(row.updated_at, incident.changed_at)


def _set(row: IncidentRow, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


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


async def _updates_here(db: AsyncSession, row: IncidentRow) -> Sequence[UpdateRow]:
    return (await db.execute(select(UpdateRow).filter_by(incident_id=row.id))).scalars().all()


def _update(db: AsyncSession, row: IncidentRow, update: SourceUpdate) -> UpdateRow:
    said = UpdateRow(
        id=new_id(), incident_id=row.id, visibility=Visibility.PUBLIC.value, source_id=update.id
    )
    _edit(said, update)
    db.add(said)
    return said


def _edit(said: UpdateRow, update: SourceUpdate) -> bool:
    """Apply the source's values to an update, and return whether any of them changed."""
    values = values_of_update(update)
    edits = {name: value for name, value in values.items() if getattr(said, name, None) != value}
    for name, value in edits.items():
        setattr(said, name, value)
    return bool(edits)
