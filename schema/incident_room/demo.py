"""Demo data for an empty database: the incidents of a made-up company."""

from __future__ import annotations

from dataclasses import dataclass

from incident_room.tables import (
    ComponentChangeRow,
    ComponentRow,
    IncidentComponentRow,
    IncidentRow,
    UpdateRow,
)
from watchword import Transaction, moment, new_id

HOUR = 3600.0
DAY = 24 * HOUR

# The people of the demo, by their role.
PEOPLE = {"viewer": "Vera Viewer", "responder": "Rosa Responder", "commander": "Carl Commander"}

# Name, group, and the status since the first of the stories below, before which all were operational.
COMPONENTS = (
    ("Website", "Storefront", "OPERATIONAL"),
    ("Search", "Storefront", "OPERATIONAL"),
    ("Checkout", "Storefront", "PARTIAL_OUTAGE"),
    ("Card payments", "Payments", "DEGRADED_PERFORMANCE"),
    ("Invoices", "Payments", "OPERATIONAL"),
    ("Public API", "Developers", "OPERATIONAL"),
    ("Webhooks", "Developers", "OPERATIONAL"),
    ("Reports", None, "OPERATIONAL"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """An update, made `after` seconds after its incident began."""

    after: float
    status: str
    body: str
    visibility: str = "PUBLIC"


@dataclass(frozen=True, slots=True)
class Story:
    """An incident that began `ago` seconds ago."""

    ago: float
    name: str
    impact: str
    components: tuple[str, ...]
    said: tuple[Said, ...]


STORIES = (
    Story(0.6 * HOUR, "Checkout fails for some customers", "MAJOR", ("Checkout", "Card payments"), (
        Said(0, "INVESTIGATING", "Some customers see an error after they enter their card. We are looking into it."),
        Said(300, "INVESTIGATING", "Error rate is 14 % and rising; the card provider's sandbox answers, production times out.", "INTERNAL"),
        Said(900, "IDENTIFIED", "Our card provider answers slowly. We are moving payments to a second provider."),
        Said(1500, "IDENTIFIED", "Second provider carries 30 % now. Ask finance before going past 50 %.", "INTERNAL"),
    )),
    Story(-1.5 * DAY, "Database upgrade for reports", "MAINTENANCE", ("Reports",), (
        Said(-4 * DAY, "SCHEDULED", "Reports will be read-only for about one hour while we upgrade their database."),
    )),
    Story(2 * DAY, "Search results are out of date", "MINOR", ("Search",), (
        Said(0, "INVESTIGATING", "New products appear in search with a delay of up to 40 minutes."),
        Said(0.8 * HOUR, "MONITORING", "The index is catching up."),
        Said(2 * HOUR, "RESOLVED", "Search is up to date again."),
    )),
    Story(6 * DAY, "Webhooks are delivered twice", "MINOR", ("Webhooks",), (
        Said(0, "IDENTIFIED", "A deployment made us send some webhooks twice. Use the event's id to tell."),
        Said(0.5 * HOUR, "RESOLVED", "The deployment was rolled back at the first report. 🎉"),
    )),
    Story(11 * DAY, "Website unreachable from parts of Europe", "CRITICAL", ("Website", "Checkout"), (
        Said(0, "INVESTIGATING", "Visitors from parts of Europe cannot reach us."),
        Said(600, "IDENTIFIED", "A network carrier announces our addresses wrongly."),
        Said(1800, "MONITORING", "Traffic goes around the carrier. We keep watching."),
        Said(3 * HOUR, "RESOLVED", "The carrier has fixed its routes."),
        Said(2 * DAY, "POSTMORTEM", "What happened, why it took 30 minutes to find, and the two alarms that we added."),
    )),
    Story(20 * DAY, "Invoices show the wrong time zone", "NONE", ("Invoices",), (
        Said(0, "IDENTIFIED", "Times on invoices since Monday are in UTC. Amounts are right."),
        Said(5 * HOUR, "RESOLVED", "Invoices have been made again with local times."),
    )),
    Story(33 * DAY, "Key rotation of the public API", "MAINTENANCE", ("Public API",), (
        Said(-7 * DAY, "SCHEDULED", "We rotate the API's signing keys. Nothing to do if you read them from JWKS."),
        Said(0, "IN_PROGRESS", "Rotation has begun."),
        Said(0.3 * HOUR, "VERIFYING", "New keys sign; the old ones still verify."),
        Said(1 * HOUR, "COMPLETED", "Done."),
    )),
)  # fmt: skip


async def demo(unit: Transaction) -> None:
    """Fill an empty database with incidents from the weeks before `unit.now`."""
    ids = {name: new_id() for name, _, _ in COMPONENTS}
    unit.db.add_all(
        ComponentRow(
            id=ids[name], name=name, group=group, status=status, position=position,
            created_at=moment(unit.now - 120 * DAY),
        )
        for position, (name, group, status) in enumerate(COMPONENTS, 1)
    )  # fmt: skip
    await unit.db.flush()
    began = moment(unit.now - STORIES[0].ago)
    unit.db.add_all(
        ComponentChangeRow(
            id=new_id(), component_id=ids[name], at=began, old_status="OPERATIONAL", new_status=status
        )
        for name, _, status in COMPONENTS
        if status != "OPERATIONAL"
    )  # fmt: skip
    for story in STORIES:
        await _add_story(unit, story, ids)


async def _add_story(unit: Transaction, story: Story, ids: dict[str, str]) -> None:
    began = unit.now - story.ago
    times = {said.status: moment(began + said.after) for said in story.said}
    row = IncidentRow(
        id=new_id(),
        name=story.name,
        impact=story.impact,
        status=story.said[-1].status,
        created_at=moment(began + min(0.0, story.said[0].after)),
        started_at=moment(began),
        updated_at=moment(began + story.said[-1].after),
        monitoring_at=times.get("MONITORING"),
        resolved_at=times.get("RESOLVED") or times.get("COMPLETED"),
    )
    unit.db.add(row)
    await unit.db.flush()
    for name in story.components:
        unit.db.add(IncidentComponentRow(incident_id=row.id, component_id=ids[name]))
    for said in story.said:
        at = moment(began + said.after)
        unit.db.add(
            UpdateRow(
                id=new_id(), incident_id=row.id, status=said.status, body=said.body,
                visibility=said.visibility, created_at=at, display_at=at,
            )
        )  # fmt: skip
