"""Queries and mutations about incidents."""

from __future__ import annotations

import strawberry

from incident_room.incidents.inputs import (
    AssignCommanderInput,
    ChangeImpactInput,
    ChangeStatusInput,
    ChangeVisibilityInput,
    IncidentFilter,
    IncidentOrder,
    OpenIncidentInput,
    PostUpdateInput,
    ResolveIncidentInput,
    SetAffectedComponentsInput,
    component_keys,
    order_of,
)
from incident_room.incidents.lifecycle import check_transition, first_status, last_status
from incident_room.incidents.policy import (
    LeadsIncident,
    ResolvesOnlyWhatItLeads,
    posts_where_it_sees,
)
from incident_room.incidents.store import (
    Wanted,
    affect,
    count_incidents,
    get_incident,
    load_incidents,
    move_to,
    page_of_incidents,
    say,
    touch,
)
from incident_room.incidents.types import Incident, IncidentUpdate, incident, incident_update
from incident_room.scopes import RespondsToIncidents, SeesInternal
from incident_room.tables import IncidentRow
from incident_room.timeline.store import get_update
from incident_room.topics import INCIDENTS, IncidentEventKind, incident_event
from incident_room.vocabulary import Impact, IncidentStatus, Visibility
from watchword import (
    BadUserInput,
    Connection,
    Info,
    NotFound,
    Public,
    Transaction,
    accounts_by_id,
    checked_text,
    connect,
    decode_id,
    moment,
    new_id,
    page,
    reads,
)

Kind = IncidentEventKind

LONGEST_NAME = 255
LONGEST_BODY = 25_000
FIRST_STATUSES = {
    False: (IncidentStatus.INVESTIGATING, IncidentStatus.IDENTIFIED, IncidentStatus.MONITORING),
    True: (IncidentStatus.SCHEDULED, IncidentStatus.IN_PROGRESS),
}


@strawberry.type
class IncidentQuery:
    @reads(INCIDENTS)
    @strawberry.field(permission_classes=[Public], description="Incidents that match the filter.")
    async def incidents(
        self,
        info: Info,
        filter: IncidentFilter | None = None,
        order_by: IncidentOrder = IncidentOrder.STARTED_AT_DESC,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[Incident]:
        wanted = filter.wanted() if filter else Wanted()
        asked = page(first, after, last, before)
        found = await page_of_incidents(info.context, wanted, order_of(order_by), asked)
        return connect(found, incident, lambda: count_incidents(info.context, wanted))

    @reads(INCIDENTS)
    @strawberry.field(permission_classes=[Public])
    async def incident(self, info: Info, id: strawberry.ID) -> Incident | None:
        row = await info.context.loader(load_incidents).load(decode_id(id, "Incident"))
        if row is None:
            raise NotFound("There is no such incident.")
        return incident(row)


@strawberry.type
class IncidentMutation:
    @strawberry.mutation(permission_classes=[RespondsToIncidents])
    async def open_incident(self, info: Info, input: OpenIncidentInput) -> Incident | None:
        async with info.context.write() as unit:
            row = await _open(unit, input)
            said = say(unit, row, _body(input.body), info.context.principal.subject)
            unit.publish(incident_event(row.id, Kind.OPENED, said.id))
        return incident(row)

    @strawberry.mutation(
        permission_classes=[RespondsToIncidents & posts_where_it_sees & ResolvesOnlyWhatItLeads]
    )
    async def post_update(self, info: Info, input: PostUpdateInput) -> IncidentUpdate | None:
        author = info.context.principal.subject
        async with info.context.write() as unit:
            row = await get_incident(unit.db, _key(input.incident), input.version)
            if input.status is not None and input.status.value != row.status:
                if input.visibility is Visibility.INTERNAL:
                    raise BadUserInput("A status changes in public.", ["input", "status"])
                await _move(unit, row, input.status)
            said = say(unit, row, _body(input.body), author, input.visibility)
            if input.visibility is Visibility.PUBLIC:
                await touch(unit.db, row, moment(unit.now))
            unit.publish(incident_event(row.id, Kind.UPDATE_POSTED, said.id, input.visibility))
        return incident_update(said)

    @strawberry.mutation(
        permission_classes=[RespondsToIncidents & SeesInternal],
        description="Hide an update from the public, or show it to the public.",
    )
    async def change_visibility(
        self, info: Info, input: ChangeVisibilityInput
    ) -> IncidentUpdate | None:
        key = decode_id(input.update, "IncidentUpdate", ["input", "update"])
        async with info.context.write() as unit:
            said = await get_update(unit.db, key)
            if said.visibility != input.visibility.value:
                said.visibility = input.visibility.value
                unit.publish(incident_event(said.incident_id, Kind.VISIBILITY_CHANGED, said.id))
        return incident_update(said)

    @strawberry.mutation(permission_classes=[RespondsToIncidents & ResolvesOnlyWhatItLeads])
    async def change_status(self, info: Info, input: ChangeStatusInput) -> Incident | None:
        async with info.context.write() as unit:
            row = await get_incident(unit.db, _key(input.incident), input.version)
            await _move(unit, row, input.status)
            _publish(unit, row, Kind.STATUS_CHANGED, input.body, info.context.principal.subject)
        return incident(row)

    @strawberry.mutation(permission_classes=[RespondsToIncidents])
    async def change_impact(self, info: Info, input: ChangeImpactInput) -> Incident | None:
        async with info.context.write() as unit:
            row = await get_incident(unit.db, _key(input.incident), input.version)
            if row.impact != input.impact.value:
                row.impact, row.updated_at = input.impact.value, moment(unit.now)
                await unit.db.flush()
                unit.publish(incident_event(row.id, Kind.IMPACT_CHANGED))
        return incident(row)

    @strawberry.mutation(permission_classes=[LeadsIncident])
    async def assign_commander(self, info: Info, input: AssignCommanderInput) -> Incident | None:
        async with info.context.write() as unit:
            row = await get_incident(unit.db, _key(input.incident), input.version)
            commander = await _commander(unit, input)
            if row.commander_id != commander:
                row.commander_id, row.updated_at = commander, moment(unit.now)
                await unit.db.flush()
                unit.publish(incident_event(row.id, Kind.COMMANDER_ASSIGNED))
        return incident(row)

    @strawberry.mutation(permission_classes=[RespondsToIncidents])
    async def set_affected_components(
        self, info: Info, input: SetAffectedComponentsInput
    ) -> Incident | None:
        async with info.context.write() as unit:
            row = await get_incident(unit.db, _key(input.incident), input.version)
            row.updated_at = moment(unit.now)
            await unit.db.flush()
            await affect(unit.db, row.id, component_keys(input.components, "input"))
            unit.publish(incident_event(row.id, Kind.COMPONENTS_CHANGED))
        return incident(row)

    @strawberry.mutation(permission_classes=[LeadsIncident])
    async def resolve_incident(self, info: Info, input: ResolveIncidentInput) -> Incident | None:
        async with info.context.write() as unit:
            row = await get_incident(unit.db, _key(input.incident), input.version)
            await _move(unit, row, last_status(IncidentStatus(row.status)))
            _publish(unit, row, Kind.RESOLVED, input.body, info.context.principal.subject)
        return incident(row)


async def _open(unit: Transaction, input: OpenIncidentInput) -> IncidentRow:
    now = moment(unit.now)
    row = IncidentRow(
        id=new_id(),
        name=checked_text(input.name, ["input", "name"], LONGEST_NAME),
        impact=input.impact.value,
        created_at=now,
        started_at=input.began_at(now),
    )
    move_to(row, _first(input), now)
    unit.db.add(row)
    await unit.db.flush()
    if input.components:
        await affect(unit.db, row.id, component_keys(input.components, "input"))
    return row


def _first(input: OpenIncidentInput) -> IncidentStatus:
    if input.status is None:
        return first_status(input.impact)
    allowed = FIRST_STATUSES[input.impact is Impact.MAINTENANCE]
    if input.status not in allowed:
        names = [status.value for status in allowed]
        raise BadUserInput(
            f"An incident of impact {input.impact.value} begins as {' or '.join(names)}.",
            ["input", "status"],
            allowed=names,
        )
    return input.status


async def _move(unit: Transaction, row: IncidentRow, status: IncidentStatus) -> None:
    check_transition(IncidentStatus(row.status), status)
    move_to(row, status, moment(unit.now))
    await unit.db.flush()


def _publish(
    unit: Transaction, row: IncidentRow, kind: IncidentEventKind, body: str | None, author: str
) -> None:
    said = None if body is None else say(unit, row, _body(body), author)
    unit.publish(incident_event(row.id, kind, said.id if said else None))


async def _commander(unit: Transaction, input: AssignCommanderInput) -> str | None:
    if input.member is None:
        return None
    key = decode_id(input.member, "Member", ["input", "member"])
    account = (await accounts_by_id(unit.db, [key])).get(key)
    if account is None or account.disabled_at is not None:
        raise BadUserInput("There is no such member.", ["input", "member"])
    return key


def _key(id: strawberry.ID) -> str:
    return decode_id(id, "Incident", ["input", "incident"])


def _body(text: str) -> str:
    return checked_text(text, ["input", "body"], LONGEST_BODY, lines=True)
