"""GraphQL fields about a person's consents, for any schema's Query and Mutation."""

from __future__ import annotations

from datetime import datetime

import strawberry

from watchword.context import Info
from watchword.domain import Domain
from watchword.errors import NotFound
from watchword.oauth.authorize.consents import Given, list_consents, withdraw
from watchword.permissions.field import FirstParty, SignedIn
from watchword.permissions.guarded import guarded_by


@guarded_by(SignedIn)
@strawberry.type(description="A scope that the person has granted to an application.")
class ConsentedScope:
    name: str = strawberry.field(description="The scope, as it is written in tokens.")
    description: str = strawberry.field(description="What the scope allows, in words.")


@guarded_by(SignedIn)
@strawberry.type(name="Consent", description="What the signed-in person lets an application do.")
class ConsentView:
    client: strawberry.ID = strawberry.field(description="The application's client_id.")
    name: str = strawberry.field(description="The application's name.")
    scopes: list[ConsentedScope]
    granted_at: datetime = strawberry.field(description="When the person last consented.")
    used_at: datetime | None = strawberry.field(
        description="When the application last got a token by this consent."
    )


@strawberry.type
class ConsentQuery:
    """Inherit from this in a schema's Query."""

    @strawberry.field(
        permission_classes=[FirstParty], description="The signed-in person's consents."
    )
    async def consents(self, info: Info) -> list[ConsentView] | None:
        async with info.context.read() as db:
            given = await list_consents(db, info.context.principal.subject)
        return [_consent(each, info.context.services.domain) for each in given]


@strawberry.type
class ConsentMutation:
    """Inherit from this in a schema's Mutation."""

    @strawberry.mutation(
        permission_classes=[FirstParty],
        description="Withdraw the consent to an application; its sessions and tokens end at once.",
    )
    async def withdraw_consent(self, info: Info, client: strawberry.ID) -> ConsentView | None:
        me = info.context.principal.subject
        async with info.context.write() as unit:
            given = {each.client: each for each in await list_consents(unit.db, me)}
            if client not in given or not await withdraw(unit, me, client):
                raise NotFound("You have let no such application do anything.")
        return _consent(given[client], info.context.services.domain)


def _consent(given: Given, domain: Domain) -> ConsentView:
    return ConsentView(
        client=strawberry.ID(given.client),
        name=given.name,
        scopes=[
            ConsentedScope(name=scope, description=domain.descriptions.get(scope, scope))
            for scope in given.scopes
        ],
        granted_at=given.granted_at,
        used_at=given.used_at,
    )
