"""Imports the components of a status page: adds new ones, updates known ones, records their changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from incident_room.components.store import change_status, next_position
from incident_room.importers.statuspage_file import File, Mention, SourceUpdate
from incident_room.importers.store import Store
from incident_room.tables import ComponentChangeRow, ComponentRow, IncidentComponentRow, UpdateRow
from incident_room.topics import IncidentEventKind, component_event, incident_event
from watchword import Transaction, moment, new_id


async def known(db: AsyncSession, page: str, ids: Iterable[str]) -> dict[str, str]:
    """Return the keys of a page's imported components, each under the id that the page itself uses."""
    found = await db.execute(
        select(ComponentRow.source_id, ComponentRow.id).where(
            ComponentRow.source == page, ComponentRow.source_id.in_(set(ids))
        )
    )
    return {source: key for source, key in found if source}


async def add(store: Store, file: File) -> int:
    """Add the components that are new, and return their number."""
    async with store.read() as db:
        there = await _rows(db, file.page)
    fresh = {id: mention for id, mention in file.mentions.items() if id not in there}
    if fresh:
        async with store.write() as unit:
            position = await next_position(unit.db)
            for offset, mention in enumerate(fresh.values()):
                _add(unit, file.page, mention, position + offset)
    return len(fresh)


async def update_known(store: Store, file: File) -> int:
    """Update the known components from a newer file, and return the number of changed ones.

    Import the updates of incidents first: then a change that an update reports is not recorded twice.
    """
    async with store.read() as db:
        rows = await _rows(db, file.page)
    changed = [
        id for id, mention in file.mentions.items() if id in rows and _differs(rows[id], mention)
    ]
    groups = [id for id in file.groups if id in rows]
    if changed or groups:
        async with store.write() as unit:
            rows = await _rows(unit.db, file.page)
            for id in changed:
                await _update(unit, rows[id], file.mentions[id])
            for id in groups:
                await _remove_group(unit, file, rows[id])
    return len(changed)


async def record_changes(
    unit: Transaction, page: str, said: Sequence[UpdateRow], updates: Mapping[str, SourceUpdate]
) -> list[str]:
    """Record the component changes that updates report, and publish an event for each component with another history.

    Return a note for each change that cannot be recorded.
    """
    db = unit.db
    codes = {each.code for update in updates.values() for each in update.affected}
    here = await known(db, page, codes) if codes else {}
    there = await _recorded(db, said)
    differing: dict[str, None] = {}
    for row in said:
        update = updates[str(row.source_id)]
        wanted = {
            here[each.code]: (each.old_status.upper(), each.new_status.upper())
            for each in update.affected
            if each.code in here
        }
        recorded = there.get(row.id, {})
        differing |= dict.fromkeys(await _record(db, row, recorded, wanted, update.shown_at))
    for key in differing:
        unit.publish(component_event(key))
    return left_out(here, updates)


def left_out(known: Mapping[str, str], updates: Mapping[str, SourceUpdate]) -> list[str]:
    """Return a note for each change that updates report of a component that is not known."""
    return [
        f"{id}: the change of the component {each.code} is left out, because the file does not have that component."
        for id, update in updates.items()
        for each in update.affected
        if each.code not in known
    ]


async def _recorded(
    db: AsyncSession, said: Sequence[UpdateRow]
) -> dict[str, dict[str, ComponentChangeRow]]:
    """Return the changes recorded for each update before, by component."""
    told: defaultdict[str, dict[str, ComponentChangeRow]] = defaultdict(dict)
    ids = [row.id for row in said]
    found = await db.execute(
        select(ComponentChangeRow).where(ComponentChangeRow.update_id.in_(ids))
    )
    for change in found.scalars():
        told[str(change.update_id)][change.component_id] = change
    return told


async def _record(
    db: AsyncSession,
    row: UpdateRow,
    there: Mapping[str, ComponentChangeRow],
    wanted: Mapping[str, tuple[str, str]],
    at: datetime,
) -> list[str]:
    """Make the recorded changes of an update those that are wanted. Return the components that this concerned."""
    gone = there.keys() - wanted.keys()
    for key in gone:
        await db.delete(there[key])
    differing = [*gone]
    for key, (old, new) in wanted.items():
        change = there.get(key)
        if change is None:
            change = ComponentChangeRow(id=new_id(), component_id=key, update_id=row.id)
            db.add(change)
        if (change.old_status, change.new_status, change.at) != (old, new, at):
            change.old_status, change.new_status, change.at = old, new, at
            differing.append(key)
    return differing


async def _rows(db: AsyncSession, page: str) -> dict[str, ComponentRow]:
    found = await db.execute(select(ComponentRow).filter_by(source=page))
    return {row.source_id: row for row in found.scalars() if row.source_id}


def _add(unit: Transaction, page: str, mention: Mention, position: int) -> None:
    component = mention.component
    row = ComponentRow(
        id=new_id(),
        name=component.name,
        group=mention.group,
        description=component.description,
        status=component.status.upper(),
        position=position,
        created_at=moment(unit.now),
        source=page,
        source_id=component.id,
        source_updated_at=mention.at,
    )
    unit.db.add(row)
    unit.publish(component_event(row.id))


def _differs(row: ComponentRow, mention: Mention) -> bool:
    is_newer = row.source_updated_at is None or mention.at > row.source_updated_at
    return is_newer and (row.name, row.group, row.description, row.status) != _said(row, mention)


def _said(row: ComponentRow, mention: Mention) -> tuple[str, str | None, str | None, str]:
    component = mention.component
    # Keep the stored group if the file does not contain the group itself, and so does not tell its name.
    group = mention.group if mention.group or not component.group_id else row.group
    return (component.name, group, component.description, component.status.upper())


async def _update(unit: Transaction, row: ComponentRow, mention: Mention) -> None:
    row.name, row.group, row.description, status = _said(row, mention)
    row.source_updated_at = mention.at
    if await _told_status(unit.db, row) == status:
        row.status = status
    elif row.status != status:
        change_status(unit.db, row, status, mention.at)
    unit.publish(component_event(row.id))


async def _told_status(db: AsyncSession, row: ComponentRow) -> str | None:
    newest = (
        select(ComponentChangeRow.new_status)
        .filter_by(component_id=row.id)
        .order_by(ComponentChangeRow.at.desc(), ComponentChangeRow.id.desc())
        .limit(1)
    )
    return await db.scalar(newest)


async def _remove_group(unit: Transaction, file: File, row: ComponentRow) -> None:
    """Remove a group that an earlier import stored as if it were a component."""
    affected = select(IncidentComponentRow.incident_id).filter_by(component_id=row.id)
    for incident in (await unit.db.scalars(affected)).all():
        unit.publish(incident_event(incident, IncidentEventKind.COMPONENTS_CHANGED))
    for table in (IncidentComponentRow, ComponentChangeRow):
        await unit.db.execute(delete(table).filter_by(component_id=row.id))
    await unit.db.delete(row)
    unit.publish(component_event(row.id))
    file.notes.append(f"{row.source_id}: the group {row.name!r} is not a component any more.")
