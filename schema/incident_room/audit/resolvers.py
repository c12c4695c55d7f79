"""The audit log, for admins and for clients that read it for an admin."""

from __future__ import annotations

import strawberry

from incident_room.scopes import ReadsAudit
from watchword import (
    AuditAction,
    AuditEntry,
    Connection,
    Info,
    audit_log,
    decode_id,
    encode_id,
    page,
)


@strawberry.type
class AuditQuery:
    @strawberry.field(
        permission_classes=[ReadsAudit],
        description="Changes to accounts, sessions, keys and clients, the newest first.",
    )
    async def audit_log(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        account: strawberry.ID | None = None,
        action: AuditAction | None = None,
    ) -> Connection[AuditEntry] | None:
        key = None if account is None else decode_id(account, "Member", ["account"])
        wanted = page(first, after, last, before)
        return await audit_log(
            info.context, wanted, key, action, lambda id: encode_id("Member", id)
        )
