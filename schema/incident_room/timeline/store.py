"""All SQL for reading updates. Every read for a client leaves out internal ones that it may not see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from incident_room.scopes import SeesInternal
from incident_room.tables import UpdateRow
from incident_room.vocabulary import Visibility
from watchword import Context, NotFound, Order, Page, Slice, empty, paginate_each

NEWEST_FIRST = Order("updates", (UpdateRow.display_at, UpdateRow.id), descending=True)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The key by which a loader batches: a page of the updates of one incident."""

    incident_id: str
    page: Page


def visible(context: Context) -> Select[UpdateRow]:
    """Select the updates that this context's principal may see."""
    statement = select(UpdateRow)
    if not SeesInternal.allows(context.principal):
        statement = statement.where(UpdateRow.visibility == Visibility.PUBLIC.value)
    return statement


async def load_updates(context: Context, keys: list[str]) -> list[UpdateRow | None]:
    """Load updates in one statement; None for unknown ones, and for those the principal may not see."""
    async with context.read() as db:
        found = await db.execute(visible(context).where(UpdateRow.id.in_(keys)))
        rows = {row.id: row for row in found.scalars()}
    return [rows.get(key) for key in keys]


async def get_update(db: AsyncSession, key: str) -> UpdateRow:
    """Return an update that will be changed, with its row locked. Raises `NotFound`."""
    row = await db.get(UpdateRow, key, with_for_update=True)
    if row is None:
        raise NotFound("There is no such update.")
    return row


async def load_timelines(context: Context, keys: list[Timeline]) -> list[Slice[UpdateRow]]:
    """Load a page of updates for each of many incidents, with one statement per distinct page."""
    incidents: defaultdict[Page, list[str]] = defaultdict(list)
    for key in keys:
        incidents[key.page].append(key.incident_id)
    slices: dict[Timeline, Slice[UpdateRow]] = {}
    async with context.read() as db:
        for page, ids in incidents.items():
            statement = visible(context).where(UpdateRow.incident_id.in_(ids))
            found = await paginate_each(
                db, UpdateRow, UpdateRow.incident_id, statement, NEWEST_FIRST, page
            )
            slices |= {Timeline(id, page): each for id, each in found.items()}
    return [slices.get(key) or empty(key.page) for key in keys]


async def load_counts(context: Context, incidents: list[str]) -> list[int]:
    """Count the visible updates of each incident, in one statement."""
    statement = (
        visible(context)
        .with_only_columns(UpdateRow.incident_id, func.count())
        .where(UpdateRow.incident_id.in_(incidents))
        .group_by(UpdateRow.incident_id)
    )
    async with context.read() as db:
        found = await db.execute(statement)
        counts = {row[0]: row[1] for row in found}
    return [counts.get(incident, 0) for incident in incidents]


async def load_internal(context: Context, incidents: list[str]) -> list[Sequence[UpdateRow]]:
    """Load the internal updates of each incident in one statement, the newest first."""
    statement = (
        visible(context)
        .where(UpdateRow.incident_id.in_(incidents))
        .where(UpdateRow.visibility == Visibility.INTERNAL.value)
        .order_by(UpdateRow.display_at.desc(), UpdateRow.id.desc())
    )
    notes: defaultdict[str, list[UpdateRow]] = defaultdict(list)
    async with context.read() as db:
        for row in (await db.execute(statement)).scalars():
            notes[row.incident_id].append(row)
    return [notes[incident] for incident in incidents]
