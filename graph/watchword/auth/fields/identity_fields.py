"""Fields about the caller's own account. Any schema can inherit them in its Query and Mutation."""

from __future__ import annotations

from datetime import datetime

import strawberry

from watchword.auth.accounts.accounts import accounts_by_id
from watchword.auth.fields.factor_fields import FactorMutation, FactorQuery
from watchword.auth.fields.session_fields import SessionMutation, SessionQuery
from watchword.context import Info
from watchword.permissions.field import SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.principal import FIRST_PARTY
from watchword.storage.columns import moment


@guarded_by(SignedIn)
@strawberry.type(description="The caller, as the access token describes it.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The token's subject.")
    name: str | None = strawberry.field(description="Null for applications of third parties.")
    email: str | None = strawberry.field(description="Null for applications of third parties.")
    roles: list[str]
    scopes: list[str]
    expires_at: datetime = strawberry.field(description="When the access token expires.")


@strawberry.type
class IdentityQuery(SessionQuery, FactorQuery):
    """Inherit from this in a schema's Query."""

    @strawberry.field(permission_classes=[SignedIn], description="The signed-in caller.")
    async def viewer(self, info: Info) -> Viewer | None:
        principal = info.context.principal
        # Consent to an application's scopes is no consent to reveal the user's name and address.
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


@guarded_by(SignedIn)
@strawberry.type(description="How long a live connection may go on.")
class ConnectionTerms:
    expires_at: datetime = strawberry.field(description="When it is closed if it is not renewed.")


@strawberry.type
class IdentityMutation(SessionMutation, FactorMutation):
    """Inherit from this in a schema's Mutation."""

    @strawberry.mutation(
        permission_classes=[SignedIn],
        description="Renew the connection that this is sent over with a new access token of the same"
        " user and session; for clients that cannot send it in a ping. A token that is bound to a key"
        " needs a DPoP proof.",
    )
    async def renew_connection(
        self, info: Info, token: str, proof: str | None = None
    ) -> ConnectionTerms | None:
        principal = await info.context.renew(token, proof)
        return ConnectionTerms(expires_at=moment(principal.expires_at))
