"""Leaves out of an import what this server has exported itself.

The public page serves /api/v2/*.json as Statuspage does. What was made here has the ids of its rows there, and so has
what was imported from another page than the one whose id the public page has.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from incident_room.importers.statuspage_file import File
from incident_room.importers.store import Store
from incident_room.tables import ComponentRow, IncidentRow

# Ids that one statement names.
AT_ONCE = 500


async def leave_out_own(store: Store, file: File) -> int:
    """Remove from a file what has the id of a row here, and return the number of such incidents."""
    own = await _known(store, IncidentRow, {entry.id for entry in file.incidents})
    before = len(file.incidents)
    file.incidents = [entry for entry in file.incidents if entry.id not in own]
    for id in await _known(store, ComponentRow, file.mentions):
        del file.mentions[id]
    return before - len(file.incidents)


async def _known(
    store: Store, table: type[IncidentRow] | type[ComponentRow], ids: Collection[str]
) -> set[str]:
    found: set[str] = set()
    named = list(ids)
    async with store.read() as db:
        for start in range(0, len(named), AT_ONCE):
            some = named[start : start + AT_ONCE]
            found |= set((await db.execute(select(table.id).where(table.id.in_(some)))).scalars())
    return found
