"""Fields about the caller's own sessions and password, part of `IdentityQuery` and `IdentityMutation`.

The functions below are for the sessions of other accounts: a schema must guard them with its own
permissions.
"""

from __future__ import annotations

from datetime import datetime

import strawberry

from watchword.auth import tables
from watchword.auth.accounts.accounts import sign_out
from watchword.auth.sessions.sessions import live_sessions, revoke
from watchword.auth.sign_in.authentication import Authentication
from watchword.auth.sign_in.passwords import NO_PASSWORD
from watchword.context import Context, Info
from watchword.errors import BadUserInput, NotFound
from watchword.formats.text import is_storable
from watchword.permissions.field import FirstParty, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.transaction import Transaction


@guarded_by(SignedIn)
@strawberry.type(
    name="Session",
    description="A sign-in on one device, or the access that a user gave to an application.",
)
class SessionView:
    id: strawberry.ID
    label: str = strawberry.field(description="The device, as its User-Agent describes it.")
    created_at: datetime
    used_at: datetime = strawberry.field(description="When it was last refreshed.")
    authenticated_at: datetime = strawberry.field(
        description="When the user last authenticated: signed in, or stepped up."
    )
    expires_at: datetime = strawberry.field(description="When it ends at the latest.")
    address: str = strawberry.field(description="Where it was last refreshed from.")
    current: bool = strawberry.field(description="Whether this is the caller's session.")
    methods: list[str] = strawberry.field(
        description="How the user authenticated: pwd, otp, mfa, hwk (RFC 8176)."
    )
    client: str = strawberry.field(description="The application that the session belongs to.")


@strawberry.type
class SessionQuery:
    """Part of `IdentityQuery`."""

    @strawberry.field(
        permission_classes=[FirstParty],
        description="The caller's own sessions, the most recently used first.",
    )
    async def sessions(self, info: Info) -> list[SessionView] | None:
        return await account_sessions(info.context, info.context.principal.subject)


@strawberry.type
class SessionMutation:
    """Part of `IdentityMutation`."""

    @strawberry.mutation(
        permission_classes=[FirstParty],
        description="End one of the caller's own sessions and its tokens, on all servers. Returns its id.",
    )
    async def revoke_session(self, info: Info, id: strawberry.ID) -> strawberry.ID | None:
        async with info.context.write() as unit:
            await revoke_session(unit, info.context.principal.subject, id)
        return id

    @strawberry.mutation(
        permission_classes=[FirstParty],
        description="End all of the caller's own sessions and tokens, including those of applications and"
        " other issuers. With exceptCurrent the caller's session goes on, but has to refresh its access"
        " token now. Returns the remaining sessions.",
    )
    async def sign_out_everywhere(
        self, info: Info, except_current: bool = False
    ) -> list[SessionView] | None:
        context, principal = info.context, info.context.principal
        async with context.write() as unit:
            await sign_out(unit, principal.subject, principal.session if except_current else None)
        return await account_sessions(context, principal.subject)

    @strawberry.mutation(
        permission_classes=[FirstParty],
        description="Change the caller's own password. All its tokens end at once, and all its other"
        " sessions. The caller's session has to refresh its access token now. Returns the remaining"
        " sessions.",
    )
    async def change_password(self, info: Info, current: str, new: str) -> list[SessionView] | None:
        context = info.context
        for name, password in (("current", current), ("new", new)):
            if not is_storable(password):
                raise BadUserInput(NO_PASSWORD, [name])
        authentication = Authentication(context.services)
        await authentication.change_password(context.actor, current, new, context.now)
        return await account_sessions(context, context.principal.subject)


async def account_sessions(context: Context, account: str) -> list[SessionView]:
    """Return an account's live sessions, the most recently used first."""
    async with context.read() as db:
        found = await live_sessions(db, account, context.services.settings, context.now)
    return [_session(row, context.principal.session) for row in found]


async def revoke_session(unit: Transaction, account: str, id: str) -> None:
    """End a session of an account, and its tokens. Raises `NotFound` if the account has no such session."""
    found = await unit.db.get(tables.Session, id) if is_storable(id) else None
    if found is None or found.account_id != account:
        raise NotFound("There is no such session.")
    await revoke(unit, id)


def _session(row: tables.Session, current: str | None) -> SessionView:
    return SessionView(
        id=strawberry.ID(row.id),
        label=row.label,
        created_at=row.created_at,
        used_at=row.used_at,
        authenticated_at=row.authenticated_at,
        expires_at=row.expires_at,
        address=row.address,
        current=row.id == current,
        methods=row.methods,
        client=row.client_id,
    )
