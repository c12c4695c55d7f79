"""/api/v2/*.json as Statuspage serves it (https://www.githubstatus.com/api), so that its readers can read this page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from incident_room.pages.documents import GOING_ON
from incident_room.pages.export import Export

# As many as Statuspage shows.
MOST = 50
_INCIDENT = """
fragment Incident on Incident {
  id name status impact createdAt updatedAt startedAt monitoringAt resolvedAt scheduledUntil shortlink
  source { page id }
  components { id }
  updates(first: 100) { nodes { id status body createdAt displayAt source { page id } } }
  componentChanges { change { oldStatus newStatus component { id } } update { id } }
}"""
_COMPONENTS = """components {
    id name group description status position createdAt
    source { page id } changes(first: 1) { nodes { at } }
  }"""
_CHANGED = "changed: incidents(first: 1, orderBy: UPDATED_AT_DESC) { nodes { updatedAt } }"
# Planned maintenance does not count for the state of everything, and must not push out what does.
_WORST = f"worst: incidents(first: {MOST}, filter: {{{GOING_ON}}}) {{ nodes {{ impact status }} }}"
_OUTAGES = "impacts: [NONE, MINOR, MAJOR, CRITICAL]"
_MAINTENANCE = "impacts: [MAINTENANCE]"
_UPCOMING = "SCHEDULED"
_ACTIVE = "IN_PROGRESS, VERIFYING"


def _query(more: str = "", **lists: str) -> str:
    """Return the document that asks for the components, and for incidents by these filters, and for `more`."""
    asked = "\n".join(
        f"  {name}: incidents(first: {MOST // len(lists)}, filter: {{{filter}}}) {{ nodes {{ ...Incident }} }}"
        for name, filter in lists.items()
    )
    return f"query Statuspage {{\n  {_COMPONENTS}\n  {_CHANGED}\n{more}\n{asked}\n}}{_INCIDENT if lists else ''}"


_STATUS = (
    "query Statuspage { components { status createdAt changes(first: 1) { nodes { at } } } "
    f"{_CHANGED} {_WORST} }}"
)
_UNRESOLVED = f"open: true, {_OUTAGES}"
_ALL_UPCOMING = f"{_MAINTENANCE}, statuses: [{_UPCOMING}]"
_ALL_ACTIVE = f"{_MAINTENANCE}, statuses: [{_ACTIVE}]"

Write = Callable[[Export, Any], dict[str, Any]]
"""Makes the members of a file beside `page`."""


def _incidents(export: Export, data: Any) -> dict[str, Any]:
    return {"incidents": export.incidents(data["incidents"]["nodes"])}


def _maintenance(export: Export, data: Any) -> dict[str, Any]:
    return {"scheduled_maintenances": export.incidents(data["maintenance"]["nodes"])}


def _summary(export: Export, data: Any) -> dict[str, Any]:
    return {
        "components": export.components(),
        **_incidents(export, data),
        **_maintenance(export, data),
        "status": export.status(data["worst"]["nodes"]),
    }


# The name of a file -> the document that it is made of, and how.
FILES: Mapping[str, tuple[str, Write]] = {
    "summary": (
        _query(_WORST, incidents=_UNRESOLVED, maintenance=f"open: true, {_MAINTENANCE}"),
        _summary,
    ),
    "status": (_STATUS, lambda export, data: {"status": export.status(data["worst"]["nodes"])}),
    "components": (_query(), lambda export, _: {"components": export.components()}),
    "incidents": (_query(incidents=_OUTAGES), _incidents),
    "incidents/unresolved": (_query(incidents=_UNRESOLVED), _incidents),
    "scheduled-maintenances": (_query(maintenance=_MAINTENANCE), _maintenance),
    "scheduled-maintenances/upcoming": (_query(maintenance=_ALL_UPCOMING), _maintenance),
    "scheduled-maintenances/active": (_query(maintenance=_ALL_ACTIVE), _maintenance),
}
