"""The audit log as GraphQL sees it. A schema guards it with permissions of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import strawberry
from sqlalchemy import Select, func, select
from strawberry.scalars import JSON

from watchword.auth import tables
from watchword.auth.audit.audit import Action
from watchword.context import Context
from watchword.relay.connection import Connection, connect
from watchword.relay.page import Page
from watchword.relay.paginate import Order, paginate

NEWEST_FIRST = Order("audit", (tables.AuditEntry.position,), descending=True)

NameOf = Callable[[str], strawberry.ID]
"""Returns the id by which a schema knows an account."""


@strawberry.type(
    name="AuditEntry", description="Something that was done to accounts, sessions, keys or clients."
)
class AuditEntryView:
    at: datetime
    action: Action
    actor: str | None = strawberry.field(
        description="Who did it: an account's or a client's id, operator for the command line, null"
        " for somebody who was not known yet and for the server itself."
    )
    account: strawberry.ID | None = strawberry.field(description="Whom it was done to.")
    session: str | None
    client: str | None
    address: str = strawberry.field(description="The network address it came from.")
    detail: JSON = strawberry.field(description="What else is known, as texts by name.")


async def audit_log(
    context: Context,
    page: Page,
    account: str | None = None,
    action: Action | None = None,
    name_of: NameOf = strawberry.ID,
) -> Connection[AuditEntryView]:
    """Return a page of the audit log, the newest first: all of it, or about an account or an action.

    Raises `BadUserInput` for a cursor that is not from here.
    """
    wanted = _wanted(account, action)

    async def count() -> int:
        async with context.read() as db:
            return (
                await db.execute(select(func.count()).select_from(wanted.subquery()))
            ).scalar_one()

    async with context.read() as db:
        found = await paginate(db, wanted, NEWEST_FIRST, page)
    return connect(found, lambda row: _entry(row, name_of), count)


def _wanted(account: str | None, action: Action | None) -> Select[tables.AuditEntry]:
    wanted = select(tables.AuditEntry)
    if account is not None:
        wanted = wanted.where(tables.AuditEntry.account_id == account)
    if action is not None:
        wanted = wanted.where(tables.AuditEntry.action == action.value)
    return wanted


def _entry(row: tables.AuditEntry, name_of: NameOf) -> AuditEntryView:
    return AuditEntryView(
        at=row.at,
        action=Action(row.action),
        actor=row.actor,
        account=name_of(row.account_id) if row.account_id is not None else None,
        session=row.session_id,
        client=row.client_id,
        address=row.address,
        detail=JSON(row.detail),
    )
