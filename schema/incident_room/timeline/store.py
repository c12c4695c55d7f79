"""All SQL for reading updates. Every read for a client leaves out internal ones that it may not see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from incident_room.scopes import SeesInternal
from incident_room.tables import UpdateRow
from incident_room.vocabulary import Visibility
from watchword import Context, NotFound, Order, Page, Slice, empty, paginate_each, visible, where

NEWEST_FIRST = Order("updates", (UpdateRow.display_at, UpdateRow.id), descending=True)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The key by which a loader batches: a page of the updates of one incident."""

    incident_id: str
    page: Page


SHOWN = (
    UpdateRow.id,
    UpdateRow.incident_id,
    UpdateRow.status,
    UpdateRow.body,
    UpdateRow.visibility,
    UpdateRow.author_id,
    UpdateRow.created_at,
    UpdateRow.display_at,
)
# The rows of these statements are named tuples of the columns, typed as the entity with these columns.
ALL = select(*SHOWN)
NAMED = ALL.where(UpdateRow.id.in_(bindparam("keys")))
OF_INCIDENTS = ALL.where(UpdateRow.incident_id.in_(bindparam("incidents")))
COUNTS = OF_INCIDENTS.with_only_columns(UpdateRow.incident_id, func.count()).group_by(
    UpdateRow.incident_id
)
INTERNAL = OF_INCIDENTS.where(UpdateRow.visibility == Visibility.INTERNAL.value).order_by(
    UpdateRow.display_at.desc(), UpdateRow.id.desc()
)


@where("a public update")
def is_public(update: Any) -> Any:
    """Allow the updates that everybody may see."""
    return update.visibility == Visibility.PUBLIC.value


SeesUpdate = SeesInternal | is_public


async def load_updates(context: Context, keys: list[str]) -> list[UpdateRow | None]:
    """Load updates in one statement; None for unknown ones, and for those the principal may not see."""
    found = await context.rows(visible(NAMED, SeesUpdate, context), keys=keys)
    rows = {row.id: row for row in found}
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
    statement = visible(ALL, SeesUpdate, context)
    slices: dict[tuple[str, Page], Slice[UpdateRow]] = {}
    for page, ids in incidents.items():
        found = await paginate_each(
            context, UpdateRow.incident_id, statement, NEWEST_FIRST, page, ids
        )
        slices |= {(id, page): each for id, each in found.items()}
    return [slices.get((key.incident_id, key.page)) or empty(key.page) for key in keys]


async def load_counts(context: Context, incidents: list[str]) -> list[int]:
    """Count the visible updates of each incident, in one statement."""
    counts = dict(await context.rows(visible(COUNTS, SeesUpdate, context), incidents=incidents))
    return [counts.get(incident, 0) for incident in incidents]


async def load_internal(context: Context, incidents: list[str]) -> list[Sequence[UpdateRow]]:
    """Load the internal updates of each incident in one statement, the newest first."""
    notes: defaultdict[str, list[UpdateRow]] = defaultdict(list)
    for row in await context.rows(visible(INTERNAL, SeesUpdate, context), incidents=incidents):
        notes[row.incident_id].append(row)
    return [notes[incident] for incident in incidents]
