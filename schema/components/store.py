"""The only SQL for components."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from graph import Conflict, Context, NotFound
from schema.tables import ComponentRow, IncidentComponentRow

IN_ORDER = (ComponentRow.position, ComponentRow.id)


async def all_components(session: AsyncSession, group: str | None) -> Sequence[ComponentRow]:
    """Return the components in their order, or those of one group."""
    statement = select(ComponentRow).order_by(*IN_ORDER)
    if group is not None:
        statement = statement.where(ComponentRow.group == group)
    return (await session.execute(statement)).scalars().all()


async def get_component(session: AsyncSession, key: str, version: int | None) -> ComponentRow:
    """Return a component to change it. Raises `NotFound`, and `Conflict` for another version."""
    row = await session.get(ComponentRow, key)
    if row is None:
        raise NotFound("There is no such component.")
    if version is not None and version != row.version:
        raise Conflict("Somebody else changed this component meanwhile. Read it again.")
    return row


async def next_position(session: AsyncSession) -> int:
    """Return the position after the last."""
    last = (await session.execute(select(func.max(ComponentRow.position)))).scalar_one()
    return 1 if last is None else last + 1


async def known_components(session: AsyncSession, keys: Sequence[str]) -> set[str]:
    """Return which of these components exist."""
    found = await session.execute(select(ComponentRow.id).where(ComponentRow.id.in_(keys)))
    return set(found.scalars())


async def load_components(context: Context, keys: list[str]) -> list[ComponentRow | None]:
    """Load components in one batch."""
    async with context.read() as session:
        found = await session.execute(select(ComponentRow).where(ComponentRow.id.in_(keys)))
        rows = {row.id: row for row in found.scalars()}
    return [rows.get(key) for key in keys]


async def load_affected(context: Context, incidents: list[str]) -> list[list[ComponentRow]]:
    """Load the components that each incident affects, in one batch."""
    statement = (
        select(IncidentComponentRow.incident_id, ComponentRow)
        .join(ComponentRow, ComponentRow.id == IncidentComponentRow.component_id)
        .where(IncidentComponentRow.incident_id.in_(incidents))
        .order_by(*IN_ORDER)
    )
    affected: defaultdict[str, list[ComponentRow]] = defaultdict(list)
    async with context.read() as session:
        for incident, row in await session.execute(statement):
            affected[incident].append(row)
    return [affected[incident] for incident in incidents]
