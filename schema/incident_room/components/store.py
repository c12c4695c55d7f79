"""All SQL for components."""

from __future__ import annotations

from asyncio import sleep
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from incident_room.components.history import Affected, Change, History, history
from incident_room.components.past import AFFECTED_BY, IS_FIRST, IS_NOW, PAST
from incident_room.tables import (
    ComponentChangeRow,
    ComponentRow,
    IncidentComponentRow,
    UpdateRow,
)
from incident_room.vocabulary import ComponentStatus, Impact
from watchword import (
    Conflict,
    Context,
    NotFound,
    Order,
    Page,
    Slice,
    empty,
    moment,
    new_id,
    paginate_each,
)

NEWEST_CHANGE_FIRST = Order(
    "component changes", (ComponentChangeRow.at, ComponentChangeRow.id), descending=True
)
# Histories that are made before other tasks get a turn. With hundreds of incidents, each takes a millisecond.
HISTORIES_AT_ONCE = 5
IN_ORDER = (ComponentRow.position, ComponentRow.id)
# The columns that are read for an answer. The rows of these statements are named tuples of them, which are
# typed as the entity with these columns.
SHOWN = (
    ComponentRow.id,
    ComponentRow.name,
    ComponentRow.group,
    ComponentRow.description,
    ComponentRow.status,
    ComponentRow.position,
    ComponentRow.version,
)
ALL = select(*SHOWN).order_by(*IN_ORDER)
OF_GROUP = ALL.where(ComponentRow.group == bindparam("group"))
NAMED = select(*SHOWN).where(ComponentRow.id.in_(bindparam("keys")))
AFFECTED = (
    select(IncidentComponentRow.incident_id, *SHOWN)
    .join(ComponentRow, ComponentRow.id == IncidentComponentRow.component_id)
    .where(IncidentComponentRow.incident_id.in_(bindparam("incidents")))
    .order_by(*IN_ORDER)
)
SHOWN_OF_CHANGE = (
    ComponentChangeRow.id,
    ComponentChangeRow.component_id,
    ComponentChangeRow.old_status,
    ComponentChangeRow.new_status,
    ComponentChangeRow.at,
)
CHANGES = select(*SHOWN_OF_CHANGE)
CHANGE_COUNTS = (
    select(ComponentChangeRow.component_id, func.count())
    .where(ComponentChangeRow.component_id.in_(bindparam("components")))
    .group_by(ComponentChangeRow.component_id)
)
CHANGES_TOLD = (
    select(ComponentChangeRow.update_id, *SHOWN_OF_CHANGE)
    .where(ComponentChangeRow.update_id.in_(bindparam("updates")))
    .order_by(ComponentChangeRow.id)
)

CHANGES_IN = (
    select(UpdateRow.incident_id, ComponentChangeRow.update_id, *SHOWN_OF_CHANGE)
    .join(UpdateRow, UpdateRow.id == ComponentChangeRow.update_id)
    .where(UpdateRow.incident_id.in_(bindparam("incidents")))
    .order_by(ComponentChangeRow.at, ComponentChangeRow.id)
)


@dataclass(frozen=True, slots=True)
class Days:
    """The key by which a loader batches: the last days of one component."""

    component_id: str
    days: int
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Changes:
    """The key by which a loader batches: a page of the changes of one component."""

    component_id: str
    page: Page


async def all_components(context: Context, group: str | None) -> Sequence[ComponentRow]:
    """Return the components in their order, or those of one group."""
    if group is None:
        return await context.rows(ALL)
    return await context.rows(OF_GROUP, group=group)


async def get_component(db: AsyncSession, key: str, version: int | None) -> ComponentRow:
    """Return a component that will be changed. Raises `NotFound`, and `Conflict` if `version` is stale."""
    row = await db.get(ComponentRow, key)
    if row is None:
        raise NotFound("There is no such component.")
    if version is not None and version != row.version:
        raise Conflict("Somebody else changed this component meanwhile. Read it again.")
    return row


async def next_position(db: AsyncSession) -> int:
    """Return the position after that of the last component."""
    last = (await db.execute(select(func.max(ComponentRow.position)))).scalar_one()
    return 1 if last is None else last + 1


async def known_components(db: AsyncSession, keys: Sequence[str]) -> set[str]:
    """Return which of these components exist."""
    found = await db.execute(select(ComponentRow.id).where(ComponentRow.id.in_(keys)))
    return set(found.scalars())


def change_status(
    db: AsyncSession, row: ComponentRow, status: str, at: datetime, update: str | None = None
) -> None:
    """Set a component's status, and record the change. `update` is the id of the update that reports it."""
    db.add(
        ComponentChangeRow(
            id=new_id(),
            component_id=row.id,
            old_status=row.status,
            new_status=status,
            at=at,
            update_id=update,
        )
    )
    row.status = status


async def load_changes(context: Context, keys: list[Changes]) -> list[Slice[ComponentChangeRow]]:
    """Load a page of changes for each of many components, with one statement per distinct page."""
    components: defaultdict[Page, list[str]] = defaultdict(list)
    for key in keys:
        components[key.page].append(key.component_id)
    slices: dict[tuple[str, Page], Slice[ComponentChangeRow]] = {}
    for page, ids in components.items():
        found = await paginate_each(
            context, ComponentChangeRow.component_id, CHANGES, NEWEST_CHANGE_FIRST, page, ids
        )
        slices |= {(id, page): each for id, each in found.items()}
    return [slices.get((key.component_id, key.page)) or empty(key.page) for key in keys]


async def load_histories(context: Context, keys: list[Days]) -> list[History | None]:
    """Load the last days of many components, all in one statement; None for unknown components."""
    now = moment(context.now)
    # A day has 25 hours when clocks are put back.
    since = now - timedelta(days=max(key.days for key in keys), hours=1)
    ids = list({key.component_id for key in keys})
    past: defaultdict[str, list[Any]] = defaultdict(list)
    for row in await context.rows(PAST, components=ids, since=since):
        past[row.component_id].append(row)
    found: list[History | None] = []
    for key in keys:
        rows = past.get(key.component_id)
        found.append(None if rows is None else _history(now, key, rows))
        if len(found) % HISTORIES_AT_ONCE == 0:
            await sleep(0)
    return found


def _history(now: datetime, key: Days, rows: Sequence[Any]) -> History:
    [here] = [row for row in rows if row.before == IS_NOW]
    known = min(row.since for row in rows if row.before in (IS_NOW, IS_FIRST))
    begun = [row for row in rows if row.since <= now]
    changes = [
        Change(row.since, ComponentStatus(row.before), ComponentStatus(row.after))
        for row in begun
        if row.before not in (IS_NOW, IS_FIRST, AFFECTED_BY)
    ]
    incidents = [
        Affected(row.since, row.until, Impact(row.after))
        for row in begun
        if row.before == AFFECTED_BY
    ]
    status = ComponentStatus(here.after)
    return history(now, key.days, known, status, changes, incidents, key.zone)


async def load_change_counts(context: Context, components: list[str]) -> list[int]:
    """Count the changes of each component, in one statement."""
    counts = dict(await context.rows(CHANGE_COUNTS, components=components))
    return [counts.get(component, 0) for component in components]


async def load_changes_told(context: Context, updates: list[str]) -> list[list[ComponentChangeRow]]:
    """Load the component changes that each update reports, in one statement."""
    told: defaultdict[str, list[ComponentChangeRow]] = defaultdict(list)
    for row in await context.rows(CHANGES_TOLD, updates=updates):
        told[row.update_id].append(row)
    return [told[update] for update in updates]


async def load_changes_in(context: Context, incidents: list[str]) -> list[list[ComponentChangeRow]]:
    """Load the component changes that all updates of each incident report, in one statement."""
    told: defaultdict[str, list[ComponentChangeRow]] = defaultdict(list)
    for row in await context.rows(CHANGES_IN, incidents=incidents):
        told[row.incident_id].append(row)
    return [told[incident] for incident in incidents]


async def load_components(context: Context, keys: list[str]) -> list[ComponentRow | None]:
    """Load components in one statement; None for unknown ones."""
    rows = {row.id: row for row in await context.rows(NAMED, keys=keys)}
    return [rows.get(key) for key in keys]


async def load_affected(context: Context, incidents: list[str]) -> list[list[ComponentRow]]:
    """Load the components that each incident affects, in one statement."""
    affected: defaultdict[str, list[ComponentRow]] = defaultdict(list)
    for row in await context.rows(AFFECTED, incidents=incidents):
        affected[row.incident_id].append(row)
    return [affected[incident] for incident in incidents]
