"""Queries and mutations about members."""

from __future__ import annotations

import strawberry

from incident_room.members.store import count_members, page_of_members
from incident_room.members.types import Member, SetRolesInput, member
from incident_room.scopes import ManagesMembers, SeesMembers
from watchword import (
    ACCOUNTS,
    Connection,
    FirstParty,
    Info,
    RecentlyAuthenticated,
    Session,
    account_sessions,
    connect,
    decode_id,
    disable,
    enable,
    page,
    reads,
    revoke_session,
    set_roles,
    sign_out,
)

ManagesAccounts = ManagesMembers & FirstParty & RecentlyAuthenticated()


@strawberry.type
class MemberQuery:
    @reads(ACCOUNTS)
    @strawberry.field(
        permission_classes=[SeesMembers],
        description="All people with an account, the oldest account first.",
    )
    async def members(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[Member] | None:
        found = await page_of_members(info.context, page(first, after, last, before))
        return connect(found, member, lambda: count_members(info.context))

    @strawberry.field(
        permission_classes=[ManagesMembers & FirstParty],
        description="A member's sessions, the last used first.",
    )
    async def account_sessions(self, info: Info, account: strawberry.ID) -> list[Session] | None:
        return await account_sessions(info.context, _key(account))


@strawberry.type
class MemberMutation:
    @strawberry.mutation(
        permission_classes=[ManagesAccounts],
        description="Set a member's roles. Access tokens with other roles are outdated at once.",
    )
    async def set_roles(self, info: Info, input: SetRolesInput) -> Member | None:
        key = decode_id(input.member, "Member", ["input", "member"])
        roles = {role.value for role in input.roles}
        async with info.context.write() as unit:
            account = await set_roles(unit, key, roles, input.version)
        return member(account)

    @strawberry.mutation(
        permission_classes=[ManagesAccounts],
        description="End a member's session and its tokens everywhere. Returns the remaining sessions.",
    )
    async def revoke_account_session(
        self, info: Info, account: strawberry.ID, session: strawberry.ID
    ) -> list[Session] | None:
        key = _key(account)
        async with info.context.write() as unit:
            await revoke_session(unit, key, session)
        return await account_sessions(info.context, key)

    @strawberry.mutation(
        permission_classes=[ManagesAccounts],
        description="End all sessions and tokens of a member, everywhere.",
    )
    async def sign_out_account(self, info: Info, account: strawberry.ID) -> Member | None:
        async with info.context.write() as unit:
            return member(await sign_out(unit, _key(account)))

    @strawberry.mutation(
        permission_classes=[ManagesAccounts],
        description="Disable a member's account, and end all its sessions and tokens.",
    )
    async def disable_account(self, info: Info, account: strawberry.ID) -> Member | None:
        async with info.context.write() as unit:
            return member(await disable(unit, _key(account)))

    @strawberry.mutation(
        permission_classes=[ManagesAccounts],
        description="Enable a member's disabled account.",
    )
    async def enable_account(self, info: Info, account: strawberry.ID) -> Member | None:
        async with info.context.write() as unit:
            return member(await enable(unit, _key(account)))


def _key(account: str) -> str:
    return decode_id(account, "Member", ["account"])
