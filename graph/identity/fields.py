"""Fields about oneself, which any schema can merge into its Query."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graph.columns import moment
from graph.context import Info
from graph.identity.accounts import accounts_by_id
from graph.permissions.field import SignedIn


@strawberry.type(description="Who is asking, as the access token says.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The token's subject.")
    name: str | None
    email: str | None
    roles: list[str]
    scopes: list[str]
    expires_at: datetime = strawberry.field(description="When the access token ends.")


@strawberry.type
class IdentityQuery:
    """Inherit from this in a schema's Query."""

    @strawberry.field(permission_classes=[SignedIn], description="Who is signed in.")
    async def viewer(self, info: Info) -> Viewer | None:
        principal = info.context.principal
        async with info.context.read() as session:
            account = (await accounts_by_id(session, [principal.subject])).get(principal.subject)
        return Viewer(
            id=strawberry.ID(principal.subject),
            name=account.name if account else None,
            email=account.email if account else None,
            roles=sorted(principal.grants.roles),
            scopes=sorted(principal.grants.scopes),
            expires_at=moment(principal.expires_at),
        )
