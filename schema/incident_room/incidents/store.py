"""All SQL for incidents, and for writing updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from incident_room.components.store import known_components
from incident_room.incidents.lifecycle import ENDED
from incident_room.tables import IncidentComponentRow, IncidentRow, UpdateRow
from incident_room.vocabulary import Impact, IncidentStatus, Visibility
from watchword import (
    BadUserInput,
    Conflict,
    Context,
    NotFound,
    Order,
    Page,
    Slice,
    Transaction,
    moment,
    new_id,
    paginate,
)

# The columns that are read for an answer. The rows of these statements are named tuples of them, which are
# typed as the entity with these columns.
SHOWN = (
    IncidentRow.id,
    IncidentRow.name,
    IncidentRow.impact,
    IncidentRow.status,
    IncidentRow.commander_id,
    IncidentRow.shortlink,
    IncidentRow.created_at,
    IncidentRow.started_at,
    IncidentRow.updated_at,
    IncidentRow.monitoring_at,
    IncidentRow.resolved_at,
    IncidentRow.scheduled_until,
    IncidentRow.version,
)
# The condition of the index on open incidents, which must be in the SQL as it is there, without parameters.
OPEN = IncidentRow.status.not_in(
    [literal_column(f"'{name}'") for name in sorted(status.value for status in ENDED)]
)
NAMED = select(*SHOWN).where(IncidentRow.id.in_(bindparam("keys")))
# Statements of this many conditions are kept.
KEPT = 100
# Most incidents that a subscription with `present` begins with.
LATEST = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """The conditions of a list of incidents; None is no condition."""

    statuses: frozenset[IncidentStatus] | None = None
    impacts: frozenset[Impact] | None = None
    components: frozenset[str] | None = None
    open: bool | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    source_id: str | None = None


# Lists ask for the same conditions again and again, and building a statement costs as much as running it.
@lru_cache(maxsize=KEPT)
def matching(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    """Select the shown columns of the incidents that meet the conditions."""
    conditions: list[Any] = []
    if wanted.statuses is not None:
        conditions.append(IncidentRow.status.in_([status.value for status in wanted.statuses]))
        if not wanted.statuses & ENDED:
            conditions.append(OPEN)  # so that the index on open incidents is used
    if wanted.impacts is not None:
        conditions.append(IncidentRow.impact.in_([impact.value for impact in wanted.impacts]))
    if wanted.open is not None:
        conditions.append(OPEN if wanted.open else ~OPEN)
    if wanted.started_after is not None:
        conditions.append(IncidentRow.started_at > wanted.started_after)
    if wanted.started_before is not None:
        conditions.append(IncidentRow.started_at < wanted.started_before)
    if wanted.source_id is not None:
        conditions.append(IncidentRow.source_id == wanted.source_id)
    if wanted.components is not None:
        affecting = select(IncidentComponentRow.incident_id).where(
            IncidentComponentRow.component_id.in_(wanted.components)
        )
        conditions.append(IncidentRow.id.in_(affecting))
    return select(*SHOWN).where(*conditions)


async def page_of_incidents(
    context: Context, wanted: Wanted, order: Order, page: Page
) -> Slice[IncidentRow]:
    """Return a page of the incidents that meet the conditions."""
    return await paginate(context, matching(wanted), order, page)


async def count_incidents(context: Context, wanted: Wanted) -> int:
    """Count the incidents that meet the conditions."""
    counted = matching(wanted).with_only_columns(func.count(), maintain_column_froms=True)
    [(count,)] = await context.rows(counted)
    return int(count)


async def is_wanted(context: Context, key: str, wanted: Wanted) -> bool:
    """Tell whether an incident meets the conditions now."""
    return bool(await context.rows(_this(wanted), key=key))


@lru_cache(maxsize=KEPT)
def _this(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    this = matching(wanted).where(IncidentRow.id == bindparam("key"))
    return this.with_only_columns(IncidentRow.id)


async def latest_incidents(context: Context, wanted: Wanted) -> list[str]:
    """Return the keys of the incidents that meet the conditions and changed last, oldest change first."""
    newest = matching(wanted).order_by(IncidentRow.updated_at.desc(), IncidentRow.id.desc())
    found = await context.rows(newest.limit(LATEST).with_only_columns(IncidentRow.id))
    return [key for (key,) in reversed(found)]


async def load_incidents(context: Context, keys: list[str]) -> list[IncidentRow | None]:
    """Load the shown columns of incidents in one statement; None for unknown ones."""
    rows = {row.id: row for row in await context.rows(NAMED, keys=keys)}
    return [rows.get(key) for key in keys]


async def get_incident(db: AsyncSession, key: str, version: int | None = None) -> IncidentRow:
    """Return an incident that will be changed. Raises `NotFound`, and `Conflict` if `version` is stale."""
    row = await db.get(IncidentRow, key)
    if row is None:
        raise NotFound("There is no such incident.")
    if version is not None and version != row.version:
        raise Conflict("Somebody else changed this incident meanwhile. Read it again.")
    return row


async def affect(db: AsyncSession, incident: str, components: Sequence[str]) -> None:
    """Set the components that an incident affects. Raises `BadUserInput` for an unknown one."""
    if unknown := set(components) - await known_components(db, components):
        at = min(components.index(key) for key in unknown)
        raise BadUserInput("There is no such component.", ["input", "components", at])
    await db.execute(
        delete(IncidentComponentRow).where(IncidentComponentRow.incident_id == incident)
    )
    db.add_all(
        IncidentComponentRow(incident_id=incident, component_id=key) for key in set(components)
    )


def move_to(row: IncidentRow, status: IncidentStatus, now: datetime) -> None:
    """Set an incident's status, and the times that follow from it."""
    row.status = status.value
    row.updated_at = now
    if status is IncidentStatus.MONITORING:
        row.monitoring_at = now
    if status not in ENDED:
        row.resolved_at = None
    elif row.resolved_at is None:
        row.resolved_at = now


async def touch(db: AsyncSession, row: IncidentRow, now: datetime) -> None:
    """Set the time of the last update, without a conflict with concurrent changes of the incident."""
    statement = update(IncidentRow).where(IncidentRow.id == row.id).values(updated_at=now)
    await db.execute(statement, execution_options={"synchronize_session": False})


def say(
    unit: Transaction,
    row: IncidentRow,
    body: str,
    author: str | None,
    visibility: Visibility = Visibility.PUBLIC,
) -> UpdateRow:
    """Add an update with the incident's present status."""
    now = moment(unit.now)
    said = UpdateRow(
        id=new_id(),
        incident_id=row.id,
        status=row.status,
        body=body,
        visibility=visibility.value,
        author_id=author,
        created_at=now,
        display_at=now,
    )
    unit.db.add(said)
    return said
