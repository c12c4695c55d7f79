"""The GraphQL types of members."""

from __future__ import annotations

import strawberry

from incident_room.members.store import load_members
from incident_room.node import Node
from incident_room.scopes import IsAdmin, ManagesMembers, SeesInternal, SeesMembers
from incident_room.vocabulary import Role
from watchword import (
    ACCOUNTS,
    Account,
    Context,
    FirstParty,
    Question,
    condition,
    encode_id,
    guarded_by,
    reads,
)

KNOWN_ROLES = {role.value for role in Role}


@condition("to be this member")
def is_oneself(question: Question) -> bool:
    """Allow the member itself."""
    return bool(question.principal.subject and question.principal.subject == question.source.key)


@reads(ACCOUNTS)
# Responders see each other in an incident that they have open.
@guarded_by(SeesMembers | ManagesMembers | SeesInternal)
@strawberry.type(description="A person who can sign in.")
class Member(Node):
    key: strawberry.Private[str]
    address: strawberry.Private[str]
    name: str
    roles: list[Role]
    version: int = strawberry.field(
        description="Grows with each change. Pass it to a mutation to notice concurrent changes."
    )
    disabled: bool = strawberry.field(description="Whether the member is kept from signing in.")

    @reads(ACCOUNTS)
    @strawberry.field(
        permission_classes=[(is_oneself & FirstParty) | (SeesMembers & IsAdmin)],
        description="Visible to admins and to the member itself.",
    )
    def email(self) -> str | None:
        return self.address


def member(account: Account) -> Member:
    """Make the GraphQL object of an account."""
    return Member(
        id=encode_id("Member", account.id),
        key=account.id,
        address=account.email,
        name=account.name,
        roles=[Role(role) for role in account.roles if role in KNOWN_ROLES],
        version=account.version,
        disabled=account.disabled_at is not None,
    )


async def load_shown_members(context: Context, ids: list[str]) -> list[Member | None]:
    """Load members as GraphQL objects in one statement; None for unknown ones."""
    return [member(each) if each else None for each in await load_members(context, ids)]


@strawberry.input
class SetRolesInput:
    member: strawberry.ID
    roles: list[Role]
    version: int | None = None
