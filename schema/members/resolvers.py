"""Fields about members."""

from __future__ import annotations

import strawberry

from graph import Connection, Info, connect, decode_id, page, set_roles
from schema.members.store import count_members, page_of_members
from schema.members.types import Member, SetRolesInput, member
from schema.scopes import ManagesMembers, SeesMembers


@strawberry.type
class MemberQuery:
    @strawberry.field(permission_classes=[SeesMembers], description="Everybody who can sign in.")
    async def members(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[Member] | None:
        async with info.context.read() as session:
            found = await page_of_members(session, page(first, after, last, before))
        return connect(found, member, lambda: count_members(info.context))


@strawberry.type
class MemberMutation:
    @strawberry.mutation(
        permission_classes=[ManagesMembers],
        description="Give a member these roles and no others. Tokens that say others are outdated at once.",
    )
    async def set_roles(self, info: Info, input: SetRolesInput) -> Member | None:
        key = decode_id(input.member, "Member", ["input", "member"])
        roles = {role.value for role in input.roles}
        async with info.context.write() as unit:
            account = await set_roles(unit, key, roles, input.version)
        return member(account)
