"""The statement of what happened to components since a time, and of how they are now: what histories are made of.

Its rows say what holds in `before` and `after`: the statuses of a change, or one of the marks.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import aliased

from incident_room.tables import (
    IS_OPEN,
    ComponentChangeRow,
    ComponentRow,
    IncidentComponentRow,
    IncidentRow,
)
from incident_room.vocabulary import Impact, IncidentStatus
from watchword import UtcDateTime

# They stand for the status before in rows that are no changes: those of incidents, of the components themselves, and of
# a time since which each component is known.
AFFECTED_BY, IS_NOW, IS_FIRST = "-", "=", "<"
ENDED = [
    status.value
    for status in (IncidentStatus.RESOLVED, IncidentStatus.POSTMORTEM, IncidentStatus.COMPLETED)
]
COMPONENTS: BindParameter[Any] = bindparam("components")
SINCE = bindparam("since", type_=UtcDateTime)
Rows = Select[*tuple[Any, ...]]


def _past() -> Rows:
    """Return the statement, with the components' ids as `components` and the time as `since`."""
    past = union_all(_here(), _changes(), *_incidents(), _first()).subquery().c
    columns = (past.component_id, past.before, past.after, past.since, past.until)
    return select(*columns).order_by(past.component_id, past.since, past.id)


def _here() -> Rows:
    """The components, whose names of columns hold for all other rows."""
    return select(
        ComponentRow.id.label("component_id"),
        _mark(IS_NOW).label("before"),
        ComponentRow.status.label("after"),
        ComponentRow.created_at.label("since"),
        cast(null(), UtcDateTime).label("until"),
        ComponentRow.id.label("id"),
    ).where(ComponentRow.id.in_(COMPONENTS))


def _changes() -> Rows:
    """The changes since the time, and the last one before it, which says what held then."""
    earlier = aliased(ComponentChangeRow)
    last = select(func.max(earlier.at)).where(
        earlier.component_id == ComponentChangeRow.component_id, earlier.at <= SINCE
    )
    return select(
        ComponentChangeRow.component_id,
        ComponentChangeRow.old_status,
        ComponentChangeRow.new_status,
        ComponentChangeRow.at,
        cast(null(), UtcDateTime),
        ComponentChangeRow.id,
    ).where(
        ComponentChangeRow.component_id.in_(COMPONENTS),
        ComponentChangeRow.at >= func.coalesce(last.scalar_subquery(), SINCE),
    )


def _incidents() -> list[Rows]:
    """The incidents that were not over at the time: few of all that a component ever had, found by three indexes."""
    is_over = IncidentRow.status.in_(ENDED)
    resolved, updated = IncidentRow.resolved_at, IncidentRow.updated_at
    return [
        _affecting(cast(null(), UtcDateTime)).where(text(f"incidents.{IS_OPEN}")),
        _affecting(resolved).where(is_over, resolved >= SINCE),
        _affecting(updated).where(is_over, resolved.is_(None), updated >= SINCE),
    ]


def _affecting(end: Any) -> Rows:
    # With the bare column, SQLite would go through all incidents that each component ever had.
    component = IncidentComponentRow.component_id.concat("")
    return (
        select(
            IncidentComponentRow.component_id,
            _mark(AFFECTED_BY),
            IncidentRow.impact,
            IncidentRow.started_at,
            end,
            IncidentRow.id,
        )
        .join(IncidentRow, IncidentRow.id == IncidentComponentRow.incident_id)
        .where(
            component.in_(COMPONENTS),
            IncidentRow.status != IncidentStatus.SCHEDULED.value,
            IncidentRow.impact != Impact.NONE.value,
        )
    )


def _first() -> Rows:
    """A time since which each component is known: that of its first incident, of any before the time, or its own.

    What was before the time is not shown, and any earlier incident is found at once, but the first only among all.
    """
    started = (
        select(IncidentRow.started_at)
        .join(IncidentComponentRow, IncidentRow.id == IncidentComponentRow.incident_id)
        .where(IncidentComponentRow.component_id == ComponentRow.id)
    )
    earlier = started.where(IncidentRow.started_at <= SINCE).limit(1).scalar_subquery()
    first = started.with_only_columns(func.min(IncidentRow.started_at)).scalar_subquery()
    return select(
        ComponentRow.id,
        _mark(IS_FIRST),
        _mark(IS_FIRST),
        func.coalesce(earlier, first, ComponentRow.created_at),
        cast(null(), UtcDateTime),
        ComponentRow.id,
    ).where(ComponentRow.id.in_(COMPONENTS))


def _mark(mark: str) -> ColumnElement[str]:
    return cast(literal(mark), String(32))


PAST = _past()
