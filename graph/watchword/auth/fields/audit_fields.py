"""The audit log as a GraphQL connection. A schema must guard it with its own permissions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import strawberry
from sqlalchemy import Select, func, select
from strawberry.scalars import JSON

from watchword.auth import tables
from watchword.auth.audit.audit import Action
from watchword.context import Context
from watchword.permissions.field import SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.relay.connection import Connection, connect
from watchword.relay.page import Page
from watchword.relay.paginate import Order, paginate

NEWEST_FIRST = Order("audit", (tables.AuditEntry.position,), descending=True)

NameOf = Callable[[str], strawberry.ID]
"""Returns the GraphQL id of an account in a schema."""


@guarded_by(SignedIn)
@strawberry.type(
    name="AuditEntry",
    description="An action on accounts, sessions, keys or clients that was recorded.",
)
class AuditEntryView:
    at: datetime
    action: Action
    actor: str | None = strawberry.field(
        description="The id of the account or client that did it, operator for the command line, null for"
        " the server itself and for a caller that was not signed in."
    )
    account: strawberry.ID | None = strawberry.field(description="The account that it concerns.")
    session: str | None
    client: str | None
    address: str = strawberry.field(description="The network address it came from.")
    detail: JSON = strawberry.field(description="More about the action, as strings by name.")


async def audit_log(
    context: Context,
    page: Page,
    account: str | None = None,
    action: Action | None = None,
    name_of: NameOf = strawberry.ID,
) -> Connection[AuditEntryView]:
    """Return a page of the audit log, the newest first; `account` and `action` restrict it.

    `name_of` makes the GraphQL id of an account. Raises `BadUserInput` for a cursor of another list.
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
