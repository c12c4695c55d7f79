"""Fields about oneself, which any schema can merge into its Query."""

from __future__ import annotations

from datetime import datetime

import strawberry

from watchword.auth.accounts.accounts import accounts_by_id
from watchword.auth.fields.factor_fields import FactorMutation, FactorQuery
from watchword.auth.fields.session_fields import SessionMutation, SessionQuery
from watchword.context import Info
from watchword.permissions.field import SignedIn
from watchword.principal import FIRST_PARTY
from watchword.storage.columns import moment


@strawberry.type(description="Who is asking, as the access token says.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The token's subject.")
    name: str | None = strawberry.field(description="Not told to applications of others.")
    email: str | None = strawberry.field(description="Not told to applications of others.")
    roles: list[str]
    scopes: list[str]
    expires_at: datetime = strawberry.field(description="When the access token ends.")


@strawberry.type
class IdentityQuery(SessionQuery, FactorQuery):
    """Inherit from this in a schema's Query."""

    @strawberry.field(permission_classes=[SignedIn], description="Who is signed in.")
    async def viewer(self, info: Info) -> Viewer | None:
        principal = info.context.principal
        # What a person lets an application do does not say that it may know who the person is.
        is_told = principal.session is None or principal.client == FIRST_PARTY
        async with info.context.read() as db:
            account = (await accounts_by_id(db, [principal.subject])).get(principal.subject)
        return Viewer(
            id=strawberry.ID(principal.subject),
            name=account.name if account and is_told else None,
            email=account.email if account and is_told else None,
            roles=sorted(principal.grants.roles),
            scopes=sorted(principal.grants.scopes),
            expires_at=moment(principal.expires_at),
        )


@strawberry.type(description="Until when a live connection may go on.")
class ConnectionTerms:
    expires_at: datetime = strawberry.field(description="When it is closed unless it is renewed.")


@strawberry.type
class IdentityMutation(SessionMutation, FactorMutation):
    """Inherit from this in a schema's Mutation."""

    @strawberry.mutation(
        permission_classes=[SignedIn],
        description="Go on with a new access token on the connection that this comes over; for"
        " clients that cannot send it in a ping. Of the same person, and from the same sign-in. A"
        " token that is bound to a key comes with a DPoP proof.",
    )
    async def renew_connection(
        self, info: Info, token: str, proof: str | None = None
    ) -> ConnectionTerms | None:
        principal = await info.context.renew(token, proof)
        return ConnectionTerms(expires_at=moment(principal.expires_at))
