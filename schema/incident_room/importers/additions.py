"""Adds many new incidents in one transaction, with one statement for each table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert

from incident_room.importers import components
from incident_room.importers.statuspage_file import (
    Entry,
    SourceIncident,
    SourceUpdate,
    in_order,
    marks_of_import,
    values_of_incident,
    values_of_update,
)
from incident_room.tables import ComponentChangeRow, IncidentComponentRow, IncidentRow, UpdateRow
from incident_room.topics import IncidentEventKind, component_event, incident_event
from incident_room.vocabulary import Visibility
from watchword import Transaction, new_id

# In the order in which they refer to each other.
TABLES = (IncidentRow, IncidentComponentRow, UpdateRow, ComponentChangeRow)


@dataclass
class Added:
    """The result of adding incidents: the number of their updates, and notes."""

    updates: int = 0
    notes: list[str] = field(default_factory=list)


async def add(unit: Transaction, page: str, entries: Sequence[Entry]) -> Added:
    """Add incidents that are new, in their order, and publish their events."""
    incidents = [(entry, entry.incident) for entry in entries]
    mentioned = {id for _, incident in incidents for id in _components(incident)}
    known = await components.known(unit.db, page, mentioned) if mentioned else {}
    additions = _Additions(unit, page, known)
    for entry, incident in incidents:
        additions.add(incident, entry.digest)
    await additions.write()
    return additions.added


def _components(incident: SourceIncident) -> set[str]:
    linked = {each.id for each in incident.components if not each.group}
    return linked | {each.code for update in incident.incident_updates for each in update.affected}


class _Additions:
    """Collects the rows of new incidents."""

    def __init__(self, unit: Transaction, page: str, known: Mapping[str, str]) -> None:
        """`known` has the key of each imported component, under the id that the page itself uses."""
        self._unit = unit
        self._page = page
        self._known = known
        self._rows: dict[type, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self.added = Added()

    def add(self, incident: SourceIncident, digest: str) -> None:
        key = new_id()
        self._rows[IncidentRow].append(
            {
                "id": key,
                "source": self._page,
                "source_id": incident.id,
                "version": 1,
                "updated_at": incident.changed_at,
                **values_of_incident(incident),
                **marks_of_import(incident, digest),
            }
        )
        linked = [each.id for each in incident.components if not each.group]
        self._rows[IncidentComponentRow] += [
            {"incident_id": key, "component_id": self._known[id]}
            for id in dict.fromkeys(linked)
            if id in self._known
        ]
        updates = incident.updates
        last = None
        differing: dict[str, None] = {}
        for update in in_order(updates.values()):
            last = self._say(key, update)
            differing |= dict.fromkeys(self._record(last, update))
        self.added.updates += len(updates)
        self.added.notes += components.left_out(self._known, updates)
        for component in differing:
            self._unit.publish(component_event(component))
        self._unit.publish(incident_event(key, IncidentEventKind.OPENED, last))

    async def write(self) -> None:
        """Write the collected rows."""
        for table, rows in self._rows.items():
            if rows:
                await self._unit.db.execute(insert(table.__table__), rows)  # type: ignore[attr-defined]

    def _say(self, incident: str, update: SourceUpdate) -> str:
        key = new_id()
        self._rows[UpdateRow].append(
            {
                "id": key,
                "incident_id": incident,
                "visibility": Visibility.PUBLIC.value,
                "source_id": update.id,
                **values_of_update(update),
            }
        )
        return key

    def _record(self, key: str, update: SourceUpdate) -> list[str]:
        """Record the changes that an update reports. Return the keys of the components."""
        changes = {self._known[e.code]: e for e in update.affected if e.code in self._known}
        self._rows[ComponentChangeRow] += [
            {
                "id": new_id(),
                "component_id": component,
                "update_id": key,
                "old_status": change.old_status.upper(),
                "new_status": change.new_status.upper(),
                "at": update.shown_at,
            }
            for component, change in changes.items()
        ]
        return list(changes)
