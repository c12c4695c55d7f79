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
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from incident_room.tables import (
    ComponentChangeRow,
    ComponentRow,
    IncidentComponentRow,
    IncidentRow,
)
from incident_room.vocabulary import Impact, IncidentStatus
from watchword import UtcDateTime

# They stand for the status before in rows that are no changes: those of incidents, of the components themselves, and of
# each component's first incident, since which it is known.
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
    past = union_all(_here(), _changes(), _incidents(), _first()).subquery().c
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


def _incidents() -> Rows:
    """The incidents that were not over at the time."""
    is_over = IncidentRow.status.in_(ENDED)
    end = case((is_over, func.coalesce(IncidentRow.resolved_at, IncidentRow.updated_at)))
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
            IncidentComponentRow.component_id.in_(COMPONENTS),
            IncidentRow.status != IncidentStatus.SCHEDULED.value,
            IncidentRow.impact != Impact.NONE.value,
            or_(end.is_(None), end >= SINCE),
        )
    )


def _first() -> Rows:
    """The start of each component's first incident."""
    return (
        select(
            IncidentComponentRow.component_id,
            _mark(IS_FIRST),
            _mark(IS_FIRST),
            func.min(IncidentRow.started_at),
            cast(null(), UtcDateTime),
            IncidentComponentRow.component_id,
        )
        .join(IncidentRow, IncidentRow.id == IncidentComponentRow.incident_id)
        .where(IncidentComponentRow.component_id.in_(COMPONENTS))
        .group_by(IncidentComponentRow.component_id)
    )


def _mark(mark: str) -> ColumnElement[str]:
    return cast(literal(mark), String(32))


PAST = _past()
