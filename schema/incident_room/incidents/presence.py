"""Who works on an incident now: the members that have it open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import strawberry

from incident_room.incidents.store import get_incident
from incident_room.members.types import Member, load_shown_members
from incident_room.scopes import SeesInternal
from watchword import Info, Present, decode_id, guarded_by


@guarded_by(SeesInternal)
@strawberry.type(description="A member that has an incident open.")
class Responder:
    member: Member
    since: datetime


@strawberry.type
class PresenceSubscription:
    @strawberry.subscription(
        permission_classes=[SeesInternal],
        description="The members that have an incident open now: all of them at once, and again whenever that"
        " changes. Whoever subscribes has it open.",
    )
    async def responders_here(
        self, info: Info, incident_id: strawberry.ID
    ) -> AsyncIterator[list[Responder]]:
        key = decode_id(incident_id, "Incident", ["incidentId"])
        async with info.context.read() as db:
            await get_incident(db, key)
        async for present in info.context.presence(f"incident/{key}"):
            yield await _responders(info, present)


async def _responders(info: Info, present: Sequence[Present]) -> list[Responder]:
    # A service is present too, and is no member.
    members = await load_shown_members(info.context, [each.subject for each in present])
    return [
        Responder(member=member, since=each.since)
        for each, member in zip(present, members, strict=True)
        if member is not None
    ]
